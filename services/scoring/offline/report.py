"""A backtest in two files: report.json for programs, report.html with pictures for people."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from libs.runtime.event_rows import Problem
from libs.runtime.offline.page import pretty
from libs.runtime.offline.pictures import svg
from services.scoring.domain.fitting.measures import calibration
from services.scoring.domain.scorecard import Scorecard
from services.scoring.offline import backtest as b
from services.scoring.offline import pictures
from services.scoring.offline.days import date_of
from services.scoring.offline.log import EventLog
from services.scoring.offline.page import render

Say = Callable[[str], None]
OURS_FIRST = ("scorecard", "fitted", "starter")


class Source(NamedTuple):
    """Where the log came from, and what of it could not be used."""

    name: str
    refused: int
    problems: Sequence[Problem]


class Judged(NamedTuple):
    """All that a report says, and what its pictures are drawn from."""

    body: dict[str, Any]
    scores: Mapping[str, b.Score | None]
    truth: b.Truth
    looks: b.Looks | None


def judge(
    log: EventLog, question: b.Question, card: Scorecard | None, starter: Scorecard, say: Say = lambda _: None
) -> Judged:
    """Raises BacktestError."""
    known = b.known_at(log, question)
    truth = b.truth_of(known)
    say("scores")
    scores, why = b.all_scores(known, card, starter)
    say("figures")
    told = {name: b.figures(score, truth, question.capacity) for name, score in scores.items()}
    say("weekly looks")
    looks = None
    for name in reversed(OURS_FIRST):
        score, figures = scores.get(name), told.get(name)
        if score is not None and score.card is not None and figures is not None:
            looks = b.watch(known, score.card)
            figures["lead_time"] = b.lead_times(known, truth, looks)
    say("rolling cut-offs")
    span = min(question.horizon, 91)
    over_time = [] if card is not None else list(b.rolling(log, span, starter))
    body = {
        "cutoff": date_of(question.cutoff),
        "horizon_days": question.horizon,
        "recent_days": question.recent,
        "capacity_per_week": question.capacity,
        "n": int(truth.known.sum()),
        "n_recent": int(truth.recent.sum()),
        "base_rate": float(truth.lost[truth.known].mean()),
        "warnings": [*_short_log(log, question), *([why] if why else [])],
        "scores": told,
        "rolling": {
            "horizon_days": span,
            "cutoffs": [{**each, "cutoff": date_of(each["cutoff"])} for each in over_time],
        },
        "scorecards": {
            name: score.card.model_dump(mode="json")
            for name, score in scores.items()
            if score is not None and score.card is not None
        },
    }
    return Judged(body, scores, truth, looks)


def _short_log(log: EventLog, question: b.Question) -> list[str]:
    missing = question.cutoff + question.horizon - log.days()[1]
    if missing <= 0:
        return []
    early = f"the log ends {missing} days before the horizon closes"
    return [f"{early}: who would have come back in them counts as lost"]


def write(judged: Judged, source: Source, folder: Path) -> tuple[Path, Path]:
    """report.json and report.html, into `folder`, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    body = {
        "source": source.name,
        "lines_refused": source.refused,
        "lines_named": [problem._asdict() for problem in source.problems],
        **judged.body,
    }
    data, page = folder / "report.json", folder / "report.html"
    data.write_text(pretty(body) + "\n")
    page.write_text(render("report.html.j2", **body, pictures=_pictures(judged)))
    return data, page


def _pictures(judged: Judged) -> dict[str, str]:
    """SVG by name, drawn without a browser."""
    truth, scores = judged.truth, {name: s for name, s in judged.scores.items() if s is not None}
    lost = truth.lost[truth.known]
    drawn = {
        "roc": pictures.roc({name: -score.health[truth.known] for name, score in scores.items()}, lost),
        "calibration": pictures.calibrations(
            {
                name: calibration(1.0 - score.chance[truth.known], lost)
                for name, score in scores.items()
                if score.chance is not None
            }
        ),
    }
    best = next((scores[name] for name in OURS_FIRST if name in scores), None)
    if best is not None:
        drawn["distribution"] = pictures.distribution(best.health[truth.known], lost)
    if judged.looks is not None:
        drawn["bands"] = pictures.bands(
            [date_of(day) for day in judged.looks.days.tolist()], judged.looks.shares, judged.body["cutoff"]
        )
    best_told = next((t for name in OURS_FIRST if (t := judged.body["scores"].get(name))), None)
    if best_told is not None:
        drawn["lead"] = pictures.lead(best_told["lead_time"])
    if judged.body["rolling"]["cutoffs"]:
        drawn["rolling"] = pictures.rolling(judged.body["rolling"]["cutoffs"])
    return {name: svg(chart) for name, chart in drawn.items() if chart is not None}
