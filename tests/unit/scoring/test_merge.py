"""What a merge of two customers makes of the cases that are not plain sums."""

from typing import Any

import numpy as np
import pytest

from libs.events.families.commerce import OrderRefunded, OrderUpdated
from libs.events.families.customer import CustomerHealthOverridden, CustomerUpdated
from libs.events.families.engagement import EmailClicked, EmailSent, SiteVisited, SmsReplied
from libs.events.families.relationship import (
    MilestonePlanned,
    MilestoneReached,
    ReferralMade,
    TicketOpened,
    TicketSolved,
    UsageRecorded,
)
from services.scoring.adapters.scorecard_file import STARTER, load_scorecard
from services.scoring.domain.merge import merge_rows
from services.scoring.domain.row import (
    BEHAVIOURAL_RING,
    ENGAGED_DAYS,
    MEMORY,
    ORDER_DAYS,
    ORDERS_KEPT,
    SENT_DAYS,
    TICKET_DAYS,
)
from tests.unit.scoring.shop import Shop, day, order, snapshots

CARD = load_scorecard(STARTER).numbers().cards[0]


def row(shop: Shop, customer: str) -> Any:
    return shop.runner.rows.array[shop.runner.rows.ensure(f"demo/{customer}".encode())]


def merge(shop: Shop, into: str = "a", other: str = "b") -> Any:
    """Returns the survivor's row; the other is gone, as after a real merge."""
    row(shop, other)
    merge_rows(row(shop, into), row(shop, other), CARD)
    shop.runner.rows.remove(f"demo/{other}".encode())
    return row(shop, into)


def facts(shop: Shop, at: float) -> Any:
    shop.runner.rows.touch_many(shop.runner.rows.slots)
    shop.sweep(at)
    return shop.health("a").facts


def test_orders_of_both_on_one_day_are_two_orders_and_one_occasion() -> None:
    shop = Shop()
    shop.happens(order(1), 0, "a")
    shop.happens(order(2), 0.2, "b")
    shop.happens(order(3), 10, "b")
    one = Shop()
    for number, at in ((1, 0), (2, 0.2), (3, 10)):
        one.happens(order(number), at, "a")
    assert merge(shop)["occasions"] == pytest.approx(row(one, "a")["occasions"])
    assert facts(shop, 11).orders_total == 3


def test_orders_of_both_on_a_day_that_one_no_longer_holds_are_two_occasions() -> None:
    """The stated limit: 96 days back from the last order of either."""
    shop = Shop()
    shop.happens(order(1), 0, "a")
    shop.happens(order(2), 0.2, "b")
    shop.happens(order(3), 100, "b")
    fading = np.exp(-100 / CARD["tau"])
    assert merge(shop)["occasions"] == pytest.approx(1 + 2 * fading)


def test_an_order_placed_with_one_and_refunded_with_the_other_is_netted() -> None:
    shop = Shop()
    shop.happens(order(1, "50.00"), 0, "a")
    shop.happens(OrderUpdated(order_id="1", amount="60.00", currency="USD"), 1, "b")
    shop.happens(OrderRefunded(order_id="1", refund_id="r", amount="20.00", currency="USD"), 2, "b")
    merge(shop)
    found = facts(shop, 3)
    assert (found.orders_total, found.spend_total) == (1, 4000)


def test_a_renewal_that_was_edited_with_the_other_is_still_no_engagement() -> None:
    for placed_with, edited_with in (("a", "b"), ("b", "a")):
        shop = Shop()
        shop.happens(order(1, channel="subscription"), 0, placed_with)
        shop.happens(OrderUpdated(order_id="1", amount="60.00", currency="USD"), 1, edited_with)
        after = merge(shop)
        assert after["spend"] == 6000
        assert not after["acts"].any()


def test_two_sessions_of_a_day_that_one_had_each_are_two_visits() -> None:
    shop = Shop()
    shop.happens(SiteVisited(session_id="1"), 0, "a")
    shop.happens(SiteVisited(session_id="2"), 0.1, "b")
    merge(shop)
    assert facts(shop, 0.2).visits_30d == 2


def test_an_order_that_both_were_told_of_is_found_before_others_make_room() -> None:
    shop = Shop()
    for number in range(ORDERS_KEPT):
        shop.happens(order(number), number, "a")
    for number in (10, 11, 12, 0):  # the shared one is the oldest, and the last in the other's ring
        shop.happens(order(number), 20 + number if number else 0, "b")
    merge(shop)
    assert facts(shop, 40).orders_total == ORDERS_KEPT + 3


def test_the_newest_orders_of_both_can_still_be_cancelled_one_by_one() -> None:
    shop = Shop()
    for number in range(8):
        shop.happens(order(number, "10.00"), number, "a" if number % 2 else "b")
    kept = merge(shop)["order_at"]
    assert sorted(kept.tolist()) == [int(day(number).timestamp()) for number in (4, 5, 6, 7)]
    found = facts(shop, 9)
    assert (found.orders_total, found.first_order_at, found.last_order_at) == (8, day(0), day(7))


def test_closed_tickets_make_room_for_the_other_ones_open_tickets() -> None:
    shop = Shop()
    for number in range(4):
        shop.happens(TicketOpened(ticket_id=f"a{number}"), number, "a")
        shop.happens(TicketOpened(ticket_id=f"b{number}"), number + 0.5, "b")
    for number in range(2):
        shop.happens(TicketSolved(ticket_id=f"a{number}"), 10, "a")
        shop.happens(TicketSolved(ticket_id=f"b{number}"), 10, "b")
    merge(shop)
    assert facts(shop, 11).open_tickets == 4


def test_a_closed_ticket_takes_nobodys_place() -> None:
    shop = Shop()
    for number in range(4):
        shop.happens(TicketOpened(ticket_id=f"a{number}"), number, "a")
    shop.happens(TicketOpened(ticket_id="b"), 10, "b")
    shop.happens(TicketSolved(ticket_id="b"), 11, "b")
    merge(shop)
    assert facts(shop, 12).open_tickets == 4


def test_a_ticket_that_both_were_told_of_is_found_before_others_make_room() -> None:
    shop = Shop()
    for number in range(4):
        shop.happens(TicketOpened(ticket_id=f"a{number}"), number, "a")
    for number in range(3):
        shop.happens(TicketOpened(ticket_id=f"b{number}"), 10 + number, "b")
    shop.happens(TicketSolved(ticket_id="a0"), 20, "b")
    shop.happens(TicketSolved(ticket_id="a3"), 20, "b")
    merge(shop)
    assert facts(shop, 21).open_tickets == 4  # a1 or a2 made room, not an open one for the solved a0


def test_engagement_older_than_the_buckets_is_left_out_of_windows_and_days_add_up() -> None:
    shop = Shop()
    for at in (0, 6, 69):
        shop.happens(EmailClicked(), at, "b")
    shop.happens(SiteVisited(session_id="old"), 6, "b")  # 64 days before the last: the same place in the ring
    shop.happens(EmailClicked(), 69.1, "a")
    shop.happens(SiteVisited(session_id="s"), 70, "a")
    merge(shop)
    found = facts(shop, 70.2)
    assert (found.clicks_30d, found.visits_30d) == (2, 1)
    assert found.first_seen_at == day(0)


@pytest.mark.parametrize(
    ("what", "ring", "days"),
    [
        (SiteVisited(session_id="s"), "visits", ENGAGED_DAYS),
        (EmailClicked(), "clicks", ENGAGED_DAYS),
        (SmsReplied(), "acts", ENGAGED_DAYS),
        (EmailSent(), "sends", SENT_DAYS),
        (order(1), "orders", ORDER_DAYS),
        (TicketOpened(ticket_id="t"), "tickets", TICKET_DAYS),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_oldest_day_that_buckets_hold_is_joined_and_the_one_before_is_not(
    what: Any, ring: str, days: int
) -> None:
    for apart, held in ((days - 1, 2), (days, 1)):
        shop = Shop()
        shop.happens(what, 0, "b")
        last = order(2) if ring == "orders" else what
        shop.happens(last, apart, "a")
        assert np.count_nonzero(merge(shop)[ring]) == held, apart


def test_the_later_word_on_who_is_excluded_wins_and_the_survivors_own_at_the_same_second() -> None:
    for later, expected in ((2, True), (1, False)):
        shop = Shop()
        shop.happens(CustomerUpdated(segment="wholesale"), 1, "a")
        shop.happens(CustomerUpdated(excluded=True), later, "b")
        merge(shop)
        assert facts(shop, 3).excluded is expected
        assert shop.health("a").segment == ("consumer" if expected else "wholesale")


def test_what_was_said_of_the_survivor_and_its_band_stay() -> None:
    shop = Shop()
    shop.happens(order(1), 0, "a")
    shop.happens(TicketOpened(ticket_id="t", sentiment="negative"), 5, "b")
    before = row(shop, "a").copy()
    assert before["band"] != row(shop, "b")["band"]
    after = merge(shop)
    rings = {name for name in MEMORY if name.startswith(("commercial", "behavioural"))}
    for name in MEMORY - rings - {"scored_at"}:
        np.testing.assert_array_equal(after[name], before[name], name)
    assert after["scored_at"] == int(day(5).timestamp())


@pytest.mark.parametrize("imported", ["a", "b"])
def test_an_import_that_was_not_said_yet_is_said_once_after_the_merge(imported: str) -> None:
    shop = Shop()
    for customer in ("a", "b"):
        shop.happens(order(customer), 0, customer, received=1, backfill=customer == imported)
    shop.happens(order("z"), 2, "z")  # a chunk of live events alone: imports are over
    merge(shop)
    said = snapshots(shop.sweep(3), "a")
    assert [(s.backfill, s.data.facts.orders_total) for s in said] == [(True, 2)]
    assert said[0].data.facts.imported_at == day(1)


def test_a_survivor_of_whom_nothing_is_known_takes_over_tenant_and_rings() -> None:
    shop = Shop()
    shop.happens(order(1), 0, "x", tenant="first")
    shop.send(*[shop.event(SiteVisited(session_id="s"), i, "b") for i in range(2 * BEHAVIOURAL_RING - 1)])
    held = row(shop, "b").copy()
    after = merge(shop)
    assert after["tenant"] == held["tenant"] == 1
    for name in ("behavioural", "behavioural_next", "behavioural_forgot", "behavioural_begun"):
        np.testing.assert_array_equal(after[name], held[name], name)


def test_of_two_full_rings_the_newest_ids_of_both_are_remembered() -> None:
    shop = Shop()
    visits = {
        customer: [
            shop.event(SiteVisited(session_id=f"{customer}{i}"), i, customer) for i in range(BEHAVIOURAL_RING)
        ]
        for customer in ("a", "b")
    }
    shop.send(*visits["a"])
    shop.send(*visits["b"])
    merge(shop)
    again = [e.model_copy(update={"subject": "a"}) for one in visits.values() for e in one[-12:]]
    shop.send(*again)
    assert shop.ledger["duplicate"] == BEHAVIOURAL_RING
    shop.send(*[one[0].model_copy(update={"subject": "a"}) for one in visits.values()])
    assert shop.ledger["duplicate"] == BEHAVIOURAL_RING  # forgotten, and known to be


def test_the_row_that_is_merged_away_stays_as_it_is() -> None:
    shop = Shop()
    shop.happens(order(1), 0, "a")
    shop.send(*[shop.event(order(i), i, "b") for i in range(6)])
    before = row(shop, "b").tobytes()
    merge_rows(row(shop, "a"), row(shop, "b"), CARD)
    assert row(shop, "b").tobytes() == before


def test_a_feature_that_both_used_is_one_and_their_uses_of_a_day_add_up_to_the_bound() -> None:
    shop = Shop()
    shop.happens(UsageRecorded(feature="export", count=200), 0, "a")
    shop.happens(UsageRecorded(feature="export", count=200), 0.1, "b")
    shop.happens(UsageRecorded(feature="import", count=7), 20, "b")
    merge(shop)
    found = facts(shop, 20)
    assert (found.usage_14d, found.usage_prev_14d, found.features_used_30d) == (7, 255, 2)


def test_a_milestone_planned_with_one_and_reached_with_the_other_is_reached() -> None:
    for planned_with, reached_with in (("a", "b"), ("b", "a")):
        shop = Shop()
        shop.happens(MilestonePlanned(milestone="first_value", due_at=day(9)), 0, planned_with)
        shop.happens(MilestoneReached(milestone="first_value"), 1, reached_with)
        merge(shop)
        found = facts(shop, 2)
        assert (found.milestones_reached, found.milestone_due_at) == (1, None)
        assert found.first_value_at == day(1)


def test_referrals_of_both_add_up_and_the_later_override_holds() -> None:
    shop = Shop()
    for who, at in (("a", 0), ("b", 0), ("b", 1)):
        shop.happens(ReferralMade(referral_id=who), at, who)
    shop.happens(CustomerHealthOverridden(score=70, until=day(30)), 2, "b")
    shop.happens(CustomerHealthOverridden(score=20, until=day(20)), 1, "a")
    assert merge(shop)["override_score"] == 70
    found = facts(shop, 3)
    assert (found.referrals_90d, found.override_until) == (3, day(30))
