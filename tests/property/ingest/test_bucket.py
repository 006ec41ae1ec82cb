"""A bucket lets through what its limits say, however it is asked."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.domain.bucket import Bucket, Limits

SECOND = 1_000_000_000
LIMITS = st.builds(Limits, per_second=st.integers(1, 2_000), burst=st.integers(1, 50))
STEPS = st.lists(st.integers(0, 2 * SECOND), max_size=80)


def moments(steps: list[int]) -> list[int]:
    """Times of requests, from the waits between them."""
    found, now = [], 0
    for step in steps:
        now += step
        found.append(now)
    return found


def passed(limits: Limits, times: list[int]) -> list[int]:
    bucket = Bucket.full(limits, 0)
    return [now for now in times if bucket.take(now) == 0]


@given(LIMITS, STEPS)
def test_no_stretch_of_time_sees_more_than_the_burst_and_what_was_earned(limits, steps):
    through = passed(limits, moments(steps))
    for first, start in enumerate(through):
        for last in range(first, len(through)):
            earned = limits.per_second * (through[last] - start)
            assert (last - first + 1 - limits.burst) * SECOND <= earned


@given(LIMITS, STEPS)
def test_it_decides_as_fractions_of_tokens_would(limits, steps):
    bucket, level, before = Bucket.full(limits, 0), Fraction(limits.burst), 0
    for now in moments(steps):
        level = min(Fraction(limits.burst), level + Fraction((now - before) * limits.per_second, SECOND))
        before = now
        assert (bucket.take(now) == 0) is (level >= 1)
        level -= level >= 1


@given(LIMITS, st.integers(0, 10**18))
def test_it_refills_exactly(limits, start):
    bucket = Bucket.full(limits, start)
    assert [bucket.take(start) for _ in range(limits.burst)] == [0] * limits.burst
    wait = bucket.take(start)
    assert wait == -(-SECOND // limits.per_second)
    assert bucket.take(start + wait - 1) > 0
    assert bucket.take(start + wait) == 0


@given(LIMITS, STEPS, st.integers(0, 60 * SECOND))
def test_how_often_it_was_asked_in_vain_makes_no_difference(limits, steps, later):
    """Two empty buckets, one asked all the time, are alike afterwards."""
    asked, left = Bucket(limits, 0, 0), Bucket(limits, 0, 0)
    soon = -(-SECOND // limits.per_second) - 1
    for now in sorted(step % (soon + 1) for step in steps):
        assert asked.take(now) > 0
    then = soon + later
    asked.take(then)
    left.take(then)
    assert asked == left


@given(LIMITS, STEPS)
def test_what_it_says_to_wait_is_enough_and_no_more(limits, steps):
    bucket, now = Bucket.full(limits, 0), 0
    for step in steps:
        now += step
        if wait := bucket.take(now):
            now += wait - 1
            assert bucket.take(now) == 1
            now += 1
            assert bucket.take(now) == 0


@given(LIMITS, st.integers(1, 10**18))
def test_a_clock_that_is_set_back_earns_nothing_and_goes_on(limits, back):
    bucket = Bucket(limits, 0, 10**18)
    assert bucket.take(10**18 - back) > 0
    assert bucket.take(10**18 - back + SECOND) == 0
