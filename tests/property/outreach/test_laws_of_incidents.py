"""Laws of common causes: exact chances, no alarm at the base rate, more is never less, order is nothing."""

from dataclasses import replace
from fractions import Fraction
from math import comb, log10
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.outreach.domain.incidents import Limits, Seen, find, is_over, log_tail

shares = st.integers(1, 99).map(lambda percent: percent / 100)
LIMITS = Limits()


@st.composite
def seen(draw: st.DrawFn) -> Seen:
    of = draw(st.integers(1, 300))
    known = draw(st.integers(1, 10_000))
    before_of = draw(st.integers(0, 500))
    return Seen(
        draw(st.sampled_from(["carrier", "region"])),
        draw(st.sampled_from("abcdef")),
        fired=draw(st.integers(1, of)),
        of=of,
        customers=draw(st.integers(0, known)),
        known=known,
        before=draw(st.integers(0, before_of)),
        before_of=before_of,
    )


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 99))
def test_the_chance_is_the_sum_of_the_binomial_terms(least: int, of: int, percent: int) -> None:
    assume(least <= of)
    p = Fraction(percent, 100)
    exact = sum(comb(of, k) * p**k * (1 - p) ** (of - k) for k in range(least, of + 1))
    assert log_tail(least, of, percent / 100) == pytest.approx(log10(exact), abs=1e-9)


@given(seen())
def test_at_the_base_rate_there_is_none_however_lax_the_limits(one: Seen) -> None:
    expected = int(one.of * one.usual)
    assert find([replace(one, fired=expected)], Limits(least=1, lift=1, chance=0.5)) is None


@given(seen())
def test_more_customers_with_the_value_never_make_less_of_it(one: Seen) -> None:
    assume(one.fired < one.of)
    fewer, more = find([one], LIMITS), find([replace(one, fired=one.fired + 1)], LIMITS)
    if fewer is not None:
        assert more is not None
        assert more.log_chance <= fewer.log_chance


@given(st.lists(seen(), max_size=8, unique_by=lambda one: (one.kind, one.value)), st.randoms())
def test_the_order_of_values_is_nothing(values: list[Seen], random: Random) -> None:
    first = find(values, LIMITS)
    random.shuffle(values)
    assert find(values, LIMITS) == first


@given(seen())
def test_what_opens_one_never_ends_it(one: Seen) -> None:
    if find([one], LIMITS) is not None:
        assert not is_over(one, LIMITS)


@given(seen(), st.integers(1, 1_000))
def test_a_history_of_the_value_only_ever_speaks_against_it(one: Seen, more: int) -> None:
    with_more = replace(one, before=one.before + more, before_of=one.before_of + more)
    if find([with_more], LIMITS) is not None:
        assert find([one], LIMITS) is not None


def _alarms(random: Random, limits: Limits) -> bool:
    """A day of firings that follow the shop's own shares, looked at after each of them."""
    customers = {"a": 60, "b": 120, "c": 250, "d": 570}
    drawn: list[str] = []
    for _ in range(60):
        drawn += random.choices(list(customers), list(customers.values()))
        counts = [
            Seen("carrier", name, drawn.count(name), len(drawn), customers[name], 1_000)
            for name in sorted(set(drawn))
        ]
        if find(counts, limits) is not None:
            return True
    return False


def test_looked_at_all_day_chance_alone_gives_no_more_alarms_than_allowed() -> None:
    """Without the least number and the least lift, which would hide it: 5 % of 200 days are 10."""
    lax = Limits(least=1, lift=0, chance=0.05)
    assert sum(_alarms(Random(seed), lax) for seed in range(200)) <= 10


def test_as_shipped_a_year_of_chance_gives_none() -> None:
    assert not any(_alarms(Random(seed), LIMITS) for seed in range(365))
