"""How good the scores were: scored at a cut-off with what was known then, judged by what came after."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from services.scoring.domain.fitting import measures as m
from services.scoring.domain.fitting.health import TooLittleError, matured
from services.scoring.domain.fitting.lead import NEVER, Lives, lead, silent_days
from services.scoring.domain.fitting.orders import OrderLog
from services.scoring.domain.fitting.rivals import Rfm, logistic_rfm, quintile_sum
from services.scoring.domain.row import GREEN, RED
from services.scoring.domain.scorecard import Judged, Scorecard, Shop
from services.scoring.offline.fit import learn, with_likeliest
from services.scoring.offline.log import EventLog
from services.scoring.offline.replay import Look, Replay, end_of
from services.scoring.offline.weights import with_weights

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

LOOK_DAYS = 7
_ROLLING_CUSTOMERS = 4_000  # to learn from at each of many cut-offs: 1,000 lose nothing worth seeing
OWN = ("starter", "fitted", "scorecard")  # scores of ours: they have bands


class BacktestError(Exception):
    """Why this log cannot be judged at this cut-off."""


class Question(NamedTuple):
    """Days since 1970; `capacity` customers a week can be looked after."""

    cutoff: int
    horizon: int
    capacity: int = 50

    @property
    def recent(self) -> int:
        """Whose last purchase is younger, in days, could still be lost."""
        return self.horizon // 3


class Score(NamedTuple):
    """A score of all customers at the cut-off: larger is healthier. Chances are of a purchase."""

    health: Floats
    chance: Floats | None = None
    bands: list[str] | None = None
    card: Scorecard | None = None


class Truth(NamedTuple):
    """Customers by number: who had bought by the cut-off, and who of them did not come back."""

    known: Flags
    lost: Flags
    recent: Flags


class Known(NamedTuple):
    """What there was at the end of the cut-off day."""

    log: EventLog
    orders: OrderLog  # nothing of it after the cut-off
    question: Question


def known_at(log: EventLog, question: Question) -> Known:
    """Raises BacktestError when there is nothing to judge."""
    first, last = log.days() if log.size else (0, 0)
    if not log.size or question.cutoff < first:
        raise BacktestError("no event by the cut-off")
    if question.cutoff >= last:
        raise BacktestError(
            f"the log ends on or before the cut-off: nothing to judge by ({last - question.cutoff} days)"
        )
    orders = log.orders(log.before(end_of(question.cutoff)))
    customers = int((np.diff(orders.starts) > 0).sum())
    if customers < 2:
        raise BacktestError(f"customers who had bought by the cut-off: {customers}; at least two are needed")
    return Known(log, orders, question)


def truth_of(known: Known) -> Truth:
    """Labels come from the whole log; nothing else may."""
    cutoff, horizon = known.question.cutoff, known.question.horizon
    bought = known.log.orders().buys_in(cutoff, cutoff + horizon)
    rfm = Rfm.at(known.orders, cutoff)
    who = rfm.frequency > 0
    return Truth(who, who & ~bought, who & (rfm.recency < known.question.recent))


# -- scores


def all_scores(
    known: Known, card: Scorecard | None, starter: Scorecard, learn_from: int = 1 << 30
) -> tuple[dict[str, Score | None], str]:
    """Ours and their rivals, by name, and why one is missing. `learn_from`: at most so many customers."""
    orders, (cutoff, horizon, _) = known.orders, known.question
    lesson = orders.thinned(learn_from)
    found: dict[str, Score | None] = {}
    why = ""
    if card is not None:
        found["scorecard"] = score_with(known, at_horizon(card, horizon))
    else:
        found["starter"] = score_with(known, with_likeliest(starter, lesson, cutoff, horizon))
        try:
            found["fitted"] = score_with(known, fitted(known, starter, lesson))
        except TooLittleError as error:
            found["fitted"], why = None, str(error)
    rfm = Rfm.at(orders, cutoff)
    found["recency"] = Score(-rfm.recency)
    found["rfm"] = Score(quintile_sum(rfm))
    found["logistic_rfm"] = _logistic(known)
    return found, why


def fitted(known: Known, starter: Scorecard, lesson: OrderLog) -> Scorecard:
    """Learned from what was known: the purchase model from `lesson`, the weights from everybody.

    Raises TooLittleError.
    """
    cutoff, horizon, _ = known.question
    card = learn(starter, lesson, cutoff, horizon).card
    return with_weights(card, known.log, known.orders, cutoff)


def at_horizon(card: Scorecard, horizon: int) -> Scorecard:
    """The card with p_buy asked for another number of days, of every segment."""

    def asked(shop: Shop) -> Shop:
        return shop.model_copy(update={"horizon_days": float(horizon)})

    segments = tuple(one.model_copy(update={"shop": one.shop and asked(one.shop)}) for one in card.segments)
    return card.model_copy(update={"shop": asked(card.shop), "segments": segments})


def score_with(known: Known, card: Scorecard) -> Score:
    """Replay what was known, and look at the end of the cut-off day."""
    return score_of(Replay(known.log, card.numbers()).look(end_of(known.question.cutoff)), card)


def score_of(look: Look, card: Scorecard) -> Score:
    chance = look.p_buys if card.recency.intercept is not None else None
    return Score(look.scores, chance, look.band_names(), card)


def _logistic(known: Known) -> Score | None:
    try:
        windows = matured(known.orders, known.question.cutoff)
    except TooLittleError:
        return None
    chance = logistic_rfm(known.orders, windows, known.question.cutoff)
    return Score(chance, chance)


# -- figures


def figures(
    score: Score | None, truth: Truth, capacity: int, *, intervals: bool = True
) -> dict[str, Any] | None:
    """Everything that can be said of one score; None where a figure does not exist for it."""
    if score is None:
        return None
    risk, lost = -score.health[truth.known], truth.lost[truth.known]
    near, near_lost = -score.health[truth.recent], truth.lost[truth.recent]
    chance = None if score.chance is None else 1.0 - score.chance[truth.known]
    said: dict[str, Any] = {
        "auc": m.auc(risk, lost),
        "auc_recent": m.auc(near, near_lost),
        "pr_auc": m.pr_auc(risk, lost),
        "brier": None if chance is None else m.brier(chance, lost),
        "ece": None if chance is None else m.ece(chance, lost),
        "lift_top_decile": m.lift_top_decile(risk, lost),
        "precision_at_capacity": m.precision_at(near, near_lost, capacity),
        "bands": _bands(score, truth),
        "lead_time": None,
    }
    if intervals:
        said["intervals"] = {
            "auc": m.bootstrap(lambda i: m.auc(risk[i], lost[i]), len(risk)),
            "auc_recent": m.bootstrap(lambda i: m.auc(near[i], near_lost[i]), len(near))
            if len(near)
            else None,
            "brier": None
            if chance is None
            else m.bootstrap(lambda i: m.brier(chance[i], lost[i]), len(risk)),
            "ece": None if chance is None else m.bootstrap(lambda i: m.ece(chance[i], lost[i]), len(risk)),
        }
    return said


def _bands(score: Score, truth: Truth) -> Mapping[str, Any] | None:
    if score.bands is None:
        return None
    return m.by_band(np.array(score.bands)[truth.known].tolist(), truth.lost[truth.known])


def judge_fit(log: EventLog, starter: Scorecard, question: Question, until: int) -> Judged | None:
    """The fit as it would have been made at an earlier cut-off, judged by the days up to the end of `until`.

    None when there was too little to fit, or to judge by.
    """
    whole = log.first(log.before(end_of(until)))
    try:
        known = known_at(whole, question)
        score = score_with(known, fitted(known, starter, known.orders))
    except (BacktestError, TooLittleError):
        return None
    truth = truth_of(known)
    told = figures(score, truth, question.capacity)
    assert told is not None, "there is a score"
    return Judged(
        days=question.horizon,
        customers=int(truth.known.sum()),
        auc=told["auc"],
        auc_interval=told["intervals"]["auc"],
        auc_recent=told["auc_recent"],
        auc_recent_interval=told["intervals"]["auc_recent"],
        brier=told["brier"],
        calibration_error=told["ece"],
    )


# -- time


class Looks(NamedTuple):
    """A scorecard's weekly looks over the whole log."""

    days: npt.NDArray[np.int64]
    shares: npt.NDArray[np.float64]  # (looks, 4): of customers, lapsed, red, yellow, green
    yellow: npt.NDArray[np.int64]  # (customers,): first day after the cut-off in yellow or red; NEVER
    red: npt.NDArray[np.int64]


def watch(known: Known, card: Scorecard, on_look: Callable[[], None] = lambda: None) -> Looks:
    """The card in force from the log's first day until the horizon closes or the log ends."""
    first, last = known.log.days()
    cutoff = known.question.cutoff
    end = min(last, cutoff + known.question.horizon)
    days = np.arange(first + (cutoff - first) % LOOK_DAYS, end + 1, LOOK_DAYS)
    replay = Replay(known.log, card.numbers())
    yellow, red = (np.full(len(known.log.keys), NEVER) for _ in range(2))
    shares = np.zeros((len(days), 4))
    for i, day in enumerate(days.tolist()):
        look = replay.look(end_of(day))
        shares[i] = _shares(look)
        if day > cutoff:
            yellow = np.where((yellow == NEVER) & look.seen & (look.bands != GREEN), day, yellow)
            red = np.where((red == NEVER) & look.seen & (look.bands == RED), day, red)
        on_look()
    return Looks(days, shares, yellow, red)


def _shares(look: Look) -> list[float]:
    lapsed, total = look.lapsed() & look.seen, max(int(look.seen.sum()), 1)
    bands = [int((look.seen & ~lapsed & (look.bands == band)).sum()) for band in (1, 2, 3)]
    return [count / total for count in (int(lapsed.sum()), *bands)]


def lives_of(known: Known, truth: Truth) -> Lives:
    """The customers who could still be lost at the cut-off."""
    cutoff = known.question.cutoff
    after = known.log.orders()
    following = np.full(after.customers, NEVER)
    owners = after.owners()
    later = after.days > cutoff
    np.minimum.at(following, owners[later], after.days[later])
    rfm = Rfm.at(known.orders, cutoff)
    last = (cutoff - rfm.recency).astype(np.int64)
    return Lives(last[truth.recent], following[truth.recent], truth.lost[truth.recent])


def lead_times(known: Known, truth: Truth, looks: Looks) -> dict[str, Any]:
    """Per alarm: of the card, and of "N days silent" raised for as many customers."""
    lives, horizon = lives_of(known, truth), known.question.horizon
    after = looks.days[looks.days > known.question.cutoff]
    said: dict[str, Any] = {}
    for name, alarms in (("yellow", looks.yellow), ("red", looks.red)):
        ours = lead(alarms[truth.recent], lives, horizon)
        n, theirs = silent_days(lives, after, ours.alarms)
        silent = lead(theirs, lives, horizon)
        said[name] = {**_told(ours), "silent": {"days": n, **_told(silent)}}
    return said


def _told(found: Any) -> dict[str, Any]:
    return {
        "alarms": found.alarms,
        "precision": found.precision,
        **{f"at_{days}_days": share for days, share in found.at.items()},
    }


# -- rolling


def rolling_cutoffs(log: EventLog, horizon: int, most: int = 8) -> list[int]:
    """Days evenly spread from half a year in until a horizon before the end."""
    first, last = log.days()
    begin, end = first + 182, last - horizon
    if end < begin:
        return []
    return [int(day) for day in np.unique(np.linspace(begin, end, most).astype(np.int64))]


def rolling(log: EventLog, horizon: int, starter: Scorecard) -> Iterator[dict[str, Any]]:
    """The headline figures at each of several cut-offs, the peak season among them."""
    for cutoff in rolling_cutoffs(log, horizon):
        known = known_at(log, Question(cutoff, horizon))
        truth = truth_of(known)
        scores, _ = all_scores(known, None, starter, _ROLLING_CUSTOMERS)
        told = partial(figures, truth=truth, capacity=50, intervals=False)
        yield {"cutoff": cutoff, "scores": {name: told(score) for name, score in scores.items()}}
