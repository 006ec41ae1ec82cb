"""What is said, when, and under which id."""

import pytest

from libs.events import decode, encode
from libs.events.families.engagement import SiteVisited
from libs.events.families.relationship import TicketOpened
from tests.unit.scoring.shop import Shop, changes, day, order, snapshots


def test_the_time_of_a_snapshot_is_when_its_event_was_received() -> None:
    shop = Shop()
    records = shop.happens(order(1), 0, received=2.5, simulated=True, traceparent="00-ab-cd-01")
    (said,) = snapshots(records)
    assert (said.time, said.receivedat) == (day(2.5), day(2.5))
    assert (said.simulated, said.traceparent, said.backfill) == (True, "00-ab-cd-01", False)


def test_the_first_score_is_a_change_from_nothing() -> None:
    shop = Shop()
    (change,) = changes(shop.happens(order(1), 0))
    assert change.data.before is None
    assert change.data.after.band == "green"
    assert [m.signal for m in change.data.why] == ["purchase_recency"]


def test_a_change_is_said_at_a_point_of_movement_or_another_band() -> None:
    shop = Shop()
    shop.happens(order(1), 0)
    first = shop.health().score
    assert changes(shop.happens(order(2), 0.01)) == []  # the same day: one occasion, no movement
    (change,) = changes(shop.happens(TicketOpened(ticket_id="t", sentiment="negative"), 1))
    data = change.data
    assert data.before.score == pytest.approx(first)
    assert data.after.score == shop.health().score
    assert data.cause == "e3"
    assert data.why[0].signal == "support_sentiment"
    assert sum(m.points for m in data.why) == pytest.approx(data.after.score - data.before.score, abs=0.2)


def test_silence_alone_speaks_and_says_so() -> None:
    shop = Shop()
    shop.happens(order(1), 0)
    assert shop.sweep(0.001) == []
    records = shop.sweep(45)
    assert [s.data.cause for s in snapshots(records)] == ["silence"]
    assert len(changes(records)) == 1
    assert shop.sweep(45.0001) == []


def test_a_sweep_speaks_when_only_a_count_moved() -> None:
    shop = Shop()
    shop.happens(SiteVisited(session_id="s"), 0)
    for at in range(60):
        shop.happens(SiteVisited(session_id="o"), at, customer="other")
    shop.sweep(29.4)
    (said,) = snapshots(shop.sweep(29.6))  # the visit leaves the window at midnight
    assert said.data.facts.visits_30d == 0


def test_a_sweep_in_slices_says_what_a_whole_one_says() -> None:
    whole, sliced = Shop(), Shop()
    sliced.runner._slice = 3
    for shop in (whole, sliced):
        for i in range(10):
            shop.happens(order(i), 0, customer=f"c{i}")
    assert whole.sweep(40) == sliced.sweep(40)


def test_the_same_chunk_gives_the_same_ids() -> None:
    records = []
    for _ in range(2):
        shop = Shop()
        records.append(shop.happens(order(1), 0) + shop.sweep(40))
    assert records[0] == records[1]
    ids = [decode(r.value or b"").id for r in records[0]]
    assert len(set(ids)) == len(ids)


def test_a_restart_forgets_nothing() -> None:
    shop = Shop()
    shop.happens(order(1), 0)
    shop.happens(SiteVisited(session_id="s"), 1)
    shop.runner.restart()
    assert shop.sweep(1.0001) == []
    assert shop.ledger == {"applied": 2, "duplicate": 0}
    shop.sweep(2)
    assert shop.health().facts.site_tracking_live is True


def test_what_is_said_reads_the_same_at_the_edge() -> None:
    """The hot structs write what the contract's models accept, and no score is lost on the way."""
    shop = Shop()
    shop.happens(order(1), 0)
    raw = shop.runner.outputs[0].value
    assert raw is not None
    event = decode(raw)
    assert decode(encode(event)) == event
