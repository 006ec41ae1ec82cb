"""Laws of the ledger and of intervals, for any input."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from sandbox.domain.ledger import DECISIONS, Attempt, Topics, balance, count_sent
from sandbox.domain.statistics import Proportion, difference

ids = st.text("abcdef", min_size=1, max_size=3)


@given(st.dictionaries(ids, st.integers(1, 4), min_size=1), st.dictionaries(ids, st.sampled_from(DECISIONS)))
def test_an_honest_pipeline_always_balances(events: dict[str, int], decided: dict[str, str]) -> None:
    attempts = [Attempt(n, 200, "accepted", (name,)) for n, name in enumerate(events, start=1)]
    records = Counter(events)
    scoring = {"applied": len(records), "duplicate": records.total() - len(records)}
    topics = Topics(records, scoring, frozenset(), frozenset(decided), tuple(decided.items()))
    assert balance(count_sent(attempts), topics).balanced


@given(st.dictionaries(ids, st.integers(1, 4), min_size=1), st.data())
def test_dropping_or_doubling_any_event_never_balances(events: dict[str, int], data: st.DataObject) -> None:
    attempts = [Attempt(n, 200, "accepted", (name,)) for n, name in enumerate(events, start=1)]
    records = Counter(events)
    applied, duplicate = len(records), records.total() - len(records)
    victim = data.draw(st.sampled_from(sorted(events)))
    dropped = Counter({name: times for name, times in records.items() if name != victim})
    lost = Topics(dropped, {"applied": applied, "duplicate": duplicate}, frozenset(), frozenset(), ())
    doubled = Topics(records, {"applied": applied + 1, "duplicate": duplicate}, frozenset(), frozenset(), ())
    honest_loss = Topics(
        dropped,
        {"applied": len(dropped), "duplicate": dropped.total() - len(dropped)},
        frozenset(),
        frozenset(),
        (),
    )
    sent = count_sent(attempts)
    assert not balance(sent, lost).balanced
    assert not balance(sent, doubled).balanced
    assert not balance(sent, honest_loss).balanced


@given(st.integers(0, 50), st.integers(1, 50), st.integers(0, 50), st.integers(1, 50))
def test_the_interval_of_a_difference_holds_the_difference(
    hits: int, total: int, other: int, size: int
) -> None:
    treated, control = Proportion(min(hits, total), total), Proportion(min(other, size), size)
    interval = difference(treated, control)
    assert -1 - 1e-9 <= interval.low <= treated.value - control.value + 1e-9
    assert treated.value - control.value - 1e-9 <= interval.high <= 1 + 1e-9
