"""Who left, who was called in time, and what N days of silence would have said as often."""

from pathlib import Path

import numpy as np
import pytest

from services.triggers.adapters.rule_file import parse
from services.triggers.offline.silences import Alarms, Judge, Silences
from tests.unit.triggers.offline.past import Day, bought, carried, write
from tests.unit.triggers.shop import rule_text

LAST, HORIZON = 40, 10
NOON, MIDNIGHT = 0.5, 0.0


def shop(tmp_path: Path, **orders: list[float]) -> Silences:
    """Customers who buy at those moments, in days."""
    days: list[Day] = []
    for day in range(LAST + 1):
        past = {who: [at for at in ats if at < day + 1] for who, ats in orders.items()}
        days.append({who: {"last_order_at": bought(max(ats)) if ats else None} for who, ats in past.items()})
    _, frames, purchases = carried(write(tmp_path, days), parse(rule_text("score < 0"), "r.yaml"))
    assert [who for _, who in frames.who()] == list(orders)
    return purchases.silences()


def alarms(*pairs: tuple[int, int]) -> Alarms:
    """Customer by number, day."""
    calls = np.array(pairs, np.int64).reshape(-1, 2)
    return Alarms(calls[:, 0], calls[:, 1])


def judge(silences: Silences) -> Judge:
    return Judge(silences, LAST, HORIZON)


@pytest.mark.parametrize(
    ("day", "left"),
    [(14, True), (15, False), (24, False), (25, True)],
)
def test_who_does_not_order_in_the_horizon_after_the_firing_has_left(
    tmp_path: Path, day: int, left: bool
) -> None:
    """Ann orders at noon of day 25, the end of day 14 is 10.5 days before."""
    found = judge(shop(tmp_path, ann=[2 + NOON, 25 + NOON])).outcome(alarms((0, day)))
    assert (found.judged, found.left) == (1, int(left))
    assert found.precision == float(left)


def test_a_firing_whose_horizon_is_still_open_is_not_judged(tmp_path: Path) -> None:
    found = judge(shop(tmp_path, ann=[2 + NOON])).outcome(
        alarms((0, LAST - HORIZON), (0, LAST - HORIZON + 1))
    )
    assert (found.judged, found.left) == (1, 1)


def test_who_has_never_ordered_leaves_unless_they_order(tmp_path: Path) -> None:
    found = judge(shop(tmp_path, ann=[], bob=[12 + NOON])).outcome(alarms((0, 5), (1, 5), (1, 1)))
    assert (found.judged, found.left) == (3, 2)
    assert found.departures == 1


def test_a_departure_is_caught_by_a_firing_in_its_own_silence_before_it_is_over(tmp_path: Path) -> None:
    """From noon of day 2 on ten days of silence are over at the end of day 12."""
    court = judge(shop(tmp_path, ann=[2 + NOON, 25 + NOON]))
    assert court.outcome(alarms()).departures == 2
    first = court.outcome(alarms((0, 12), (0, 8), (0, 10)))
    assert (first.caught, first.recall, first.lead_days) == (1, 0.5, 4.0)
    assert court.outcome(alarms((0, 13))).caught == 0
    assert court.outcome(alarms((0, 24), (0, 1))).caught == 0


def test_departures_begun_before_the_frames_or_over_after_them_do_not_count(tmp_path: Path) -> None:
    silences = shop(tmp_path, ann=[-3 + NOON], bob=[0 + NOON], cid=[31 + NOON], dan=[30 + NOON])
    assert judge(silences).outcome(alarms()).departures == 1 + 1  # Bob and Dan


def test_what_is_taken_back_was_no_order(tmp_path: Path) -> None:
    days: list[Day] = [{"ann": {"last_order_at": bought(0.5)}} for _ in range(LAST + 1)]
    for day in (5, 6, 7):
        days[day] = {"ann": {"last_order_at": bought(5.5)}}
    _, _, purchases = carried(write(tmp_path, days), parse(rule_text("score < 0"), "r.yaml"))
    assert judge(purchases.silences()).outcome(alarms((0, 3))).left == 1


@pytest.mark.parametrize("hour", [NOON, MIDNIGHT])
def test_a_rule_that_is_nothing_but_silence_gains_nothing_on_silence(tmp_path: Path, hour: float) -> None:
    orders = {
        "ann": [2 + hour, 25 + hour],
        "bob": [1 + hour, 5 + hour, 16 + hour],
        "cid": [8 + hour],
        "dan": [3 + hour, 4 + hour],
        "eve": [2 + hour, 8.3 + (hour > 0)],  # back after six whole days: six would call her once more
    }
    court = judge(shop(tmp_path, **orders))
    rules = parse(rule_text("days_since(last_order_at) >= 7", cooldown="0s"), "r.yaml")
    run, _, _ = carried(tmp_path, rules)
    fired = alarms(*((firing.slot, firing.day) for firing in run.firings))
    days, calls = court.silent_for(np.unique(fired.slots), len(fired.slots))
    assert days == 7
    assert sorted(zip(calls.slots, calls.days, strict=True)) == sorted(
        zip(fired.slots, fired.days, strict=True)
    )
    assert court.outcome(calls) == court.outcome(fired)
    assert court.earlier_days(fired, days) == 0.0


def test_silence_calls_at_most_as_often_and_only_the_same_customers(tmp_path: Path) -> None:
    silences = shop(tmp_path, ann=[2.5, 12.5, 32.5], bob=[1.5], cid=[1.5])
    days, calls = judge(silences).silent_for(np.array([0, 1]), 2)
    assert (days, sorted(calls.slots.tolist())) == (10, [0, 1])  # nine days would be three calls
    assert judge(silences).earlier_days(alarms((1, 5)), days) == 6.0
