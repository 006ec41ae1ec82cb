"""A delivery whose person PostgreSQL cannot keep is a dead letter of its own and nobody else's trouble."""

import asyncio
from collections.abc import Sequence

import pytest

from services.ingest.domain.errors import UnstorableError
from services.ingest.domain.identity import Resolution
from services.ingest.domain.people import Claim
from services.ingest.redrive import Redriver
from services.ingest.testing import MemoryIdentities
from tests.unit.ingest.shop import Shop, klaviyo, order, segment, standard
from tests.unit.ingest.test_events_api import ORDER, make_shop, post

CURSED = "cursed@shopper.example"


class Choosy(MemoryIdentities):
    """Refuses one address, until it is told better."""

    better = False

    async def resolve(self, claims: Sequence[Claim]) -> list[Resolution]:
        named = {one.value for claim in claims for one in claim.identifiers}
        if not self.better and named & {CURSED, "cursed"}:
            raise UnstorableError
        return await super().resolve(claims)


async def test_of_deliveries_at_once_only_the_culprit_becomes_a_letter():
    shop = Shop(identities=Choosy())
    bodies = [order(number, email=f"{number}@b.example", customer={"id": number}) for number in range(1, 6)]
    bodies[2] = order(3, email=CURSED, customer={"id": 3})
    answers = await asyncio.gather(*(shop.shopify("orders/create", body) for body in bodies))
    assert [answer.status_code for answer in answers] == [200, 200, 202, 200, 200]
    assert answers[2].json()["dead_letter"] == "unstorable"
    (letter,) = shop.letters.letters.values()
    assert CURSED.encode() in letter.body
    assert "shopper.example" not in letter.detail
    labels = {"provider": "shopify", "reason": "unstorable"}
    assert shop.metric("greenline_ingest_dead_letters_total", **labels) == 1


async def test_the_letter_is_read_again_once_it_can_be_kept():
    identities = Choosy()
    shop = Shop(identities=identities)
    reference = (await shop.shopify("orders/create", order(email=CURSED))).json()["reference"]
    redriver = Redriver(shop.ingest.intake, shop.ports.sources, shop.letters)
    assert (await redriver.one(reference)).received.dead_letter == "unstorable"
    identities.better = True
    assert len((await redriver.one(reference)).received.events) == 1
    assert shop.letters.letters == {}


async def test_the_rest_of_a_batch_is_accepted():
    shop = Shop(identities=Choosy())
    clicks = [
        ("clicked_email", f"e{number}", {"email": who})
        for number, who in enumerate(("ada@shopper.example", CURSED, "bob@shopper.example"))
    ]
    body = klaviyo(*clicks)
    for number, event in enumerate(body["data"]):
        event["payload"]["data"]["relationships"] = {
            "profile": {"data": {"type": "profile", "id": f"P{number}"}}
        }
    answer = await shop.post("klaviyo", body)
    assert answer.json()["events"] == ["klaviyo:event:e0", "klaviyo:event:e2"]
    assert (answer.status_code, answer.json()["dead_letter"]) == (200, "unstorable")


async def test_no_erasure_is_called_done_that_found_nobody_for_this_reason():
    shop = Shop(identities=Choosy())
    answer = await shop.post("segment", segment("delete", userId="cursed"))
    assert (answer.status_code, answer.json()["dead_letter"]) == (202, "unstorable")
    assert shop.privacy.rows == {}


async def test_of_events_sent_by_token_all_are_taken_or_none():
    shop = make_shop(identities=Choosy())
    cursed = {**ORDER, "customer": {"email": CURSED}}
    answer = await post(shop, {"events": [ORDER, cursed]})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert shop.log.records == []
    assert (await post(shop, {"events": [ORDER]})).status_code == 200


@pytest.mark.parametrize("odd", ["r\\u0000", "r\n"])
async def test_a_backslash_is_no_control_character(odd):
    body = standard("referral.made", {"customer": {"id": "1"}, "referral_id": odd})
    answer = await Shop().post("standard", body)
    assert answer.status_code == 200
