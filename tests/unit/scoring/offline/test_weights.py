"""Weights are learned where a signal tells, out of time, who will buy, and nowhere else."""

from datetime import timedelta

import numpy as np
import pytest

from libs.events import AnyEvent, build
from libs.events.families.engagement import SiteVisited
from libs.events.families.relationship import SurveyAnswered
from libs.events.types import Frozen
from services.scoring.adapters.scorecard_file import STARTER, load_scorecard
from services.scoring.domain.fitting.weights import SIGNALS_MOST, Lesson, lesson_of, weigh
from services.scoring.domain.scorecard import Scorecard
from services.scoring.offline.fit import learn
from services.scoring.offline.log import EventLog
from services.scoring.offline.replay import end_of
from services.scoring.offline.weights import with_weights
from tests.unit.scoring.offline.shop import START, START_DAY, log_of, orders, until

DAY = START_DAY + 360
STARTER_CARD = load_scorecard(STARTER)


def told(who: str, data: Frozen, day: float, number: int) -> AnyEvent:
    at = START + timedelta(days=day)
    return build(data, id=f"x{number}", source="x", tenant="t", subject=who, time=at, receivedat=at)


def shop(customers: int = 900) -> list[AnyEvent]:
    """Who still buys still visits, every five days until their last order; what they answer means nothing."""
    draw, bought = np.random.default_rng(11), orders(customers)
    last: dict[str, float] = {}
    first: dict[str, float] = {}
    for event in bought:
        day = (event.time - START) / timedelta(days=1)
        last[event.subject] = max(day, last.get(event.subject, day))
        first[event.subject] = min(day, first.get(event.subject, day))
    found: list[AnyEvent] = list(bought)
    for who, end in last.items():
        for day in np.arange(first[who], end + 1, 5.0).tolist():
            found.append(told(who, SiteVisited(session_id=f"s{day}"), day, len(found)))
        for day in (150.0, 250.0):
            answer = SurveyAnswered(
                survey_id="q", response_id=f"{day}", kind="nps", score=int(draw.integers(0, 11))
            )
            found.append(told(who, answer, max(day, first[who]), len(found)))
    return sorted(found, key=lambda event: event.receivedat)


EVENTS = shop()
LOG = log_of(EVENTS)


def fitted(log: EventLog) -> Scorecard:
    known = log.orders(log.before(end_of(DAY)))
    return with_weights(learn(STARTER_CARD, known, DAY, 91.0).card, log, known, DAY)


@pytest.fixture(scope="module")
def card() -> Scorecard:
    return fitted(LOG)


def test_a_signal_that_tells_who_buys_gets_a_weight_and_one_that_does_not_gets_none(card: Scorecard) -> None:
    weights = {signal.name: signal.weight for signal in card.signals}
    assert weights.get("engagement_trend", 0.0) + weights.get("engagement_level", 0.0) > 0.1
    assert "survey" not in weights
    assert sum(weights.values()) == pytest.approx(1.0, abs=1e-5)


def test_what_no_data_taught_keeps_its_weight(card: Scorecard) -> None:
    weights = {signal.name: signal.weight for signal in card.signals}
    assert weights["support_sentiment"] == pytest.approx(0.2)  # nobody wrote to support


def test_the_card_says_what_was_weighed_and_found_too_light(card: Scorecard) -> None:
    assert card.evidence is not None
    weighed = {one.signal: one for one in card.evidence.weighed}
    assert weighed["survey"].weight == 0.0
    assert weighed["survey"].gain <= 2 * weighed["survey"].error
    best = max(weighed.values(), key=lambda one: one.gain)
    assert best.signal.startswith("engagement")
    assert best.gain > 2 * best.error
    assert Scorecard.model_validate(card.model_dump()) == card


def test_nothing_after_the_day_of_the_fit_is_looked_at(card: Scorecard) -> None:
    assert fitted(log_of(until(EVENTS, 360))).signals == card.signals


def test_orders_alone_leave_the_weights_as_they_are() -> None:
    log = log_of(orders(900))
    known = log.orders()
    card = learn(STARTER_CARD, known, DAY, 91.0).card
    assert with_weights(card, log, known, DAY) == card


def lesson(n: int, seed: int, pull: float) -> Lesson:
    """Nine signals: 0 tells much, 1 tells `pull`, the others nothing."""
    draw = np.random.default_rng(seed)
    values = draw.uniform(0, 100, (n, 9))
    chance = 1 / (1 + np.exp(-(values[:, 0] + pull * values[:, 1] - 50 * (1 + pull)) / 15))
    return lesson_of(values, np.ones((n, 9)), 50.0, draw.random(n) < chance)


def test_weights_are_in_proportion_to_what_signals_tell() -> None:
    found = {one.signal: one for one in weigh(lesson(4_000, 1, 0.5), lesson(4_000, 2, 0.5), 0, range(1, 9))}
    assert found[0].weight == pytest.approx(2 / 3, abs=0.04)
    assert found[1].weight == pytest.approx(1 / 3, abs=0.04)
    assert sum(one.weight for one in found.values()) == pytest.approx(1.0)


def test_a_signal_that_stopped_telling_in_the_later_window_is_left_out() -> None:
    found = {one.signal: one for one in weigh(lesson(2_000, 1, 0.5), lesson(2_000, 2, 0.0), 0, [1])}
    assert found[1].weight == 0.0


def test_a_signal_that_tells_the_wrong_way_round_weighs_nothing() -> None:
    found = {one.signal: one for one in weigh(lesson(2_000, 1, -0.5), lesson(2_000, 2, -0.5), 0, [1])}
    assert found[1].weight == 0.0


def test_a_card_takes_no_more_than_six_signals() -> None:
    draw = np.random.default_rng(3)
    lessons = []
    for _ in range(2):
        values = draw.uniform(0, 100, (6_000, 9))
        chance = 1 / (1 + np.exp(-(values.sum(1) - 450) / 40))
        lessons.append(lesson_of(values, np.ones((6_000, 9)), 50.0, draw.random(6_000) < chance))
    found = weigh(lessons[0], lessons[1], 0, range(1, 9))
    assert sum(one.weight > 0 for one in found) == SIGNALS_MOST


@pytest.mark.parametrize("seen", [199, 200])
def test_too_few_who_have_a_signal_teach_nothing(seen: int) -> None:
    evidence = np.where(np.arange(400)[:, None] < seen, 1.0, -1.0)
    made = lesson_of(np.full((400, 1), 50.0), evidence, 50.0, np.arange(400) % 2 == 0)
    assert made.teaches(0) == (seen == 200)


def test_too_few_of_one_kind_teach_nothing() -> None:
    made = lesson_of(np.full((400, 1), 50.0), np.ones((400, 1)), 50.0, np.arange(400) < 49)
    assert not made.teaches(0)
