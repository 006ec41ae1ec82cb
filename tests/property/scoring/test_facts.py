"""Facts do not depend on the order of arrival, on chunks, or on what is told twice."""

from collections import defaultdict
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.events import AnyEvent
from libs.events.families.commerce import OrderPlaced
from libs.events.families.engagement import EmailClicked, EmailSent, SiteVisited
from services.scoring.domain.decode import key_of
from services.scoring.domain.row import DAY, MEMORY, ROW
from tests.property.scoring.lives import (
    ACCOUNT_EVENTS,
    ENGAGEMENT_EVENTS,
    ORDER_EVENTS,
    SUPPORT_EVENTS,
    facts,
    feed,
    lives,
)

ALL = (ORDER_EVENTS, ENGAGEMENT_EVENTS, SUPPORT_EVENTS, ACCOUNT_EVENTS)


@settings(max_examples=150, deadline=None)
@given(st.data(), lives(*ALL))
def test_any_order_of_the_same_events_gives_the_same_facts(data: st.DataObject, life: list[AnyEvent]) -> None:
    shuffled = data.draw(st.permutations(life))
    assert facts(feed(shuffled)) == facts(feed(sorted(life, key=lambda e: e.time)))


@settings(max_examples=60, deadline=None)
@given(st.data(), lives(ORDER_EVENTS, most=12))
def test_orders_edited_cancelled_and_refunded_in_any_order_are_the_same(
    data: st.DataObject, life: list[AnyEvent]
) -> None:
    assert facts(feed(data.draw(st.permutations(life)))) == facts(feed(life))


@settings(max_examples=60, deadline=None)
@given(lives(*ALL), st.lists(st.integers(1, 24), max_size=6))
def test_any_split_into_chunks_gives_the_same_rows(life: list[AnyEvent], cuts: list[int]) -> None:
    whole, split = feed(life), feed(life, cuts)
    said = {name for name in MEMORY if name.startswith("said_")}  # what was published, chunk by chunk
    for name in ROW.names or ():
        if name not in said:
            np.testing.assert_array_equal(whole.rows.array[0][name], split.rows.array[0][name], name)
    assert whole.rows.ledger.as_dict() == split.rows.ledger.as_dict()


@settings(max_examples=60, deadline=None)
@given(st.data(), lives(*ALL, most=12))
def test_telling_things_twice_changes_nothing(data: st.DataObject, life: list[AnyEvent]) -> None:
    again = data.draw(st.lists(st.sampled_from(life), max_size=8))
    once, twice = feed(life), feed([*life, *again], [len(life)])
    assert facts(once) == facts(twice)
    assert twice.rows.ledger["duplicate"] == len(again)
    assert len(twice.outputs) == len(once.outputs)


@settings(max_examples=60, deadline=None)
@given(lives(ENGAGEMENT_EVENTS, ORDER_EVENTS.filter(lambda d: type(d) is OrderPlaced), most=40))
def test_counts_equal_a_naive_count_over_the_log(life: list[AnyEvent]) -> None:
    from libs.events import decode

    last = next(r for r in reversed(feed(life).outputs) if r.topic == "customer.health")
    said: Any = decode(last.value or b"").data.facts  # type: ignore[attr-defined]
    naive = _Naive(life)
    if said.engagement_30d is not None:
        assert (said.engagement_30d, said.engagement_prev_30d) == (naive.engaged(0), naive.engaged(1))
        assert said.clicks_30d == naive.clicks
    assert said.orders_total == len(naive.orders)
    assert said.spend_total == sum(naive.orders.values())
    if said.sends_since_engagement is not None:
        assert said.sends_since_engagement == naive.sends


class _Naive:
    """The same facts by the words of their meaning, from the whole log, slowly."""

    def __init__(self, life: list[AnyEvent]) -> None:
        self._today = max(int(e.receivedat.timestamp()) for e in life) // DAY
        self._visits: dict[int, set[int]] = defaultdict(set)
        self._acts: list[int] = []
        self.orders: dict[str, int] = {}
        for e in life:
            self._take(e.data, int(e.time.timestamp()) // DAY)
        clicks = [int(e.time.timestamp()) // DAY for e in life if type(e.data) is EmailClicked]
        self.clicks = sum(day > self._today - 30 for day in clicks)
        last = max([*self._visits, *self._acts], default=-1)
        sent = [int(e.time.timestamp()) // DAY for e in life if type(e.data) is EmailSent]
        self.sends = sum(day > last for day in sent)

    def _take(self, data: Any, day: int) -> None:
        if type(data) is SiteVisited:
            self._visits[day].add(key_of(data.session_id) % 8)
        elif type(data) is OrderPlaced:
            if data.counts and data.order_id not in self.orders:
                self.orders[data.order_id] = int(float(data.amount) * 100)
                self._acts.append(day)
        elif type(data).__name__ in {"EmailClicked", "SmsReplied"}:
            self._acts.append(day)

    def engaged(self, windows_ago: int) -> int:
        high = self._today - 30 * windows_ago
        days = [*self._acts, *(day for day, bits in self._visits.items() for _ in bits)]
        return sum(high - 30 < day <= high for day in days)
