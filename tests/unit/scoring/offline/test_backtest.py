"""A backtest scores with what was known and judges by what came after; nothing else crosses the cut-off."""

import json
from pathlib import Path

import numpy as np
import pytest

from services.scoring.adapters.scorecard_file import STARTER, load_scorecard
from services.scoring.offline import backtest as b
from services.scoring.offline import report
from services.scoring.offline.backtest import BacktestError, Question
from tests.unit.scoring.offline.shop import START_DAY, log_of, order, orders, until

CUTOFF, HORIZON = 330, 120
QUESTION = Question(START_DAY + CUTOFF, HORIZON)
EVENTS = orders(1_200)
STARTER_CARD = load_scorecard(STARTER)


@pytest.fixture(scope="module")
def judged() -> report.Judged:
    return report.judge(log_of(EVENTS), QUESTION, None, STARTER_CARD)


def test_scores_are_the_same_if_the_world_ends_at_the_cut_off() -> None:
    """Any look past it, by a feature, a fit or a rival, would show here."""
    last = order(0, CUTOFF + 1)  # the log goes on, with nothing to learn
    whole, _ = b.all_scores(b.known_at(log_of(EVENTS), QUESTION), None, STARTER_CARD)
    known, _ = b.all_scores(b.known_at(log_of([*until(EVENTS, CUTOFF), last]), QUESTION), None, STARTER_CARD)
    assert whole.keys() == known.keys() == {"starter", "fitted", "recency", "rfm", "logistic_rfm"}
    for name, score in whole.items():
        other = known[name]
        assert score is not None, name
        assert other is not None, name
        seen = np.flatnonzero(score.health[: len(other.health)])
        assert np.array_equal(score.health[seen], other.health[seen]), name
        if score.chance is not None and other.chance is not None:
            assert np.array_equal(score.chance[seen], other.chance[seen], equal_nan=True), name


def test_labels_are_who_buys_in_the_days_after_the_cut_off_and_no_later() -> None:
    events = [order(0, 0), order(1, 0), order(2, 0), order(3, 0)]
    events += [
        order(0, CUTOFF + 0.5),
        order(1, CUTOFF + 1),
        order(2, CUTOFF + HORIZON),
        order(3, CUTOFF + HORIZON + 1),
    ]
    known = b.known_at(log_of(events), QUESTION)
    assert b.truth_of(known).lost.tolist() == [True, False, False, True]
    assert b.truth_of(known).recent.tolist() == [True, False, False, False]


def test_what_came_late_was_not_known() -> None:
    late = order(1, 5).model_copy(update={"receivedat": order(1, CUTOFF + 9).time})
    known = b.known_at(log_of([order(0, 0), order(2, 0), late]), QUESTION)
    assert b.truth_of(known).known.tolist() == [True, True, False]


def test_the_report_has_every_figure_of_every_score(judged: report.Judged) -> None:
    body = judged.body
    assert list(body["scores"]) == ["starter", "fitted", "recency", "rfm", "logistic_rfm"]
    for name, said in body["scores"].items():
        assert 0.5 < said["auc"] < 1.0, name
        assert said["intervals"]["auc"][0] < said["auc"] < said["intervals"]["auc"][1], name
        assert (said["bands"] is None) == (name not in ("starter", "fitted"))
        assert (said["lead_time"] is None) == (name not in ("starter", "fitted"))
        assert (said["brier"] is None) == (said["ece"] is None) == (name not in ("fitted", "logistic_rfm"))
    assert body["n"] == int(judged.truth.known.sum())
    assert body["scores"]["fitted"]["ece"] < 0.1


def test_lead_time_has_days_of_silence_beside_it_with_no_more_alarms(judged: report.Judged) -> None:
    for level in ("yellow", "red"):
        told = judged.body["scores"]["fitted"]["lead_time"][level]
        assert told["silent"]["alarms"] <= told["alarms"]
        assert told["at_30_days"] >= told["at_60_days"] >= told["at_90_days"]


def test_the_files_are_json_and_a_page_that_loads_nothing(judged: report.Judged, tmp_path: Path) -> None:
    data, page = report.write(judged, report.Source("orders.csv", 0, []), tmp_path / "out")
    body = json.loads(data.read_text())
    assert body["scores"]["starter"]["auc"] == judged.body["scores"]["starter"]["auc"]
    text = page.read_text()
    assert text.count("<svg") >= 5
    assert "<script" not in text
    assert "src=" not in text


def test_a_card_of_ones_own_stands_instead_of_starter_and_fitted() -> None:
    found, _ = b.all_scores(b.known_at(log_of(EVENTS), QUESTION), STARTER_CARD, STARTER_CARD)
    assert list(found) == ["scorecard", "recency", "rfm", "logistic_rfm"]


def test_with_too_little_to_fit_the_rank_stands_and_the_report_says_why(tmp_path: Path) -> None:
    few = report.judge(log_of(orders(40)), QUESTION, None, STARTER_CARD)
    assert few.body["scores"]["fitted"] is None
    assert few.body["scores"]["logistic_rfm"] is None
    assert any("health stays a rank" in warning for warning in few.body["warnings"])
    report.write(few, report.Source("x", 3, []), tmp_path)


@pytest.mark.parametrize(
    ("events", "why"),
    [
        ([], "no event by the cut-off"),
        ([order(0, CUTOFF + 5)], "no event by the cut-off"),
        ([order(0, 1), order(1, 1)], "the log ends on or before the cut-off"),
        ([order(0, 1), order(0, CUTOFF + 5)], "had bought by the cut-off: 1"),
    ],
)
def test_a_log_that_cannot_be_judged_is_refused_with_the_reason(events: list[object], why: str) -> None:
    with pytest.raises(BacktestError, match=why):
        b.known_at(log_of(events), QUESTION)  # type: ignore[arg-type]


def test_a_log_that_ends_early_is_judged_with_a_warning() -> None:
    question = Question(START_DAY + 500, HORIZON)
    body = report.judge(log_of(EVENTS), question, STARTER_CARD, STARTER_CARD).body
    assert any("days before the horizon closes" in warning for warning in body["warnings"])
