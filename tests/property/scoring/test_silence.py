"""What time alone may do to a score, and what holds for every score."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from libs.events import AnyEvent, decode
from libs.runtime.stream import LocalRunner
from services.scoring.domain.memo import Partition
from services.scoring.domain.numbers import World
from services.scoring.domain.row import DAY
from services.scoring.domain.signals import ENGAGEMENT, FREQUENCY, RECENCY, SCORED, SUPPORT
from services.scoring.domain.snapshot import describe_rows
from tests.property.scoring.lives import (
    ACCOUNT_EVENTS,
    CARD,
    DAYS,
    ENGAGEMENT_EVENTS,
    ORDER_EVENTS,
    START,
    SUPPORT_EVENTS,
    feed,
    lives,
)

BORN = int(START.timestamp())
FUTURE = [DAYS + d for d in (0, 0.4, 1, 2, 3, 5, 8, 13, 21, 29, 30, 31, 45, 59, 60, 61, 75, 90, 91, 120, 400)]


def path(run: LocalRunner, *, site_live: bool) -> tuple[Any, Any]:
    """Score and signals of the customer at each moment of a silent future; nothing else happens."""
    card, scores, values = CARD.numbers(), [], []
    feeds = Partition(run.rows.memo).feeds()
    for days in FUTURE:
        now = BORN + int(days * DAY)
        if site_live:  # others go on being heard
            feeds["site_last"] = feeds["mail_last"] = now
        array = run.rows.array.copy()
        found = describe_rows(array, np.array([0]), np.array([now]), World(feeds, card))
        scores.append(found.heads[0, 0])
        values.append(np.where(found.signals[0, 1] >= 0, found.signals[0, 0], np.nan))
    return np.array(scores), np.array(values)


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
    assert never_rises(scores)


@settings(max_examples=60, deadline=None)
@given(lives(SUPPORT_EVENTS))
def test_support_only_ever_fades_toward_par(life: list[AnyEvent]) -> None:
    _, values = path(feed(life), site_live=True)
    line = values[:, SUPPORT]
    assume(not np.isnan(line).any())
    away = np.abs(line - CARD.trends.par)
    assert (np.diff(away) <= 1e-9).all()


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
            assert not said.contributions or sum(c.weight for c in said.contributions) == pytest.approx(
                1, abs=1e-5
            )


@settings(max_examples=60, deadline=None)
@given(lives(ORDER_EVENTS, SUPPORT_EVENTS))
def test_a_signal_without_data_scores_as_if_it_were_not_in_the_card(life: list[AnyEvent]) -> None:
    """No visit and no click: the card without the engagement trend gives the same score."""
    run = feed(life)
    feeds = Partition(run.rows.memo).feeds()
    full = CARD.numbers()
    weights = full.weights.copy()
    weights[ENGAGEMENT] = 0.0
    slots, nows = np.array([0]), np.array([BORN + DAYS * DAY])
    with_it = describe_rows(run.rows.array.copy(), slots, nows, World(feeds, full))
    without = describe_rows(
        run.rows.array.copy(), slots, nows, World(feeds, full._replace(weights=weights / weights.sum()))
    )
    assert with_it.signals[0, 1, ENGAGEMENT] < 0
    assert with_it.heads[0, 0] == pytest.approx(without.heads[0, 0], abs=1e-4 * SCORED)
