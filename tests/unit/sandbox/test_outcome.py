"""Conversion by assignment: first decision, matured windows, no remedies owed, planted orders told apart."""

from datetime import timedelta

from sandbox.domain.answers import WINDOW
from sandbox.domain.log import LIVE_END, LIVE_START
from sandbox.domain.outcome import Bought, Decided, lift
from sandbox.domain.statistics import Proportion

DAY = timedelta(days=1)


def decided(customer: str, decision: str, day: int = 0, playbook: str | None = "mid-life") -> Decided:
    at = LIVE_START + day * DAY
    return Decided(f"{customer}-{day}", decision, customer, at, playbook, "rule", "reason")


def bought(customer: str, day: int, order: str = "real") -> Bought:
    return Bought(customer, LIVE_START + day * DAY, order)


def test_shares_are_of_those_assigned_whether_or_not_anything_reached_them() -> None:
    found = lift(
        [decided("a", "opened"), decided("b", "opened"), decided("c", "held_out")],
        [bought("a", 3), bought("c", 29)],
        set(),
        LIVE_END,
    )
    assert (found.treated, found.control) == (Proportion(1, 2), Proportion(1, 1))


def test_only_the_first_assignment_of_a_customer_counts_and_suppression_is_none() -> None:
    found = lift(
        [decided("a", "suppressed", 0), decided("a", "held_out", 1), decided("a", "opened", 40)],
        [bought("a", 45)],
        set(),
        LIVE_END,
    )
    assert (found.treated.total, found.control) == (0, Proportion(0, 1))


def test_a_remedy_owed_and_a_window_still_open_are_left_out() -> None:
    young = decided("b", "opened", (LIVE_END - LIVE_START - WINDOW).days + 1)
    found = lift([decided("a", "opened", playbook="post-support"), young], [], set(), LIVE_END)
    assert found.treated.total == found.control.total == 0


def test_an_order_outside_the_window_is_no_conversion() -> None:
    found = lift([decided("a", "opened", 5)], [bought("a", 5), bought("a", 36)], set(), LIVE_END)
    assert found.treated == Proportion(0, 1)


def test_the_planted_effect_counts_those_who_bought_only_what_was_planted() -> None:
    decisions = [decided("a", "opened"), decided("b", "opened"), decided("c", "opened")]
    orders = [bought("a", 3, "planted"), bought("b", 3, "planted-2"), bought("b", 9)]
    found = lift(decisions, orders, {"planted", "planted-2"}, LIVE_END)
    assert found.treated == Proportion(2, 3)
    assert found.planted == 1
    assert found.planted_effect == 1 / 3
