"""Whoever falls behind and catches up ends where those stand who never did."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.events import AnyEvent, decode, encode
from libs.runtime.stream import LocalRunner
from services.scoring.domain.row import ROW
from tests.property.scoring.lives import (
    ACCOUNT_EVENTS,
    DAYS,
    ENGAGEMENT_EVENTS,
    ORDER_EVENTS,
    START,
    SUPPORT_EVENTS,
    lives,
    runner,
)

END = START + timedelta(days=DAYS)  # when all of a life has been received
LIVES = lives(ORDER_EVENTS, ENGAGEMENT_EVENTS, SUPPORT_EVENTS, ACCOUNT_EVENTS)

# What depends on when something was said: bands follow each word, the rest is the last word itself.
SAID = {"band", "said_band", "said_digest", "said_score", "said_confidence", "said_points"}


def caught_up(life: list[AnyEvent], cuts: list[int], waited: list[bool]) -> LocalRunner:
    """The life in chunks, of which some have waited, and then the sweep that comes at once."""
    run = runner()
    bounds = [0, *sorted({c for c in cuts if 0 < c < len(life)}), len(life)]
    for (low, high), behind in zip(pairwise(bounds), waited, strict=False):
        run.send([(e.key, encode(e)) for e in life[low:high]], START, behind=behind)
    run.sweep(END)
    return run


def last_words(run: LocalRunner) -> Any:
    """The last snapshot but for its cause and band."""
    said: Any = decode([r for r in run.outputs if r.topic == "customer.health"][-1].value or b"").data
    return said.model_copy(update={"cause": "", "band": "green"})


@settings(max_examples=120, deadline=None)
@given(LIVES, st.lists(st.integers(1, 25), max_size=4), st.lists(st.booleans(), min_size=5, max_size=5))
def test_a_backlog_ends_in_the_same_row_and_the_same_last_words(
    life: list[AnyEvent], cuts: list[int], waited: list[bool]
) -> None:
    behind, live = caught_up(life, cuts, waited), caught_up(life, cuts, [False] * 5)
    for name in set(ROW.names or ()) - SAID:
        assert behind.rows.array[0][name].tolist() == live.rows.array[0][name].tolist(), name
    assert last_words(behind) == last_words(live)
    assert behind.rows.ledger.as_dict() == live.rows.ledger.as_dict()


@settings(max_examples=120, deadline=None)
@given(LIVES, st.lists(st.integers(1, 25), max_size=4), st.lists(st.booleans(), min_size=5, max_size=5))
def test_after_the_sweep_nothing_is_owed_and_the_last_words_are_remembered(
    life: list[AnyEvent], cuts: list[int], waited: list[bool]
) -> None:
    run = caught_up(life, cuts, waited)
    row, said = run.rows.array[0], last_words(run)
    assert row["said_digest"] != 0
    assert row["said_band"] == row["band"]
    assert abs(row["said_score"] - said.score) < 1.0 + 1e-6
    assert run.sweep(END) == []
