"""The use case on ports in memory: redelivery, repeats, dead letters, what a play brings with it."""

from libs.events import AnyEvent, decode, encode
from libs.runtime.clock import FakeClock
from services.outreach.domain.decide import Policy
from services.outreach.effects import TopicNames, label_of, message_id, out_event
from services.outreach.ports import Decided, Record
from services.outreach.service import Decider
from services.outreach.testing import MemoryUnits, SilentMetrics
from tests.unit.outreach.factories import NOON, REACHABLE, fired, shipped

NOBODY_HELD = Policy(programme_share=0, playbook_share=0)


def world(policy: Policy = NOBODY_HELD) -> tuple[MemoryUnits, Decider]:
    units = MemoryUnits()
    units.tables.contacts[("demo", "c1")] = REACHABLE
    return units, Decider(units, shipped().book, policy, FakeClock(NOON), SilentMetrics())


def log(*values: AnyEvent | bytes) -> list[Record]:
    raw = (one if isinstance(one, bytes) else encode(one) for one in values)
    return [Record(0, offset, b"demo/c1", value) for offset, value in enumerate(raw)]


async def test_a_trigger_that_stands_twice_in_a_batch_is_decided_once() -> None:
    _, decider = world()
    batch = await decider.on_records(log(fired("t1"), fired("t1")))
    assert [one.trigger_id for one in batch.decisions] == ["t1"]


async def test_a_redelivered_batch_leads_to_nothing_at_all() -> None:
    units, decider = world()
    records = log(fired("t1"), b"{broken")
    first = await decider.on_records(records)
    assert (len(first.decisions), len(first.effects)) == (1, 2)
    assert await decider.on_records(records) == Decided()
    assert units.tables.positions == {(TopicNames().triggers, 0): 2}


async def test_a_trigger_that_comes_again_later_is_not_decided_again() -> None:
    _, decider = world()
    await decider.on_records(log(fired("t1")))
    again = await decider.on_records(log(fired("t1"), fired("t1")))
    assert again.decisions == []


async def test_a_play_comes_with_its_steps_and_one_event() -> None:
    _, decider = world()
    batch = await decider.on_records(log(fired("t1", simulated=True)))
    (intervention,) = batch.interventions
    assert (intervention.arm, intervention.simulated, intervention.currency) == ("treated", True, "USD")
    assert [step.kind for _, step in batch.steps] == ["email", "email"]
    (effect,) = batch.effects
    event = decode(out_event(effect.payload).value)
    assert (event.type, event.simulated, event.key) == ("outreach.opened", True, b"demo/c1")
    assert event.data.intervention_id == intervention.id  # type: ignore[attr-defined]


async def test_a_control_window_has_no_steps() -> None:
    _, decider = world(Policy(programme_share=1))
    batch = await decider.on_records(log(fired("t1")))
    assert (batch.decisions[0].decision, batch.interventions[0].arm) == ("held_out", "control")
    assert batch.steps == []


def test_a_message_id_follows_from_its_key() -> None:
    first = message_id("email:iv-1-0", "Shop <success@shop.example>")
    assert first == message_id("email:iv-1-0", "Shop <success@shop.example>")
    assert first != message_id("email:iv-1-1", "Shop <success@shop.example>")
    assert first.endswith("@shop.example>")


def test_an_author_becomes_a_label() -> None:
    assert label_of("Eva Nováková (support)") == "eva.nov.kov.support"
    assert label_of("  ") == "unnamed"


async def test_a_customer_in_an_incident_gets_no_play_from_its_rule_and_others_from_it_do() -> None:
    units, decider = world()
    units.tables.contacts[("demo", "c2")] = REACHABLE
    units.tables.in_incident.add(("demo", "c1", "engagement-drop"))
    batch = await decider.on_records(
        log(fired("t1", "c1"), fired("t2", "c2"), fired("t3", "c1", rule="no-site-activity"))
    )
    assert [(one.trigger_id, one.decision, one.reason) for one in batch.decisions] == [
        ("t1", "suppressed", "common-cause"),
        ("t2", "opened", "stage-mid"),
        ("t3", "opened", "stage-mid"),
    ]


async def test_what_is_owed_is_dealt_with_by_the_incident_too() -> None:
    units, decider = world()
    rule = "negative-support-unresolved"
    units.tables.in_incident.add(("demo", "c1", rule))
    batch = await decider.on_records(log(fired("t1", rule=rule, level="red")))
    assert [(one.decision, one.reason, one.playbook) for one in batch.decisions] == [
        ("suppressed", "common-cause", "post-support")
    ]


async def test_imported_history_and_those_left_out_of_plays_are_no_firings() -> None:
    units, decider = world()
    units.tables.in_incident.add(("demo", "c1", "engagement-drop"))
    batch = await decider.on_records(log(fired("t1", backfill=True), fired("t2", facts={"excluded": True})))
    assert [one.reason for one in batch.decisions] == ["backfill", "excluded"]
