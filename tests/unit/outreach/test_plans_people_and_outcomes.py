"""Steps in time, who does a task, when to try again, and what counts as a success."""

from datetime import timedelta

import pytest

from services.outreach.domain.outcome import ObservedOrder, OrderFact, observe, result
from services.outreach.domain.people import Person, Pool, Team, assign, priority, severity
from services.outreach.domain.plan import Done, follow_up, plan
from services.outreach.domain.retry import WAITS_S, gives_up, retry_wait
from tests.unit.outreach.factories import NOON, a_task, playbook, shipped

TEAM = Team(
    pools=(
        Pool(
            name="senior",
            people=(
                Person(name="ana", capacity=2),
                Person(name="bob", capacity=4),
                Person(name="vip", capacity=9, tiers=("premium",)),
            ),
        ),
    )
)


def assigned(customer: str = "c1", tier: str = "standard", pool: str = "senior", **open_tasks: int):
    return assign(TEAM, pool, ("demo", customer), tier=tier, segment="consumer", open_tasks=open_tasks)


def test_waits_add_up_and_steps_of_other_levels_are_left_out() -> None:
    book = playbook(
        steps=[
            {"email": "mid-life/feedback"},
            {"wait": "3d"},
            a_task(levels=["red"]),
            {"wait": "12h"},
            {"email": "mid-life/recommendations"},
        ]
    )
    yellow, red = (plan(book, "iv-1", level, NOON) for level in ("yellow", "red"))
    assert [(one.kind, one.due_at - NOON) for one in yellow] == [
        ("email", timedelta(0)),
        ("email", timedelta(days=3, hours=12)),
    ]
    assert [one.id for one in red] == ["iv-1-0", "iv-1-2", "iv-1-4"]


def completed(outcome: str, attempt: int = 1, *, escalated: bool = False):
    book = shipped().book[3]
    assert book.id == "post-support"
    first = plan(book, "iv-1", "red", NOON)[0]
    done = Done(first.id, first.position, first.detail, outcome, attempt, escalated, NOON)
    return follow_up(book.escalation, done)


def test_trouble_not_resolved_goes_to_a_success_manager_at_once() -> None:
    (step,) = completed("not_resolved")
    assert (step.kind, step.due_at, step.detail["pool"]) == ("task", NOON, "success-managers")
    assert step.detail["escalated"] is True


def test_an_escalation_does_not_escalate_again() -> None:
    assert completed("not_resolved", escalated=True) == []


def test_trouble_resolved_is_followed_by_useful_content() -> None:
    (step,) = completed("resolved")
    assert (step.kind, step.detail["email"]) == ("email", "post-support/useful-content")
    assert step.due_at == NOON + timedelta(hours=2)


def test_no_answer_is_tried_again_as_often_as_the_playbook_says() -> None:
    (second,) = completed("no_answer")
    assert (second.id, second.due_at) == ("iv-1-0-try2", NOON + timedelta(hours=8))
    (third,) = completed("no_answer", attempt=2)
    assert third.id == "iv-1-0-try3"
    assert completed("no_answer", attempt=3) == []


def test_the_resolution_check_is_due_within_a_day_and_followed_up_after_a_week() -> None:
    check, follow = plan(shipped().book[3], "iv-1", "red", NOON)
    assert (check.due_at, check.detail["due_in"]) == (NOON, "1440m")
    assert follow.due_at == NOON + timedelta(days=7)


def test_a_customer_stays_with_one_person_while_there_is_room() -> None:
    own = assigned()
    assert own.reason == "own-customer"
    assert assigned().name == own.name
    full = {own.name: 2 if own.name == "ana" else 4}
    other = assigned(**full)
    assert (other.reason, other.name != own.name) == ("own-person-at-capacity", True)


def test_a_full_pool_keeps_the_task_for_whoever_is_free_first() -> None:
    found = assigned(ana=2, bob=4)
    assert (found.name, found.reason) == ("pool:senior", "at-capacity")


def test_a_person_for_one_tier_gets_no_other_customers() -> None:
    names = {assigned(f"c{number}").name for number in range(50)}
    assert names == {"ana", "bob"}
    assert "vip" in {assigned(f"c{number}", tier="premium").name for number in range(50)}


def test_a_pool_that_nobody_knows_keeps_its_tasks() -> None:
    assert assigned(pool="unknown").reason == "nobody-fits"


@pytest.mark.parametrize(
    ("level", "owed", "escalated", "expected"),
    [
        ("green", False, False, 1),
        ("yellow", False, False, 2),
        ("red", False, False, 3),
        ("yellow", True, False, 4),
    ],
)
def test_severity(level: str, owed: bool, escalated: bool, expected: int) -> None:
    assert severity(level, owed=owed, escalated=escalated) == expected


def test_the_queue_goes_by_severity_times_value_and_an_unknown_value_still_ranks() -> None:
    assert priority(3, 50_000) > priority(3, 20_000) > priority(2, 20_000)
    assert priority(3, 0) > priority(2, 0) > 0


def test_waits_between_attempts_grow_and_are_spread() -> None:
    assert retry_wait(1, 0.5) == timedelta(seconds=1)
    assert retry_wait(2, 0.0) < retry_wait(2, 0.5) < retry_wait(2, 0.99)
    assert retry_wait(99, 0.5) == timedelta(seconds=WAITS_S[-1])
    assert not gives_up(len(WAITS_S))
    assert gives_up(len(WAITS_S) + 1)


CLOSES = NOON + timedelta(days=30)


def placed(days: float, amount: int = 1000, **changes):
    fact = OrderFact("placed", "o1", NOON + timedelta(days=days), amount, **changes)
    return observe(ObservedOrder("o1"), fact)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (placed(1), ("success", 1, 1000)),
        (placed(30), ("success", 1, 1000)),
        (placed(0), ("failure", 0, 0)),
        (placed(30.001), ("failure", 0, 0)),
        (placed(1, counts=False), ("failure", 0, 0)),
        (observe(placed(1), OrderFact("cancelled", "o1", NOON)), ("failure", 0, 0)),
        (observe(placed(1), OrderFact("refunded", "o1", NOON, 400, refund_id="r")), ("success", 1, 600)),
        (observe(placed(1), OrderFact("refunded", "o1", NOON, 1000, refund_id="r")), ("failure", 0, 0)),
        (placed(1, amount=0), ("success", 1, 0)),  # another currency: a purchase without a known amount
        (ObservedOrder("o1"), ("failure", 0, 0)),
    ],
)
def test_a_success_is_a_purchase_kept_within_the_window(order, expected) -> None:
    found = result([order], NOON, CLOSES)
    assert (found.result, found.orders, found.revenue_minor) == expected


def test_the_last_version_of_an_order_wins_however_late_an_older_one_comes() -> None:
    newer = observe(placed(1), OrderFact("updated", "o1", NOON + timedelta(days=2), 700))
    stale = OrderFact("updated", "o1", NOON + timedelta(days=1, hours=1), 900)
    assert observe(newer, stale).amount_minor == 700
