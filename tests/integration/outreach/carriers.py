"""A shop whose parcels go by six carriers, and what its customers' firings come to."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from libs.events import AnyEvent
from libs.events.families.commerce import OrderShipped
from services.outreach.domain.incidents import Limits
from services.outreach.effects import TopicNames
from services.outreach.incidents import IncidentKeeper, IncidentWatch
from services.outreach.testing import SilentMetrics
from tests.integration.outreach.conftest import World
from tests.unit.outreach.factories import NOON, about, fired, order, profile

RULE = "negative-support-unresolved"
CUSTOMERS = 300
CARRIERS = ("ups", "dhl", "gls", "dpd", "royal-mail", "fedex")
HOUR = timedelta(hours=1)


def who(number: int) -> str:
    return f"c{number:03}"


def carrier(number: int) -> str:
    return CARRIERS[number % len(CARRIERS)]


BY_UPS = [number for number in range(CUSTOMERS) if carrier(number) == "ups"]
BY_OTHERS = [number for number in range(CUSTOMERS) if carrier(number) != "ups"]


def shipped(number: int, by: str = "", at: datetime = NOON - 48 * HOUR) -> AnyEvent:
    data = OrderShipped(order_id=f"o{number}", carrier=by or carrier(number))
    return about(data, f"shipped:{number}:{at}", who(number), at)


def trouble(number: int, at: datetime = NOON, episode: int = 1, **changes: Any) -> AnyEvent:
    """C7 has fired: a ticket with negative sentiment is open."""
    given = {"rule": RULE, "level": "red", "episode": episode, **changes}
    return fired(f"{given['rule']}:{who(number)}:{episode}", who(number), at, **given)


async def open_shop(world: World, *, parcels: bool = True, carriers: Sequence[str] = CARRIERS) -> None:
    """A few hundred customers with an order each."""
    numbers = range(CUSTOMERS)
    orders = [
        order(
            f"o{n}",
            NOON - 72 * HOUR,
            customer=who(n),
            products=(f"p{n % 7}",),
            region=("DE", "FR")[n // 6 % 2],
        )
        for n in numbers
    ]
    await world.put(world.topics.profiles, *(profile(who(n)) for n in numbers))
    await world.put(
        world.topics.events, *orders, *(shipped(n, carriers[n % len(carriers)]) for n in numbers if parcels)
    )
    await know(world, CUSTOMERS * (3 if parcels else 2))


async def know(world: World, traits: int) -> None:
    await world.some("SELECT 1 FROM outreach.customer_traits HAVING count(*) = :count", count=traits)


async def decide(world: World, *triggers: AnyEvent) -> None:
    """The triggers come, and each is decided."""
    ((before,),) = await world.rows("SELECT count(*) FROM outreach.decisions")
    await world.put(world.topics.triggers, *triggers)
    decided = "SELECT 1 FROM outreach.decisions HAVING count(*) = :count"
    await world.some(decided, count=before + len(triggers))


async def reasons(world: World) -> dict[tuple[str, str], int]:
    rows = await world.rows("SELECT decision, reason, count(*) FROM outreach.decisions GROUP BY 1, 2")
    return {(row[0], row[1]): row[2] for row in rows}


async def members(world: World) -> list[str]:
    return [
        row[0]
        for row in await world.rows(
            "SELECT customer_id FROM outreach.incident_customers ORDER BY customer_id"
        )
    ]


async def playing(world: World) -> list[str]:
    """Customers with an open play or control window."""
    query = "SELECT customer_id FROM outreach.interventions WHERE status = 'open' ORDER BY customer_id"
    return [row[0] for row in await world.rows(query)]


async def incidents(world: World) -> Sequence[tuple[Any, ...]]:
    query = 'SELECT kind, value, "end", done_at IS NULL FROM outreach.incidents ORDER BY opened_at, id'
    return [tuple(row) for row in await world.rows(query)]


def names(numbers: Iterable[int]) -> list[str]:
    return sorted(who(number) for number in numbers)


def keeper(world: World) -> IncidentKeeper:
    """The worker, to be asked for one look."""
    watch = IncidentWatch(Limits(), world.clock, SilentMetrics(), TopicNames())
    return IncidentKeeper(world.sessions, world.clock, watch, world.topics)
