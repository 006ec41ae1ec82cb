"""When silence is held, word by word. Any course of words: tests/property/runtime/test_hold.py."""

from datetime import UTC, datetime

import pytest

from libs.events.status import Status
from libs.runtime.hold import STALE_S, Hold, Reason, Relay

DAY_S = 86_400.0


def word(at: float, *, waiting: bool = False, process: str = "a") -> Status:
    return Status(process=process, at=datetime.fromtimestamp(at, UTC), waiting=waiting)


@pytest.fixture
def hold() -> Hold:
    """One that has read all there is: nothing."""
    made = Hold(DAY_S)
    made.read()
    return made


def hear(hold: Hold, *words: Status) -> None:
    for one in words:
        hold.heard(one, one.at.timestamp())


def test_nobody_who_has_ever_said_a_word_holds_nobody(hold):
    assert hold.reason(1e9) is None
    assert not hold.known


def test_before_it_is_read_what_was_said_silence_is_held():
    assert Hold(DAY_S).reason(1e9) is Reason.UNREAD


def test_waiting_holds_at_once(hold):
    hear(hold, word(100), word(102), word(103, waiting=True))
    assert hold.reason(103) is Reason.WAITING


def test_two_words_in_a_row_that_nothing_waits_end_it(hold):
    hear(hold, word(100, waiting=True), word(102))
    assert hold.reason(103) is Reason.SETTLING
    hear(hold, word(104))
    assert hold.reason(104) is None


def test_waiting_in_between_begins_it_anew(hold):
    hear(hold, word(100, waiting=True), word(102), word(103, waiting=True), word(104))
    assert hold.reason(104) is Reason.SETTLING


def test_two_processes_that_say_so_at_once_are_not_two_in_a_row(hold):
    hear(hold, word(100, waiting=True), word(102), word(102.1, process="b"))
    assert hold.reason(102.1) is Reason.SETTLING


def test_once_they_have_spoken_a_silence_of_theirs_holds_ours(hold):
    hear(hold, word(100), word(102))
    assert hold.reason(102 + STALE_S) is None
    assert hold.reason(102 + STALE_S + 0.1) is Reason.STALE


def test_after_such_a_silence_two_words_are_needed_again(hold):
    hear(hold, word(100), word(102), word(150))
    assert hold.reason(150) is Reason.SETTLING
    hear(hold, word(152))
    assert hold.reason(152) is None


def test_who_spools_wins_over_who_does_not(hold):
    hear(hold, word(100, waiting=True))
    for at in range(101, 110, 2):
        hear(hold, word(at, process="b"), word(at + 1, waiting=True))
        assert hold.reason(at + 1) is Reason.WAITING


def test_until_it_clears_or_its_word_is_stale(hold):
    hear(hold, word(100, waiting=True))
    hear(hold, *(word(at, process="b") for at in range(101, 111)))
    assert hold.reason(110) is Reason.WAITING
    hear(hold, word(111, process="b"), word(113, process="b"))
    assert hold.reason(113) is None


def test_who_is_gone_for_good_holds_nobody(hold):
    hear(hold, word(100, waiting=True))
    assert hold.reason(100 + DAY_S) is Reason.STALE
    assert hold.reason(100 + DAY_S + 1) is None


def test_words_that_were_read_at_the_start_count_as_if_they_had_been_heard():
    hold = Hold(DAY_S)
    for at in (100, 102, 104):
        hold.heard(word(at), 105)
    assert hold.reason(105) is Reason.UNREAD
    hold.read()
    assert hold.reason(105) is None
    assert hold.reason(200) is Reason.STALE


def test_a_clock_that_is_ahead_does_not_outlast_the_others(hold):
    hear(hold, word(100, waiting=True))
    hold.heard(word(5_000, process="b"), 101)
    assert hold.reason(102) is Reason.WAITING
    assert hold.reason(112) is Reason.STALE


def test_a_word_that_comes_late_changes_nothing(hold):
    hear(hold, word(100, waiting=True), word(101, process="b"))
    hold.heard(word(99), 102)
    assert hold.reason(102) is Reason.WAITING


def test_a_stage_passes_the_hold_on_until_it_has_told_what_had_waited():
    relay = Relay()
    assert relay.waiting(held=True, settled=True)
    assert relay.waiting(held=False, settled=False)
    assert not relay.waiting(held=False, settled=True)


def test_its_own_lag_alone_holds_nobody():
    relay = Relay()
    relay.waiting(held=False, settled=True)
    assert not relay.waiting(held=False, settled=False)


def test_a_process_that_has_just_started_says_that_it_does_not_know():
    assert Relay().waiting(held=False, settled=False)
