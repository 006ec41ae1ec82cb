"""Cause before customer on real Kafka and PostgreSQL: one carrier fails, and one thing is to be done."""

import asyncio
from collections.abc import Iterable

import httpx

from libs.events.families.customer import CustomerErased
from tests.integration.outreach.carriers import (
    BY_OTHERS,
    BY_UPS,
    HOUR,
    RULE,
    decide,
    incidents,
    keeper,
    know,
    members,
    names,
    open_shop,
    playing,
    reasons,
    shipped,
    trouble,
    who,
)
from tests.integration.outreach.conftest import World, eventually
from tests.unit.outreach.factories import NOON, about, watch

MAIL = {"rule": "engagement-drop", "level": "yellow"}


async def test_customers_of_a_broken_carrier_are_listed_once_and_others_have_their_plays(
    world: World,
) -> None:
    """The play opens with a message at once, so who was written to tells who had one."""
    async with world.running():
        await open_shop(world)
    await world.put(world.topics.triggers, *(trouble(n, **MAIL) for n in [*BY_OTHERS[:5], *BY_UPS[:40]]))
    async with world.running():
        await world.some("SELECT 1 FROM outreach.decisions HAVING count(*) = 45")
        await decide(world, *(trouble(n, NOON + HOUR, **MAIL) for n in [*BY_OTHERS[5:8], *BY_UPS[40:]]))
        await eventually(lambda: _mailed(world, BY_OTHERS[:8]), "the others' mail")
        events = await world.read(world.topics.outcomes, len(BY_UPS) + 8 + 8 + 1)
    assert await incidents(world) == [("carrier", "ups", None, True)]
    assert await members(world) == names(BY_UPS)
    assert await playing(world) == names(BY_OTHERS[:8])
    assert await reasons(world) == {("opened", "stage-mid"): 8, ("suppressed", "common-cause"): len(BY_UPS)}
    (opened,) = [one for one in events if one.type == "outreach.incident_opened"]
    assert (opened.data.kind, opened.data.value) == ("carrier", "ups")  # type: ignore[attr-defined]
    assert opened.data.reason.endswith("by chance")  # type: ignore[attr-defined]


async def _mailed(world: World, numbers: Iterable[int]) -> bool:
    """Exactly these have been written to."""
    return {mail["To"] for mail in world.sink.mails} == {f"{name}@example.test" for name in names(numbers)}


async def test_the_same_load_spread_evenly_is_none(world: World) -> None:
    async with world.running():
        await open_shop(world)
        await decide(world, *(trouble(n) for n in range(58)))
        assert await keeper(world).work(None) == 0
    assert await incidents(world) == []
    assert await members(world) == []
    assert await playing(world) == names(range(58))


async def test_another_rule_of_the_same_customers_acts_as_ever(world: World) -> None:
    async with world.running():
        await open_shop(world)
        await decide(world, *(trouble(n) for n in BY_UPS[:30]))
        await decide(world, *(trouble(n, rule="engagement-drop", level="yellow") for n in BY_UPS[:3]))
    assert await playing(world) == names(BY_UPS[:3])


async def test_plays_that_had_begun_are_withdrawn_in_both_arms_alike(world: World) -> None:
    mid = {"rule": "engagement-drop", "level": "red"}
    async with world.running(holdout=0.5):
        await open_shop(world)
        await decide(world, *(trouble(n, **mid) for n in BY_UPS[:9]))
        arms = await world.rows("SELECT DISTINCT arm FROM outreach.interventions")
        assert {row[0] for row in arms} == {"treated", "control"}
        await decide(world, *(trouble(n, **mid) for n in BY_UPS[9:30]))
        gone = await eventually(lambda: world.read(world.topics.outcomes, 30 + 9 + 1), "the events")
    assert await playing(world) == []
    assert await members(world) == names(BY_UPS[:30])
    ended = await world.rows(
        "SELECT i.status, i.result, m.intervention_id = i.id FROM outreach.interventions i"
        " JOIN outreach.incident_customers m USING (trigger_id)"
    )
    assert {tuple(row) for row in ended} == {("withdrawn", None, True)}
    assert not await world.rows("SELECT 1 FROM outreach.steps WHERE status = 'pending'")
    withdrawn = [one for one in gone if one.type == "outreach.withdrawn"]
    assert sorted(one.subject for one in withdrawn)[:9] == names(BY_UPS[:9])


async def test_their_tasks_leave_the_queue(world: World) -> None:
    async with world.running():
        await open_shop(world)
        await decide(world, *(trouble(n, stage="loyal", rule="engagement-drop") for n in BY_UPS[:9]))
        await world.some("SELECT 1 FROM outreach.tasks HAVING count(*) = 9")
        await decide(world, *(trouble(n, stage="loyal", rule="engagement-drop") for n in BY_UPS[9:30]))
        # Somebody had one open in the browser: what they report is kept, and nothing follows from it.
        ((task,),) = await world.rows("SELECT id FROM outreach.tasks LIMIT 1")
        async with httpx.AsyncClient(base_url=world.base) as client:
            answer = await client.post(f"/tasks/{task}/complete", data={"outcome": "not_resolved"})
        assert answer.status_code == 303
        assert not await world.rows("SELECT 1 FROM outreach.steps WHERE status = 'pending'")
    found = await world.rows("SELECT status, count(*) FROM outreach.tasks GROUP BY 1 ORDER BY 1")
    assert [tuple(row) for row in found] == [("done", 1), ("withdrawn", 8)]


async def test_a_restart_and_a_second_delivery_open_nothing_twice(world: World) -> None:
    async with world.running():
        await open_shop(world)
        await decide(world, *(trouble(n) for n in BY_UPS[:30]))
    await world.change("UPDATE outreach.consumer_offsets SET next_offset = 0")  # all is read again
    async with world.running():
        await world.put(world.topics.triggers, *(trouble(n) for n in BY_UPS[:20]))
        await decide(world, trouble(BY_OTHERS[0]))
        await keeper(world).work(None)
        sent = await world.rows(
            "SELECT 1 FROM outreach.outbox WHERE payload->>'value' LIKE '%incident_opened%'"
        )
    assert await incidents(world) == [("carrier", "ups", None, True)]
    assert await members(world) == names(BY_UPS[:30])
    assert len(sent) == 1


async def test_two_processes_that_find_it_at_once_open_one(world: World) -> None:
    async with world.running():
        await open_shop(world)
        await decide(world, *(trouble(n) for n in BY_UPS[:9]))
    rows = ", ".join(f"('x{n}', 'demo', '{who(n)}', '{RULE}', false, '{NOON}')" for n in BY_UPS[9:30])
    await world.change(f"INSERT INTO outreach.firings VALUES {rows}")

    async def look() -> None:
        async with world.sessions.begin() as session:
            await watch().look(session, "demo", RULE, NOON, simulated=False)

    await asyncio.gather(look(), look(), look())
    assert await incidents(world) == [("carrier", "ups", None, True)]
    assert await members(world) == names(BY_UPS[:30])


async def test_a_parcel_told_of_late_still_brings_its_customer_in(world: World) -> None:
    async with world.running():
        await open_shop(world, parcels=False)
        await decide(world, *(trouble(n) for n in BY_UPS[:30]))
        assert await incidents(world) == []
        await world.put(world.topics.events, *(shipped(n) for n in range(300)))
        await know(world, 900)
        assert await keeper(world).work(None) > 0
    assert await incidents(world) == [("carrier", "ups", None, True)]
    assert await members(world) == names(BY_UPS[:30])
    assert await playing(world) == []


async def test_what_a_customer_has_now_counts_whatever_order_it_is_told_in(world: World) -> None:
    async with world.running():
        await open_shop(world)
        newer, older = NOON - 2 * HOUR, NOON - 90 * HOUR
        changed = [*(shipped(n, "dhl", newer) for n in (0, 6)), *(shipped(n, "gls", older) for n in (0, 12))]
        await world.put(world.topics.events, *changed)
        changed_to = (
            "SELECT 1 FROM outreach.customer_traits WHERE trait_values = '{dhl}' HAVING count(*) = 52"
        )
        await world.some(changed_to)
    found = await world.rows(
        "SELECT customer_id, trait_values FROM outreach.customer_traits"
        " WHERE kind = 'carrier' AND customer_id IN ('c000', 'c006', 'c012') ORDER BY customer_id"
    )
    assert [tuple(row) for row in found] == [("c000", ["dhl"]), ("c006", ["dhl"]), ("c012", ["ups"])]


async def test_an_erased_customer_is_in_no_list(world: World) -> None:
    async with world.running():
        await open_shop(world)
        await decide(world, *(trouble(n) for n in BY_UPS[:30]))
        gone = who(BY_UPS[0])
        await world.put(world.topics.events, about(CustomerErased(request_id="r1"), "erased:1", gone, NOON))
        await know(world, 897)
    assert await members(world) == names(BY_UPS[1:30])
    assert not await world.rows("SELECT 1 FROM outreach.firings WHERE customer_id = :gone", gone=gone)
