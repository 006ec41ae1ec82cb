"""Any course of words, of any number of processes: what must be true whenever silence counts."""

from datetime import UTC, datetime
from itertools import accumulate, takewhile

from hypothesis import given
from hypothesis import strategies as st

from libs.events.status import Status
from libs.runtime.hold import EVERY_S, SETTLE_S, STALE_S, Hold

LONGEST_S = 600.0

# Who speaks, how long after the last word of anybody (ms: the times of the contract are exact), what about.
words = st.tuples(st.sampled_from("abc"), st.integers(0, 15_000), st.booleans())
courses = st.lists(words, max_size=25)


def told(course: list[tuple[str, int, bool]]) -> list[Status]:
    times = accumulate((gap for _, gap, _ in course), initial=1_000_000)
    return [
        Status(process=who, at=datetime.fromtimestamp(at / 1000, UTC), waiting=waiting)
        for (who, _, waiting), at in zip(course, list(times)[1:], strict=True)
    ]


def hold_of(statuses: list[Status], *, read: bool = True) -> Hold:
    hold = Hold(LONGEST_S)
    for one in statuses:
        hold.heard(one, at(one))
    if read:
        hold.read()
    return hold


def at(status: Status) -> float:
    return status.at.timestamp()


@given(courses, st.floats(0, 30))
def test_where_silence_counts_nobody_waits_and_that_has_been_said_for_long_enough(course, later):
    statuses = told(course)
    wall = (at(statuses[-1]) if statuses else 1_000.0) + later
    if hold_of(statuses).reason(wall) is not None or not statuses:
        return
    newest = at(statuses[-1])
    assert wall - newest <= STALE_S
    counting = [one for one in statuses if at(one) >= newest - STALE_S]
    last_of_each = {one.process: one for one in counting}
    assert not any(one.waiting for one in last_of_each.values())
    clear = list(takewhile(lambda one: not one.waiting, reversed(counting)))
    assert at(clear[0]) - at(clear[-1]) >= SETTLE_S - 1e-6


@given(courses, st.floats(0, 2 * LONGEST_S))
def test_nobody_waits_for_longer_than_the_limit_after_the_last_word(course, later):
    statuses = told(course)
    wall = (at(statuses[-1]) if statuses else 1_000.0) + later
    held = hold_of(statuses).reason(wall) is not None
    if not statuses or later > LONGEST_S:
        assert not held
    elif later > STALE_S:
        assert held


@given(courses)
def test_whatever_was_said_words_that_nothing_waits_end_the_hold(course):
    statuses = told(course)
    start = at(statuses[-1]) if statuses else 1_000.0
    hold = hold_of(statuses)
    for number in range(1, int((STALE_S + 2 * EVERY_S) / EVERY_S) + 1):
        spoken = start + number * EVERY_S
        for who in "ab":  # c is dead, whatever it said last
            word = Status(process=who, at=datetime.fromtimestamp(spoken, UTC), waiting=False)
            hold.heard(word, spoken)
    assert hold.reason(spoken) is None


@given(courses)
def test_a_process_that_spools_is_heard_however_many_do_not(course):
    others = [one for one in told(course) if one.process != "c"]
    last = at(others[-1]) if others else 1_000.0
    hold = Hold(LONGEST_S)
    hold.read()
    for one in others:
        waits = Status(process="c", at=one.at, waiting=True)
        hold.heard(waits, at(one))
        hold.heard(one, at(one))
        assert hold.reason(at(one)) is not None
    assert not others or hold.reason(last + 1) is not None


@given(courses, st.integers(0, 30))
def test_to_have_been_read_at_the_start_or_heard_as_they_came_is_the_same(course, later):
    statuses = told(course)
    wall = (at(statuses[-1]) if statuses else 1_000.0) + later
    started = Hold(LONGEST_S)
    for one in statuses:
        started.heard(one, wall)
    started.read()
    assert started.reason(wall) == hold_of(statuses).reason(wall)
