"""What has arrived, and who was met without an address, alike in memory and in PostgreSQL."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from services.ingest.adapters.arrivals import PostgresArrivals
from services.ingest.domain.people import Anchor, Claim, Identifier
from services.ingest.ports import IdentityStore
from services.ingest.provider_api import Arrivals
from services.ingest.testing import MemoryIdentities
from services.ingest.testing_apis import MemoryArrivals

KIND = "zendesk.requester"
TICKET = "zendesk/ticket"


@pytest.fixture
def arrivals(real: AsyncEngine | None, identities: IdentityStore) -> Arrivals:
    if real is not None:
        return PostgresArrivals(real)
    assert isinstance(identities, MemoryIdentities)
    return MemoryArrivals(identities, met_at=datetime.now(UTC))


def claim(number: str, *anchors: Anchor, **contact: str) -> Claim:
    return Claim("demo", (Identifier(KIND, number),), anchors, tuple(contact.items()))


def around_now() -> tuple[datetime, datetime]:
    now = datetime.now(UTC)
    return now - timedelta(hours=1), now + timedelta(hours=1)


async def test_an_object_has_arrived_once_somebody_owns_it(arrivals: Arrivals, identities: IdentityStore):
    await identities.resolve([claim("1", Anchor(TICKET, "88"))])
    asked = [Anchor(TICKET, "88"), Anchor(TICKET, "89"), Anchor("other/ticket", "88")]
    assert await arrivals.arrived("demo", asked) == {(TICKET, "88")}
    assert await arrivals.arrived("other", asked) == set()
    assert await arrivals.arrived("demo", []) == set()


async def test_who_has_no_address_is_listed_in_order_and_page_by_page(
    arrivals: Arrivals, identities: IdentityStore
):
    await identities.resolve(
        [
            claim("3"),
            claim("1", name="Ada Byron"),
            claim("2", email="ada@shopper.example"),
            claim("4", phone="+12125550143"),
            claim("5"),
        ]
    )
    assert await arrivals.nameless("demo", KIND, around_now(), "", 2) == ["1", "3"]
    assert await arrivals.nameless("demo", KIND, around_now(), "3", 2) == ["5"]
    assert await arrivals.nameless("demo", "intercom.contact", around_now(), "", 9) == []
    assert await arrivals.nameless("other", KIND, around_now(), "", 9) == []


async def test_who_was_met_at_another_time_is_not(arrivals: Arrivals, identities: IdentityStore):
    await identities.resolve([claim("1")])
    since, until = around_now()
    assert await arrivals.nameless("demo", KIND, (until, until + timedelta(days=1)), "", 9) == []
    assert await arrivals.nameless("demo", KIND, (since - timedelta(days=1), since), "", 9) == []
