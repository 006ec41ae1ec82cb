"""`backtest`, `fit` and `validate`: how good the scores were, and a shop's own numbers."""

from pathlib import Path

import yaml
from rich.console import Console
from rich.table import Table

from libs.runtime.errors import ConfigError
from libs.runtime.event_file import EventFile
from libs.runtime.offline.page import figure
from services.scoring.adapters.scorecard_file import STARTER, load_scorecard
from services.scoring.domain.fitting.health import TooLittleError
from services.scoring.offline import report
from services.scoring.offline.backtest import BacktestError, Question, judge_fit
from services.scoring.offline.commands.files import read_log
from services.scoring.offline.days import date_of
from services.scoring.offline.fit import learn
from services.scoring.offline.replay import end_of
from services.scoring.offline.validate import Validation, validate, write_metrics
from services.scoring.offline.weights import with_weights

_HEADLINES = ("auc", "auc_recent", "pr_auc", "brier", "ece", "lift_top_decile", "precision_at_capacity")


def backtest(  # one argument for each option
    events: Path, question: Question, scorecard: Path | None, out: Path, console: Console
) -> None:
    """Write report.json and report.html, and print the table. Raises ConfigError."""
    card = None if scorecard is None else load_scorecard(scorecard)
    file = EventFile(events)
    log = read_log(file, console)
    with console.status("") as status:
        try:
            judged = report.judge(log, question, card, load_scorecard(STARTER), status.update)
        except BacktestError as error:
            raise ConfigError(f"{events}: {error}") from error
        status.update("pictures")
        source = report.Source(events.name, file.refused, file.problems)
        data, page = report.write(judged, source, out)
    console.print(_table(judged.body))
    for warning in judged.body["warnings"]:
        console.print(f"note: {warning}", highlight=False, soft_wrap=True)
    console.print(f"{data}\n{page}", highlight=False, soft_wrap=True)


# The table has to fit in 80 columns.
_HEADS = {"lift_top_decile": "lift, top tenth", "precision_at_capacity": "hits in a week"}


def _table(body: dict[str, object]) -> Table:
    title = f"{body['n']} customers on {body['cutoff']}, {body['horizon_days']} days ahead"
    shown = Table(title=title)
    for name in ("score", *_HEADLINES):
        first = name == "score"
        head = _HEADS.get(name, name.replace("_", " "))
        shown.add_column(head, justify="left" if first else "right", no_wrap=first)
    scores = body["scores"]
    assert isinstance(scores, dict)
    for score, said in scores.items():
        cells = ["not fitted"] if said is None else [figure(said[name]) for name in _HEADLINES]
        shown.add_row(score, *cells)
    return shown


def fit(events: Path, cutoff: int | None, horizon: int, out: Path, console: Console) -> None:
    """Write a fitted scorecard with its evidence. Raises ConfigError when there is too little to fit."""
    log = read_log(EventFile(events), console)
    if not log.size:
        raise ConfigError(f"{events}: no event that could be used")
    day = log.days()[1] if cutoff is None else cutoff
    starter = load_scorecard(STARTER)
    orders = log.orders(log.before(end_of(day)))
    try:
        card = learn(starter, orders, day, horizon).card
    except TooLittleError as error:
        raise ConfigError(f"{events}: too little to fit: {error}") from error
    card = with_weights(card, log, orders, day)
    evidence = card.evidence and card.evidence.model_copy(
        update={"judged": judge_fit(log, starter, Question(day - horizon, horizon), day)}
    )
    body = card.model_copy(update={"evidence": evidence}).model_dump(mode="json", exclude_none=True)
    out.write_text(f"# Fitted on {events.name}\n" + yaml.safe_dump(body, sort_keys=False))
    console.print(f"{out}: version {card.version}", highlight=False, soft_wrap=True)


def check_scores(
    events: Path, scorecard: Path | None, horizon: int, metrics: Path | None, console: Console
) -> bool:
    """Print what became of the scores; False when somebody should act. Raises ConfigError."""
    log = read_log(EventFile(events), console)
    try:
        found = validate(log, load_scorecard(scorecard or STARTER), horizon)
    except BacktestError as error:
        raise ConfigError(f"{events}: {error}") from error
    _say_validation(found, console)
    if metrics is not None:
        write_metrics(found, metrics)
    return not found.advice()


def _say_validation(found: Validation, console: Console) -> None:
    when = f"{date_of(found.cutoff)}, {found.horizon} days ahead"
    console.print(f"{found.n} customers on {when}, {found.scorecard}")
    for name in ("auc", "auc_recent", "brier", "calibration_error", "calibration_drift", "population_shift"):
        console.print(f"  {name}: {figure(getattr(found, name)) or 'none'}", highlight=False)
    if found.calibration_error is None:
        console.print("a rank, not a probability: greenline scoring fit makes one", highlight=False)
    for word in found.advice() or ["all is well"]:
        console.print(word, highlight=False, soft_wrap=True)
