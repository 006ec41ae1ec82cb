"""A mapping of ours breaks, a delivery becomes a dead letter, the mapping is fixed, the letter redriven."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.ingest.domain.errors import UnparsableError
from services.ingest.domain.letters import kept_labels
from services.ingest.domain.plan import Delivery
from services.ingest.domain.providers import discover
from services.ingest.letters import count_waiting
from services.ingest.ports import LetterQuery
from services.ingest.redrive import Redriven, Redriver
from services.ingest.testing import FixedSources
from tests.property.ingest.bodies import GOOD, TOPIC_HEADERS, TOPICS
from tests.unit.ingest.shop import SECRETS, Shop, encode, klaviyo, order, refund, sign, source

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
MIXED = {"traceparent": TRACE, "x-shopify-webhook-id": "w-1"}


async def spoilt(shop: Shop, provider: str, body: object, headers: dict[str, str]) -> None:
    """Deliver while the provider's mapping is broken."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(discover(), provider, replace(discover()[provider], read=broken))
        ports = {name: getattr(shop, name) for name in ("identities", "spool", "log", "letters", "clock")}
        answer = await Shop(**ports).post(provider, body, headers)
    assert (answer.status_code, answer.json()["dead_letter"]) == (202, "defect")


def broken(node, delivery, source):
    raise KeyError("a provider changed its payload")


def again(shop: Shop, sources: FixedSources | None = None) -> Redriver:
    return Redriver(shop.ingest.intake, sources or FixedSources(*shop.sources), shop.letters)


def after_the_fix(shop: Shop) -> Shop:
    """The next process, with a mapping that works, three days later."""
    shop.clock.advance(timedelta(days=3))
    return Shop(
        clock=shop.clock, identities=shop.identities, spool=shop.spool, log=shop.log, letters=shop.letters
    )


async def redrive_all(shop: Shop) -> list[Redriven]:
    redriver = again(shop)
    waiting = await redriver.waiting(LetterQuery(), 1_000)
    return [done for letter in waiting if (done := await redriver.one(letter.reference))]


async def telling(provider: str) -> list[tuple[object, dict[str, str]]]:
    """Good deliveries that say something, one for each set of types of events that they say."""
    scout, seen = Shop(), {}
    for body in GOOD[provider]:
        for topic in TOPICS:
            before = len(scout.events())
            headers = {**MIXED, **dict.fromkeys(TOPIC_HEADERS, topic)}
            await scout.post(provider, body, headers)
            said = scout.events()[before:]
            seen.setdefault(tuple(event["type"] for event in said), (body, headers))
    return list(seen.values())


@pytest.mark.parametrize("provider", sorted(SECRETS))
async def test_a_fixed_mapping_says_byte_for_byte_what_a_right_delivery_says(provider):
    compared = 0
    for body, headers in await telling(provider):
        right = Shop()
        if (await right.post(provider, body, headers)).status_code != 200 or not right.log.records:
            continue
        late = Shop()
        await spoilt(late, provider, body, headers)
        fixed = after_the_fix(late)
        (done,) = await redrive_all(fixed)
        assert not done.stays
        # The customers of these fakes are numbered, so that even they are the same.
        assert fixed.log.records == right.log.records
        compared += 1
    assert compared


async def test_a_redriven_letter_keeps_what_became_of_it_and_not_its_bytes():
    shop = Shop()
    reference = (await shop.shopify("refunds/create", refund())).json()["reference"]
    await shop.shopify("orders/create", order())
    (done,) = await redrive_all(shop)
    (event,) = done.received.events
    assert shop.events()[-1]["id"] == event
    (letter,) = await shop.letters.find(LetterQuery(state="redriven"), 10)
    assert (letter.reference, letter.size) == (reference, 0)
    assert letter.result == {"outcome": "accepted", "events": [event], "durable": "kafka"}
    assert await shop.letters.load(reference) is None
    assert await again(shop).one(reference) is None


async def test_what_still_fails_stays_with_its_new_reason():
    shop = Shop()
    await spoilt(shop, "shopify", refund(), {"x-shopify-topic": "refunds/create"})
    (done,) = await redrive_all(shop)
    assert done.stays
    (letter,) = await shop.letters.find(LetterQuery(), 10)
    assert (letter.reason, letter.attempts, letter.state) == ("missing_customer", 1, "waiting")
    assert await shop.letters.load(letter.reference) is not None
    assert len(shop.letters.letters) == 1


async def test_a_batch_that_is_still_half_understood_publishes_its_half_and_stays():
    shop = Shop()
    known, unknown = ("clicked_email", "e1", {"email": "ada@shopper.example"}), ("went_fishing", "e2", {})
    await shop.post("klaviyo", klaviyo(known, unknown))
    (done,) = await redrive_all(shop)
    assert done.stays
    assert [event["id"] for event in shop.events()] == ["klaviyo:event:e1"] * 2


async def test_what_is_known_by_now_is_newer_than_a_letter():
    shop = Shop()
    old = {**order()["customer"], "first_name": "A.", "phone": "+12125550143"}
    await spoilt(shop, "shopify", order(customer=old), {"x-shopify-topic": "orders/create"})
    await shop.shopify("orders/create", order(1002))
    await redrive_all(shop)
    profile = shop.profiles()[-1]
    assert (profile["name"], profile["phone"]) == ("Ada Byron", "+12125550143")


async def test_bytes_that_are_not_those_that_were_verified_stay():
    shop = Shop()
    reference = (await shop.shopify("orders/create", order(created_at=None))).json()["reference"]
    shop.letters.letters[reference] = replace(shop.letters.letters[reference], body=b"{}")
    (done,) = await redrive_all(shop)
    assert done.received.dead_letter == "altered"


@pytest.mark.parametrize(
    "now", [(), (source("shopify", tenant="other"),), (source("segment", name="shopify"),)]
)
async def test_a_letter_whose_source_is_another_now_stays(now):
    shop = Shop()
    reference = (await shop.shopify("orders/teleported", order())).json()["reference"]
    done = await again(shop, FixedSources(*now)).one(reference)
    assert done.received.dead_letter == "unknown_source"


class Asked(dict):
    """Labels that remember which of them were asked for."""

    def get(self, name, default=None):
        self[name] = "asked"
        return default


@pytest.mark.parametrize("provider", sorted(SECRETS))
def test_every_label_that_a_reader_asks_for_is_kept_and_no_proof_is(provider):
    found = discover()[provider]
    asked = Asked()
    for body in GOOD[provider]:
        raw = Delivery(asked, encode(provider, body), asked)
        for node in found.items(raw):
            try:
                found.read(node, raw, source(provider))
            except Exception:  # noqa: BLE001 (only what it asked for matters here)
                continue
    assert set(kept_labels(Delivery(asked, b""))) == set(asked)
    proofs = {
        name: value
        for name, value in sign(provider, b"{}").items()
        if any(word in name for word in ("sign", "hmac", "token"))
    }
    assert proofs
    assert kept_labels(Delivery({**proofs, "authorization": "x", "cookie": "x"}, b"", {"token": "x"})) == {}


async def test_waiting_letters_are_counted_by_reason_until_they_are_settled():
    shop = Shop()
    await shop.shopify("refunds/create", refund())
    await shop.shopify("orders/teleported", order())
    await count_waiting(shop.letters, shop.ingest.metrics)
    name = "greenline_ingest_dead_letters_waiting"
    assert [shop.metric(name, reason=one) for one in ("missing_customer", "unknown_topic")] == [1, 1]
    await shop.shopify("orders/create", order())
    await redrive_all(shop)
    await count_waiting(shop.letters, shop.ingest.metrics)
    assert [shop.metric(name, reason=one) for one in ("missing_customer", "unknown_topic")] == [0, 1]


async def test_what_nobody_could_read_is_read_again_once_somebody_can():
    raw = encode("shopify", order())
    late, headers = Shop(), {"x-shopify-topic": "orders/create"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(discover(), "shopify", replace(discover()["shopify"], items=unreadable))
        ports = {name: getattr(late, name) for name in ("identities", "spool", "log", "letters", "clock")}
        answer = await Shop(**ports).post("shopify", raw, headers)
    assert (answer.status_code, answer.json()["dead_letter"]) == (202, "unparsable")
    fixed, right = after_the_fix(late), Shop()
    (done,) = await redrive_all(fixed)
    await right.post("shopify", raw, headers)
    assert not done.stays
    assert fixed.log.records == right.log.records


def unreadable(delivery):
    raise UnparsableError("a provider changed its format")


async def test_a_content_type_that_is_taken_by_now_is_read_and_another_stays():
    shop = Shop()
    headers = {"x-shopify-topic": "orders/create", "content-type": "application/vnd.shop+json"}
    answer = await shop.post("shopify", order(), headers)
    assert (answer.status_code, answer.json()["dead_letter"]) == (202, "wrong_content_type")
    (still,) = await redrive_all(shop)
    assert still.received.dead_letter == "wrong_content_type"
    with pytest.MonkeyPatch.context() as patch:
        kinds = frozenset({"application/vnd.shop+json"})
        patch.setitem(discover(), "shopify", replace(discover()["shopify"], content_types=kinds))
        (done,) = await redrive_all(after_the_fix(shop))
    assert len(done.received.events) == 1
