"""Planted effect: known exactly, never for somebody who would have bought anyway, once in a window."""

from datetime import timedelta

from sandbox.domain.answers import FIRST_PLANTED, WINDOW, Answers
from sandbox.domain.log import LIVE_END, LIVE_START
from sandbox.domain.story import tell
from tests.unit.sandbox.shop import make_log

STORY = tell(make_log(), 1)
GONE = [c.person.email for c in STORY.customers.values() if not c.course.buys_within(LIVE_START, WINDOW)]
BUYING = [c.person.email for c in STORY.customers.values() if c.course.buys_within(LIVE_START, WINDOW)]


def test_with_full_effect_everyone_who_would_not_have_bought_buys_within_the_window() -> None:
    answers = Answers(STORY.customers, effect=1.0, seed=1)
    moments = [answers.reached(email, LIVE_START) for email in GONE]
    assert all(m is not None and LIVE_START < m.at < LIVE_START + WINDOW for m in moments)
    assert all(m is not None and not m.real and int(m.ref) >= FIRST_PLANTED for m in moments)
    assert len(answers.planted_orders()) == len(GONE)


def test_with_no_effect_nobody_answers_but_all_are_counted_as_reached() -> None:
    answers = Answers(STORY.customers, effect=0.0, seed=1)
    assert [answers.reached(email, LIVE_START) for email in GONE] == [None] * len(GONE)
    assert len(answers.treatments) == len(GONE)


def test_who_would_have_bought_gets_no_planted_order() -> None:
    answers = Answers(STORY.customers, effect=1.0, seed=1)
    assert BUYING
    assert [answers.reached(email, LIVE_START) for email in BUYING] == [None] * len(BUYING)
    assert all(t.would_buy for t in answers.treatments)


def test_a_second_message_within_the_window_changes_nothing() -> None:
    answers = Answers(STORY.customers, effect=1.0, seed=1)
    assert answers.reached(GONE[0], LIVE_START)
    assert answers.reached(GONE[0], LIVE_START + WINDOW - timedelta(seconds=1)) is None
    assert len(answers.treatments) == 1
    answers.reached(GONE[0], LIVE_START + WINDOW)
    assert len(answers.treatments) == 2


def test_a_stranger_and_the_end_of_the_year_cause_nothing() -> None:
    answers = Answers(STORY.customers, effect=1.0, seed=1)
    assert answers.reached("nobody@shopper.example", LIVE_START) is None
    assert answers.reached(GONE[0], LIVE_END - timedelta(hours=1)) is None
