"""What time alone may do to a score, and what holds for every score."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.events import AnyEvent, decode
from libs.runtime.stream import LocalRunner
from services.scoring.domain.row import DAY
from services.scoring.domain.scorecard import Scorecard, Signal
from services.scoring.domain.signals import (
    BREADTH,
    COUNT,
    CSM,
    DEPTH,
    ENGAGEMENT,
    FREQUENCY,
    LEVEL,
    NAMES,
    ONBOARDING,
    RECENCY,
    SUBSCRIPTION,
    SUPPORT,
    SURVEY,
    UNRESOLVED,
    USAGE,
    WEIGHABLE,
)
from services.scoring.domain.snapshot import describe_rows
from services.scoring.domain.update import rescore
from tests.property.scoring.lives import (
    ACCOUNT_EVENTS,
    ALL,
    CARD,
    DAYS,
    ENGAGEMENT_EVENTS,
    ONBOARDING_EVENTS,
    ORDER_EVENTS,
    START,
    SUBSCRIPTION_EVENTS,
    SUPPORT_EVENTS,
    SURVEY_EVENTS,
    USAGE_EVENTS,
    feed,
    lives,
    world_of,
)

BORN = int(START.timestamp())
FUTURE = [DAYS + d for d in (0, 0.4, 1, 2, 3, 5, 8, 13, 21, 29, 30, 31, 45, 59, 60, 61, 75, 90, 91, 120, 400)]


def path(run: LocalRunner, *, site_live: bool, card: Scorecard = CARD) -> tuple[Any, Any]:
    """Score and signals of the customer at each moment of a silent future; nothing else happens."""
    scores, values = [], []
    world = world_of(run, card.numbers())
    for days in FUTURE:
        now = BORN + int(days * DAY)
        if site_live:  # others go on being heard
            world.tenants["site_last"] = world.tenants["mail_last"] = now
        array = run.rows.array.copy()
        found = describe_rows(array, np.array([0]), np.array([now]), world)
        scores.append(found.heads[0, 0])
        values.append(np.where(found.signals[0, 1] >= 0, found.signals[0, 0], np.nan))
    return np.array(scores), np.array(values)


def weighing(chosen: Sequence[int]) -> Scorecard:
    """The starter with these signals alone; those it has keep their weights to each other."""
    own = {signal.name: signal.weight for signal in CARD.signals}
    weights = {NAMES[i]: own.get(NAMES[i], 0.25) for i in chosen}
    total = sum(weights.values())
    signals = tuple(Signal(name=name, weight=weight / total) for name, weight in weights.items())
    return CARD.model_copy(update={"signals": signals})


def never_rises(line: Any) -> bool:
    return bool(np.isnan(line).all() or (np.diff(line) <= 1e-9).all())


@settings(max_examples=80, deadline=None)
@given(lives(ORDER_EVENTS), st.booleans())
def test_the_purchase_rhythm_never_rises_in_silence(life: list[AnyEvent], live: bool) -> None:
    _, values = path(feed(life), site_live=live)
    assert never_rises(values[:, RECENCY])
    assert never_rises(values[:, FREQUENCY])


@settings(max_examples=80, deadline=None)
@given(lives(ENGAGEMENT_EVENTS, ORDER_EVENTS), st.booleans())
def test_no_score_rises_because_a_window_emptied_or_a_feed_stopped(life: list[AnyEvent], live: bool) -> None:
    scores, values = path(feed(life), site_live=live)
    assert never_rises(values[:, ENGAGEMENT])
    assert never_rises(values[:, LEVEL])
    assert never_rises(scores)


@settings(max_examples=80, deadline=None)
@given(lives(USAGE_EVENTS, ONBOARDING_EVENTS, SUBSCRIPTION_EVENTS), st.booleans())
def test_usage_onboarding_and_subscription_never_rise_in_silence(life: list[AnyEvent], live: bool) -> None:
    others = (DEPTH, BREADTH, USAGE, ONBOARDING, SUBSCRIPTION)
    scores, values = path(feed(life), site_live=live, card=weighing(others))
    assert all(never_rises(values[:, signal]) for signal in others)
    assert never_rises(scores)


@settings(max_examples=60, deadline=None)
@given(lives(*ALL))
def test_a_score_alone_is_the_score_that_is_told(life: list[AnyEvent]) -> None:
    """With a card that weighs every signal: what only needs the score leaves out what weighs nothing."""
    run, slots, now = feed(life), np.array([0]), BORN + (DAYS + 3) * DAY
    everything = [i for i, name in enumerate(NAMES) if name in WEIGHABLE]
    for card in (CARD, weighing(everything)):
        world = world_of(run, card.numbers())
        told = describe_rows(run.rows.array.copy(), slots, np.array([now]), world).heads[:, 0]
        assert rescore(run.rows.array, slots, now, world).tolist() == told.tolist()


@settings(max_examples=60, deadline=None)
@given(lives(SUPPORT_EVENTS, SURVEY_EVENTS))
def test_what_somebody_said_only_ever_fades_toward_par(life: list[AnyEvent]) -> None:
    _, values = path(feed(life), site_live=True)
    for signal in (SUPPORT, CSM, SURVEY):
        away = np.abs(values[:, signal] - CARD.trends.par)
        assert np.isnan(away).all() or (np.diff(away) <= 1e-9).all()
    assert never_rises(values[:, UNRESOLVED])


@settings(max_examples=60, deadline=None)
@given(lives(*ALL))
def test_every_signal_and_its_evidence_keep_within_their_scales(life: list[AnyEvent]) -> None:
    run = feed(life)
    slots, nows = np.array([0]), np.array([BORN + (DAYS + 3) * DAY])
    values, evidence, points = describe_rows(run.rows.array.copy(), slots, nows, world_of(run)).signals[0]
    seen = evidence >= 0
    assert ((values[seen] >= 0) & (values[seen] <= 100)).all()
    assert (evidence <= 1).all()
    assert not points[~seen].any()


@settings(max_examples=80, deadline=None)
@given(lives(ORDER_EVENTS, ENGAGEMENT_EVENTS, SUPPORT_EVENTS, ACCOUNT_EVENTS))
def test_contributions_sum_exactly_to_score_minus_base(life: list[AnyEvent]) -> None:
    for record in feed(life).outputs:
        if record.topic == "customer.health":
            said: Any = decode(record.value or b"").data
            assert sum(c.points for c in said.contributions) == pytest.approx(
                said.score - said.base, abs=1e-9
            )
            assert 0 <= said.score <= 100
            assert 0 <= said.confidence <= 1
            assert (
                not said.contributions
                or sum(c.weight for c in said.contributions) == pytest.approx(1, abs=1e-5)
                or not any(c.weight for c in said.contributions)
            )


@settings(max_examples=60, deadline=None)
@given(lives(ORDER_EVENTS, SUPPORT_EVENTS))
def test_a_signal_without_data_scores_as_if_it_were_not_in_the_card(life: list[AnyEvent]) -> None:
    """No visit and no click: the card without the engagement trend gives the same score."""
    run = feed(life)
    slots, nows = np.array([0]), np.array([BORN + DAYS * DAY])
    with_it, without = (
        describe_rows(run.rows.array.copy(), slots, nows, world_of(run, card.numbers()))
        for card in (CARD, weighing((RECENCY, FREQUENCY, SUPPORT)))
    )
    assert with_it.signals[0, 1, ENGAGEMENT] < 0
    assert with_it.heads[0, 0] == pytest.approx(without.heads[0, 0], abs=1e-4 * COUNT)
