"""The weights of a fitted card, from what its signals said before two windows that have matured."""

from collections.abc import Mapping

import numpy as np

from services.scoring.domain.fitting.orders import OrderLog
from services.scoring.domain.fitting.weights import Lesson, Weighed, lesson_of, weigh
from services.scoring.domain.scorecard import Scorecard, Signal
from services.scoring.domain.scorecard import Weighed as Told
from services.scoring.domain.signals import NAMES, RECENCY, WEIGHABLE
from services.scoring.offline.log import EventLog
from services.scoring.offline.replay import Replay, end_of

WINDOW_DAYS = 91  # two of them end where the fit is made
_KEPT = 0.01  # a weight below it is rounding
# The fitted purchase signal has weighed it already, by the same orders.
_WITHIN_PURCHASES = "order_frequency_trend"


def with_weights(card: Scorecard, log: EventLog, orders: OrderLog, day: int) -> Scorecard:
    """The card with weights learned from `log` up to the end of `day`; as it is where nothing can be learned.

    Only signals with data enough are weighed, among each other: those the log cannot teach anything about
    keep what they have. `orders` holds nothing after `day`.
    """
    replay = Replay(log.first(log.before(end_of(day))), card.numbers())
    earlier = _lesson(replay, card, orders, day - 2 * WINDOW_DAYS)
    others = [NAMES.index(name) for name in WEIGHABLE if name not in (_WITHIN_PURCHASES, NAMES[RECENCY])]
    if not any(earlier.teaches(signal) for signal in others):
        return card
    later = _lesson(replay, card, orders, day - WINDOW_DAYS)
    told = weigh(earlier, later, RECENCY, others)
    if len(told) == 1:
        return card
    evidence = card.evidence and card.evidence.model_copy(update={"weighed": tuple(map(_told, told))})
    return card.model_copy(update={"signals": _signals(card, told), "evidence": evidence})


def _lesson(replay: Replay, card: Scorecard, orders: OrderLog, day: int) -> Lesson:
    look = replay.look(end_of(day))
    known = np.diff(orders.until(day).starts) > 0
    bought = orders.buys_in(day, day + WINDOW_DAYS)
    return lesson_of(look.values[known], look.evidence[known], card.base, bought[known])


def _signals(card: Scorecard, told: tuple[Weighed, ...]) -> tuple[Signal, ...]:
    """The weighed share what they had together; who had nothing takes of it too."""
    had: Mapping[str, float] = {signal.name: signal.weight for signal in card.signals}
    among = {NAMES[one.signal]: one.weight for one in told}
    pot = sum(had.get(name, 0.0) for name in among)
    weights = {name: had[name] for name in had if name not in among}
    weights |= {name: pot * share for name, share in among.items() if share >= _KEPT}
    total = sum(weights.values())
    return tuple(Signal(name=name, weight=round(weight / total, 6)) for name, weight in weights.items())


def _told(one: Weighed) -> Told:
    return Told(
        signal=NAMES[one.signal],
        gain=round(one.gain, 6),
        error=round(one.error, 6),
        weight=round(one.weight, 6),
    )
