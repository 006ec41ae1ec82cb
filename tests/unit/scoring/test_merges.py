"""Two customers who turn out to be one: a row moves, an alias stays, what comes late is sent on."""

from msgspec import structs

from libs.events import encode
from libs.events.families.customer import CustomerMerged, CustomerUpdated
from libs.events.families.engagement import SiteVisited
from libs.runtime.stream import Lane, Record
from services.scoring import merger
from services.scoring.moves import MovedRow, read, send
from tests.unit.scoring.shop import Shop, changes, day, order, snapshots


def merged(shop: Shop, at: float, gone: str = "c1", into: str = "c2") -> list[Record]:
    records = shop.happens(CustomerMerged(into=into), at, gone)
    return [*records, *shop.runner.settle(day(at))]


def test_the_survivor_has_what_both_had() -> None:
    shop = Shop()
    shop.happens(order(1, "30.00"), 0, "c1")
    shop.happens(order(2, "20.00"), 1, "c2")
    merged(shop, 2)
    facts = shop.health("c2").facts
    assert (facts.orders_total, facts.spend_total, facts.first_order_at) == (2, 5000, day(0))


def test_the_snapshot_says_which_merge_caused_it() -> None:
    shop = Shop()
    shop.happens(order(1), 0, "c1")
    records = merged(shop, 2)
    [said] = snapshots(records, "c2")
    assert said.data.cause == "e2"
    assert said.receivedat == day(2)
    assert len(changes(records, "c2")) == 1


def test_of_the_one_who_is_gone_a_tombstone_is_left_and_no_row() -> None:
    shop = Shop()
    shop.happens(order(1), 0, "c1")
    records = merged(shop, 1)
    assert [r.value for r in records if r.key == b"demo/c1"] == [None]
    assert b"demo/c1" not in shop.runner.rows
    assert shop.sweep(400) is not None
    assert not any(r.key == b"demo/c1" for r in shop.sweep(401))


def test_a_survivor_nobody_knew_gets_the_row() -> None:
    shop = Shop()
    shop.happens(order(1), 0, "c1")
    shop.happens(CustomerUpdated(segment="wholesale"), 0.5, "c1")
    merged(shop, 1)
    assert shop.health("c2").segment == "wholesale"


def test_events_that_come_late_for_the_one_who_is_gone_are_the_survivors() -> None:
    shop = Shop()
    shop.happens(order(1), 0, "c1")
    merged(shop, 1)
    assert shop.happens(order(2), 2, "c1") == []
    shop.runner.settle(day(2))
    assert shop.health("c2").facts.orders_total == 2
    assert shop.ledger["forwarded"] == shop.ledger["arrived"] == 1


def test_a_late_event_taken_in_before_the_merge_is_a_duplicate_at_the_alias() -> None:
    shop = Shop()
    first = shop.event(order(1), 0, "c1")
    shop.send(first)
    merged(shop, 1)
    shop.send(first)
    assert shop.runner.transfers == []
    assert shop.ledger["duplicate"] == 1


def test_a_late_event_told_twice_is_a_duplicate_at_the_survivor() -> None:
    shop = Shop()
    shop.happens(order(1), 0, "c1")
    merged(shop, 1)
    late = shop.event(SiteVisited(session_id="s"), 2, "c1")
    for _ in range(2):
        shop.send(late)
        shop.runner.settle(day(2))
    assert shop.ledger["duplicate"] == 1
    assert shop.ledger["forwarded"] == shop.ledger["arrived"] == 2


def test_a_merge_told_twice_moves_nothing_twice() -> None:
    shop = Shop()
    shop.happens(order(1), 0, "c1")
    told = shop.event(CustomerMerged(into="c2"), 1, "c1")
    for _ in range(2):
        shop.send(told)
        shop.runner.settle(day(1))
    assert shop.health("c2").facts.orders_total == 1
    assert shop.ledger["duplicate"] == 1
    assert shop.ledger["rows_sent"] == shop.ledger["rows_received"] == 1


def test_what_came_before_the_merge_in_the_same_chunk_moves_with_it() -> None:
    shop = Shop()
    shop.send(
        shop.event(order(1), 0, "c1"),
        shop.event(CustomerMerged(into="c2"), 1, "c1"),
        shop.event(order(2), 2, "c1"),
    )
    shop.runner.settle(day(2))
    assert shop.health("c2").facts.orders_total == 2


def test_a_chain_of_merges_ends_at_the_last_one_also_when_the_first_row_comes_late() -> None:
    shop = Shop()
    shop.happens(order(1), 0, "c1")
    shop.happens(order(2), 0, "c2")
    shop.happens(CustomerMerged(into="c2"), 1, "c1")
    shop.happens(CustomerMerged(into="c3"), 2, "c2")  # before the first row has arrived
    shop.runner.settle(day(2))
    assert shop.health("c3").facts.orders_total == 2
    shop.happens(order(3), 3, "c1")
    shop.runner.settle(day(3))
    assert shop.health("c3").facts.orders_total == 3


def test_two_customers_merged_into_each_other_come_to_rest_with_everything_in_one_row() -> None:
    shop = Shop()
    shop.happens(order(1), 0, "c1")
    shop.happens(order(2), 0, "c2")
    shop.happens(CustomerMerged(into="c2"), 1, "c1")
    shop.happens(CustomerMerged(into="c1"), 1, "c2")
    shop.runner.settle(day(1))
    for number, who in ((3, "c1"), (4, "c2")):
        shop.happens(order(number), 2, who)
        shop.runner.settle(day(2))
    totals = [row["orders_total"] for row in shop.runner.rows.array[shop.runner.rows.slots]]
    assert sorted(totals) == [4]


def test_a_customer_merged_into_themselves_stays() -> None:
    shop = Shop()
    shop.happens(order(1), 0, "c1")
    merged(shop, 1, "c1", "c1")
    assert b"demo/c1" in shop.runner.rows
    assert shop.ledger["applied"] == 2


def test_a_merge_of_somebody_unknown_still_sends_on_what_comes_later() -> None:
    shop = Shop()
    merged(shop, 0)
    shop.happens(order(1), 1, "c1")
    shop.runner.settle(day(1))
    assert shop.health("c2").facts.orders_total == 1


def test_aliases_survive_a_restart() -> None:
    shop = Shop()
    shop.happens(order(1), 0, "c1")
    merged(shop, 1)
    shop.runner.restart()
    shop.happens(order(2), 2, "c1")
    shop.runner.settle(day(2))
    assert shop.health("c2").facts.orders_total == 2


def test_an_import_not_yet_said_is_still_to_be_said_of_the_survivor() -> None:
    shop = Shop(wall=100.0)
    shop.send(shop.event(order(1), 0, "c1", backfill=True))
    records = merged(shop, 1)
    assert snapshots(records, "c2") == []
    shop.wall += 10
    [said] = snapshots(shop.sweep(1.1), "c2")
    assert said.backfill is True


def test_while_behind_the_survivor_waits_for_the_sweep() -> None:
    shop = Shop()
    shop.happens(order(1), 0, "c1")
    shop.happens(CustomerMerged(into="c2"), 1, "c1")
    sent, shop.runner.transfers = shop.runner.transfers, []
    records = shop.runner._records(Lane.TRANSFERS, [(t.key, t.value) for t in sent], day(1))
    assert shop.runner.feed(records, day(1), lane=Lane.TRANSFERS, behind=True) == []
    assert len(snapshots(shop.sweep(1.1), "c2")) == 1


def test_the_feeds_of_the_tenant_come_along() -> None:
    """A partition that heard nothing of the site itself must not take the row's visits for a dead feed."""
    here, there = Shop(), Shop()
    here.happens(SiteVisited(session_id="s"), 0, "c1")
    here.happens(CustomerMerged(into="c2"), 1, "c1")
    there.runner.receive(here.runner.transfers, day(1))
    assert there.health("c2").facts.site_tracking_live is True


def test_a_row_of_the_layout_before_is_turned_into_todays(monkeypatch) -> None:
    shop = Shop()
    shop.happens(order(1), 0, "c1")
    shop.happens(CustomerMerged(into="c2"), 1, "c1")
    [transfer] = shop.runner.transfers
    move = read(transfer.value)
    assert isinstance(move, MovedRow)
    monkeypatch.setattr(merger, "MIGRATE", {0: lambda body: body[3:]})
    old = structs.replace(move, layout=0, row=b"old" + move.row)
    monkeypatch.setattr(merger, "LAYOUT", 1)
    there = Shop()
    there.runner.receive([send(transfer.key, old)], day(1))
    assert there.health("c2").facts.orders_total == 1


def test_encoded_events_travel_as_they_came() -> None:
    shop = Shop()
    merged(shop, 0)
    late = shop.event(order(1), 1, "c1")
    shop.send(late)
    [transfer] = shop.runner.transfers
    assert read(transfer.value).event == encode(late)
