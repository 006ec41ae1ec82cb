"""What is taken in while more waits behind it is said by the next sweep, once a customer."""

import pytest

from libs.events.families.customer import CustomerErased, CustomerMerged
from libs.events.families.engagement import EmailOpened, SiteVisited
from libs.events.families.relationship import TicketOpened
from libs.runtime.stream import InputRecord, Lane, Record
from tests.unit.scoring.shop import Shop, changes, day, order, snapshots


def trouble(number: int) -> TicketOpened:
    return TicketOpened(ticket_id=f"t{number}", sentiment="negative")


def test_events_that_waited_are_counted_without_a_word() -> None:
    shop = Shop()
    assert shop.waits(*[shop.event(order(i), i, f"c{i % 2}") for i in range(6)]) == []
    assert shop.ledger == {"applied": 6, "duplicate": 0}
    assert shop.runner.rows.array["orders_total"][:2].tolist() == [3, 3]


def test_the_next_sweep_says_what_is_owed_once_a_customer_and_names_the_backlog() -> None:
    shop = Shop()
    shop.waits(*[shop.event(order(i), i, f"c{i % 2}") for i in range(6)])
    records = shop.sweep(5)
    for customer in ("c0", "c1"):
        (said,) = snapshots(records, customer)
        assert (said.data.cause, said.data.facts.orders_total, said.backfill) == ("catch-up", 3, False)
        (change,) = changes(records, customer)
        assert (change.data.cause, change.data.before) == ("catch-up", None)
    assert shop.sweep(5) == []


def test_only_those_whom_the_backlog_touched_are_said() -> None:
    shop = Shop()
    shop.happens(order(1), 0, "quiet")
    shop.waits(shop.event(order(2), 0.001))
    records = shop.sweep(0.001)
    assert snapshots(records, "quiet") == []
    assert len(snapshots(records)) == 1


def test_a_backlog_is_one_change_from_what_was_last_said_to_where_it_ends() -> None:
    shop = Shop()
    (first,) = changes(shop.happens(order(1), 0))
    for number in range(3):
        assert shop.waits(shop.event(trouble(number), 1 + number)) == []
    (change,) = changes(shop.sweep(3))
    assert first.data.after.band == "green"
    assert change.data.before == first.data.after
    assert (change.data.after.score, change.data.after.band) == (shop.health().score, "red")
    assert change.data.cause == "catch-up"


def test_a_backlog_that_moved_no_score_is_a_snapshot_and_no_change() -> None:
    shop = Shop()
    shop.happens(order(1), 0)
    shop.waits(shop.event(EmailOpened(), 0.01))
    records = shop.sweep(0.01)
    assert len(snapshots(records)) == 1
    assert changes(records) == []


def test_silence_and_the_backlog_are_told_apart() -> None:
    shop = Shop()
    shop.happens(order(1), 0, "silent")
    shop.waits(shop.event(order(2), 44))
    records = shop.sweep(45)
    assert [s.data.cause for s in snapshots(records, "silent")] == ["silence"]
    assert [s.data.cause for s in snapshots(records)] == ["catch-up"]


def test_a_live_event_says_what_was_owed_and_the_sweep_has_nothing_left() -> None:
    shop = Shop()
    (first,) = changes(shop.happens(order(1), 0))
    shop.waits(shop.event(trouble(1), 1))
    records = shop.happens(EmailOpened(), 1.001)
    (change,) = changes(records)
    assert change.data.before == first.data.after
    assert [s.data.cause for s in snapshots(records)] == ["e3"]
    assert shop.sweep(1.001) == []


def test_what_is_owed_survives_a_restart() -> None:
    shop = Shop()
    shop.happens(order(1), 0)
    shop.waits(shop.event(trouble(1), 1))
    shop.runner.restart()
    (change,) = changes(shop.sweep(1))
    assert change.data.before.band == "green"


def test_duplicates_owe_nothing() -> None:
    shop = Shop()
    placed = shop.event(order(1), 0)
    shop.send(placed)
    shop.waits(placed)
    assert shop.ledger["duplicate"] == 1
    assert shop.sweep(0) == []


def backlog(shop: Shop) -> list[Record]:
    """Two debts of one customer, paid at the same moment of a clock that stands still."""
    said: list[Record] = []
    for number in range(2):
        shop.waits(shop.event(trouble(number), 1))
        said += shop.sweep(1)
    return said


def test_the_same_backlog_gives_the_same_ids_and_a_second_debt_another() -> None:
    records = backlog(Shop())
    assert records == backlog(Shop())
    ids = [event.id for event in snapshots(records) + changes(records)]
    assert len(ids) == 4
    assert len(set(ids)) == 4


def test_two_rows_that_came_from_elsewhere_are_two_debts_with_ids_of_their_own() -> None:
    """No event of this partition tells them apart: the clock stands still, only rows come."""
    there, here = Shop(), Shop()
    here.happens(order(1), 0, "into")
    said: list[Record] = []
    for number in range(2):
        there.happens(order(10 + number), 0, f"c{number}")
        there.happens(CustomerMerged(into="into"), 1, f"c{number}")
        first = InputRecord(number, b"demo/into", there.runner.transfers.pop().value)
        here.runner.feed([first], day(1), lane=Lane.TRANSFERS, behind=True)
        said += here.sweep(1)
    ids = [(s.data.cause, s.data.facts.orders_total, s.id) for s in snapshots(said, "into")]
    assert [(cause, orders) for cause, orders, _ in ids] == [("catch-up", 2), ("catch-up", 3)]
    assert ids[0][2] != ids[1][2]


def test_slices_pay_what_a_whole_sweep_pays() -> None:
    whole, sliced = Shop(), Shop()
    sliced.runner._slice = 3
    for shop in (whole, sliced):
        shop.waits(*[shop.event(order(i), 0, f"c{i}") for i in range(10)])
    assert whole.sweep(1) == sliced.sweep(1)


def test_an_erased_customer_is_owed_nothing() -> None:
    shop = Shop()
    shop.waits(shop.event(order(1), 0), shop.event(CustomerErased(request_id="r"), 0))
    assert shop.sweep(1) == []


def test_an_imported_customer_is_still_said_before_the_first_event_that_waited() -> None:
    shop = Shop()
    shop.send(shop.event(order(1), -30, received=0, backfill=True))
    (imported,) = snapshots(shop.waits(shop.event(SiteVisited(session_id="s"), 1)))
    assert (imported.backfill, imported.data.cause) == (True, "silence")
    (owed,) = snapshots(shop.sweep(1))
    assert (owed.backfill, owed.data.cause) == (False, "catch-up")


@pytest.mark.parametrize("together", [True, False])
def test_an_import_does_not_swallow_news_that_waited(together: bool) -> None:
    """What an import says is nobody's news: what live events moved before it must have been said."""
    shop = Shop()
    (first,) = changes(shop.happens(order(1), 0))
    live = shop.event(trouble(1), 1)
    history = shop.event(order(2), -30, received=1, backfill=True)
    records = shop.waits(live, history) if together else shop.waits(live) + shop.waits(history)
    (change,) = changes(records)
    assert change.data.before == first.data.after
    assert change.data.after.band != "green"
    assert [s.backfill for s in snapshots(records)] == [False]
    shop.wall = 9.0
    assert [s.backfill for s in snapshots(shop.sweep(1))] == [True]


def test_a_long_import_that_waited_is_still_silent() -> None:
    shop = Shop()
    shop.waits(*[shop.event(order(i), -i, f"c{i}", received=0, backfill=True) for i in range(5)])
    assert shop.sweep(0) == []
    shop.wall = 9.0
    assert len(shop.sweep(0)) == 5
