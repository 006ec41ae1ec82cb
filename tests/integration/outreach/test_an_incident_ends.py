"""An incident ends by itself or by a person's word, and then the rule acts as ever."""

import httpx
import pytest

from libs.runtime.errors import RejectedError
from services.outreach.incidents import IncidentDesk
from tests.integration.outreach.carriers import (
    BY_UPS,
    HOUR,
    decide,
    incidents,
    keeper,
    members,
    names,
    open_shop,
    playing,
    reasons,
    trouble,
)
from tests.integration.outreach.conftest import World, eventually
from tests.unit.outreach.factories import NOON


async def broken(world: World) -> str:
    """An open incident of thirty customers; its id."""
    await open_shop(world)
    await decide(world, *(trouble(n) for n in BY_UPS[:30]))
    ((found,),) = await world.rows("SELECT id FROM outreach.incidents")
    return str(found)


def desk(world: World) -> IncidentDesk:
    return IncidentDesk(world.sessions, world.clock, world.topics)


async def ended(world: World) -> list[tuple[str, str]]:
    """What was told of ends, in order: how, and by whom."""
    rows = await world.rows(
        "SELECT payload->>'value' FROM outreach.outbox"
        " WHERE payload->>'value' LIKE '%incident_closed%' ORDER BY id"
    )
    return [
        (row[0].split('"end":"')[1].split('"')[0], "ana" if '"author":"ana"' in row[0] else "")
        for row in rows
    ]


async def test_a_day_without_firings_ends_it_and_it_waits_for_a_person_to_tell_the_customers(
    world: World,
) -> None:
    async with world.running():
        incident = await broken(world)
        world.clock.advance(23 * HOUR)
        await keeper(world).work(world.clock.now())
        assert await incidents(world) == [("carrier", "ups", None, True)]
        world.clock.advance(2 * HOUR)
        await keeper(world).work(world.clock.now())
        await keeper(world).work(world.clock.now())
        assert await incidents(world) == [("carrier", "ups", "quiet", True)]
        await decide(world, trouble(BY_UPS[31], world.clock.now()))
        assert await playing(world) == names([BY_UPS[31]])
        await desk(world).decide(incident, "fixed", "Another carrier since Monday", "ana")
        assert await incidents(world) == [("carrier", "ups", "quiet", False)]
        assert await ended(world) == [("quiet", "")]
    assert await members(world) == names(BY_UPS[:30])


async def test_it_does_not_end_while_triggers_are_not_heard(world: World) -> None:
    async with world.running():
        await broken(world)
        world.clock.advance(48 * HOUR)
        await keeper(world).work(NOON + HOUR)
        await keeper(world).work(None)
    assert await incidents(world) == [("carrier", "ups", None, True)]


async def test_what_a_person_calls_fixed_takes_nobody_in_any_more(world: World) -> None:
    async with world.running():
        incident = await broken(world)
        assert await desk(world).decide(incident, "fixed", None, "ana")
        assert not await desk(world).decide(incident, "fixed", None, "bob")
        with pytest.raises(RejectedError, match="already ended as fixed"):
            await desk(world).decide(incident, "dismissed", None, "ana")
        world.clock.advance(HOUR)
        await decide(world, *(trouble(n, world.clock.now()) for n in BY_UPS[30:]))
        assert await playing(world) == names(BY_UPS[30:])
        assert await ended(world) == [("fixed", "ana")]
    assert await members(world) == names(BY_UPS[:30])


async def test_a_cause_that_comes_back_after_a_day_is_a_new_incident(world: World) -> None:
    async with world.running():
        incident = await broken(world)
        await desk(world).decide(incident, "fixed", None, None)
        world.clock.advance(25 * HOUR)
        await decide(world, *(trouble(n, world.clock.now(), episode=2) for n in BY_UPS[:20]))
    assert await incidents(world) == [("carrier", "ups", "fixed", False), ("carrier", "ups", None, True)]


async def test_a_dismissed_cause_is_left_alone_and_all_have_their_plays(world: World) -> None:
    async with world.running():
        incident = await broken(world)
        await desk(world).decide(incident, "dismissed", "A campaign of that carrier's", "ana")
        await keeper(world).work(world.clock.now())
        world.clock.advance(26 * HOUR)
        await decide(world, *(trouble(n, world.clock.now(), episode=2) for n in BY_UPS[:20]))
        assert await ended(world) == [("dismissed", "ana")]
    assert await incidents(world) == [("carrier", "ups", "dismissed", False)]
    assert await playing(world) == names(BY_UPS[:20])
    assert (await reasons(world))["suppressed", "common-cause"] == 30


async def test_where_one_of_two_carriers_fails_the_other_is_no_cause(world: World) -> None:
    """All other customers have the other carrier: thirty of thirty would look like a second cause."""
    async with world.running():
        await open_shop(world, carriers=("ups", "dhl"))
        await decide(world, *(trouble(n) for n in range(0, 80, 2)))
        await decide(world, *(trouble(n, NOON + HOUR) for n in range(1, 61, 2)))
        await keeper(world).work(None)
    assert await incidents(world) == [("carrier", "ups", None, True)]
    assert await playing(world) == names(range(1, 61, 2))


async def test_only_the_two_words_end_it_and_only_what_there_is(world: World) -> None:
    with pytest.raises(RejectedError, match="no incident inc-none"):
        await desk(world).decide("inc-none", "fixed", None, None)
    with pytest.raises(RejectedError, match="one of fixed, dismissed"):
        await desk(world).decide("inc-none", "quiet", None, None)


async def _shown(client: httpx.AsyncClient) -> str:
    text = (await client.get("/metrics")).text
    return text if "open_incidents{" in text else ""


async def test_open_ones_are_gauged_by_rule_and_kind_and_never_by_value(world: World) -> None:
    async with world.running(), httpx.AsyncClient(base_url=world.base) as client:
        await broken(world)
        text = await eventually(lambda: _shown(client), "the gauge")
    labels = '{kind="carrier",rule="negative-support-unresolved"} 1.0'
    assert f"greenline_outreach_open_incidents{labels}" in text
    assert f"greenline_outreach_incidents_opened_total{labels}" in text
    assert "ups" not in text
