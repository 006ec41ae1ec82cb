"""History fills state and is said once, marked as such (MISSION.md A11)."""

from libs.events.families.engagement import SiteVisited
from tests.unit.scoring.shop import Shop, changes, order, snapshots


def history(shop: Shop, customers: int = 3) -> None:
    for i in range(customers):
        shop.send(
            *[shop.event(order(f"{i}-{n}"), -30 * n, f"c{i}", received=0, backfill=True) for n in range(4)]
        )


def test_imported_events_say_nothing_while_they_come() -> None:
    shop = Shop()
    history(shop)
    assert shop.runner.outputs == []
    assert shop.ledger == {"applied": 12, "duplicate": 0}
    assert shop.sweep(0.1) == []  # the last chunk was imported, less than two seconds ago


def test_when_no_more_comes_each_customer_is_said_once_and_marked() -> None:
    shop = Shop()
    history(shop)
    shop.wall = 2.1
    records = shop.sweep(0.1)
    assert len(records) == 3
    for i in range(3):
        (said,) = snapshots(records, f"c{i}")
        assert said.backfill is True
        assert said.data.facts.orders_total == 4
        assert said.data.facts.imported_at is not None
    assert shop.sweep(0.1) == []


def test_a_live_event_first_says_what_the_import_found() -> None:
    shop = Shop()
    history(shop)
    records = shop.happens(SiteVisited(session_id="s"), 1, "c1")
    first, second = snapshots(records, "c1")
    assert (first.backfill, first.data.facts.site_known, first.data.cause) == (True, False, "silence")
    assert (second.backfill, second.data.facts.site_known) == (False, True)
    assert first.id != second.id
    (change,) = changes(records, "c1")
    assert change.data.before.score == first.data.score
    assert len(shop.sweep(1)) == 2  # a chunk of live events alone: the import is over


def test_live_events_among_imported_ones_leave_the_rest_silent() -> None:
    shop = Shop()
    history(shop)
    live = shop.event(order("live"), 1, "c0")
    more = shop.event(order("old"), -5, "c1", received=1, backfill=True)
    assert {s.subject for s in snapshots(shop.send(live, more), "c0")} == {"c0"}
    assert shop.sweep(1) == []
    shop.wall = 5.0
    assert len(shop.sweep(1)) == 2


def test_a_later_import_of_a_known_customer_is_marked_again() -> None:
    shop = Shop()
    shop.happens(order(1), 0)
    shop.send(shop.event(order(2), -50, received=1, backfill=True))
    shop.wall = 9.0
    (said,) = snapshots(shop.sweep(2))
    assert said.backfill is True
    assert said.data.facts.orders_total == 2


def test_pending_imports_survive_a_restart() -> None:
    shop = Shop()
    history(shop)
    shop.runner.restart()
    shop.wall = 3.0
    assert len(shop.sweep(0.1)) == 3
