"""What PostgreSQL never takes (U+0000, half a surrogate pair) is nobody else's trouble, and no outage."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry

from services.ingest.desk import IdentityDesk
from services.ingest.domain.errors import UnstorableError
from services.ingest.domain.letters import kept_labels
from services.ingest.domain.people import Anchor, Claim, Identifier, Person, claim_of
from services.ingest.domain.plan import Delivery
from services.ingest.metrics import IngestMetrics
from services.ingest.ports import LetterQuery, PrivacyRow
from tests.contract.ingest.test_dead_letter_store import SOURCE, letter

BAD = {"U+0000": "a\0b", "a lone surrogate": "a\ud800b"}
NOW = datetime(2024, 5, 1, tzinfo=UTC)
SOUND = Claim(
    "demo",
    (Identifier("shopify.customer", "7"), Identifier("email", "ada@b.example")),
    (Anchor("shopify/order", "1", "9.50 EUR"),),
    (("name", "Ada"), ("timezone", "Europe/Berlin")),
)
bad = pytest.mark.parametrize("value", BAD.values(), ids=BAD)


def with_value(place: str, value: str) -> Claim:
    """A claim of another customer, with this value in one of its texts."""
    said = {
        "tenant": "demo",
        "kind": "shopify.customer",
        "id": "8",
        "email": "bob@b.example",
        "object": "shopify/order",
        "number": "2",
        "detail": "1.00 EUR",
        "field": "name",
        "name": "Bob",
        place: value,
    }
    return Claim(
        said["tenant"],
        (Identifier(said["kind"], said["id"]), Identifier("email", said["email"])),
        (Anchor(said["object"], said["number"], said["detail"]),),
        ((said["field"], said["name"]), ("email_consent", True)),
    )


PLACES = ("tenant", "kind", "id", "email", "object", "number", "detail", "field", "name")


def desk_on(identities) -> IdentityDesk:
    return IdentityDesk(identities, IngestMetrics(CollectorRegistry()), 1_000, 5.0)


@bad
@pytest.mark.parametrize("place", PLACES)
async def test_of_a_batch_only_the_claim_with_such_a_value_is_refused(identities, place, value):
    with pytest.raises(UnstorableError):
        await identities.resolve([SOUND, with_value(place, value)])
    desk, other = desk_on(identities), replace_ids(SOUND)
    found = await asyncio.gather(
        *(desk.resolve(one) for one in (SOUND, with_value(place, value), other)), return_exceptions=True
    )
    assert [type(one).__name__ for one in found] == ["Resolution", "UnstorableError", "Resolution"]
    assert (found[0].outcome, found[2].outcome) == ("created", "created")
    (known,) = await identities.who(["ada@b.example"])
    assert known.profile == {"name": "Ada", "timezone": "Europe/Berlin"}
    assert await identities.who(["8", "bob@b.example"]) == []


def replace_ids(claim: Claim) -> Claim:
    return Claim(claim.tenant, (Identifier("shopify.customer", "9"),), (), claim.contact)


@bad
async def test_objects_beside_one_with_such_a_value_are_remembered(identities, value):
    customer = (await identities.resolve([SOUND]))[0].customer
    desk = desk_on(identities)
    await desk.resolve(SOUND)
    desk.published("demo", customer, dict(SOUND.contact))
    for number in ("41", value, "42"):
        anchors = (Anchor("shopify/order", number, None),)
        assert (await desk.resolve(Claim("demo", SOUND.identifiers, anchors))).customer == customer
    await desk.finish()
    assert [one.customer for one in await identities.who(["41"])] == [customer]
    assert [one.customer for one in await identities.who(["42"])] == [customer]


@bad
async def test_nobody_is_looked_for_by_such_a_value(identities, value):
    with pytest.raises(UnstorableError):
        await identities.who([value])


@bad
@pytest.mark.parametrize("change", ["detail", "topic", "reason", "label", "its name"])
async def test_a_letter_with_such_a_value_is_refused_and_its_bytes_are_not_the_reason(letters, change, value):
    changed = {
        "label": {"headers": {"x-topic": value}},
        "its name": {"headers": {value: "a/b"}},
    }.get(change, {change: value})
    with pytest.raises(UnstorableError):
        await letters.put(letter("dl_1", **changed))
    await letters.put(letter("dl_2", body=value.encode(errors="surrogatepass")))
    assert [one.reference for one in await letters.find(LetterQuery(), 10)] == ["dl_2"]
    with pytest.raises(UnstorableError):
        await letters.find(LetterQuery(topic=value), 10)
    with pytest.raises(UnstorableError):
        await letters.stays("dl_2", "unparsable", value)


@bad
@pytest.mark.parametrize("field", ["tenant", "reference", "customer"])
async def test_a_privacy_request_with_such_a_value_is_refused(privacy, field, value):
    row = PrivacyRow("demo", "api", "redact_customer", "case 1", None, NOW)
    with pytest.raises(UnstorableError):
        await privacy.record(replace(row, **{field: value}))
    with pytest.raises(UnstorableError):
        await privacy.requests(value)


@bad
async def test_what_is_made_of_a_delivery_has_no_such_value(identities, letters, value):
    person = Person(
        (("shopify.customer", "8"), ("shopify.legacy", value)),
        (Anchor("shopify/order", "2"),),
        f"{value}@b.example",
        f"+49 30 5550101{value}",
        {"name": value, "timezone": value, "locale": value, "email_consent": True},
    )
    claim = claim_of(person, SOURCE)
    assert dict(claim.contact) == {"name": "ab", "timezone": "ab", "locale": "ab", "email_consent": True}
    assert (await identities.resolve([claim]))[0].outcome == "created"
    headers = kept_labels(Delivery({"x-topic": value}, b"", {f"{value}topic": value}))
    assert headers == {"x-topic": "ab", "abtopic": "ab"}
    await letters.put(letter("dl_1", headers=headers))
