"""What each signal should weigh: by how well it told, out of time, who would buy.

`P(buys) = 1 / (1 + exp(-(c + sum of w_i x_i)))`, w_i >= 0, x_i = (value - base) / 100, or 0 where the signal
was never seen: so a score that is linear in its signals ranks as the chance does. Signals come in one by one,
the best first, each only if it makes a *later* window likelier by two standard errors.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

SIGNALS_MOST = 6  # of a card: more are not told apart by people, nor by a shop's data
LEAST_CUSTOMERS = 200  # who have a signal, in each window, with so many who bought and who did not:
LEAST_OF_EACH = 50
_ERRORS = 2.0  # standard errors of the gain, so one signal in 44 of pure noise gets in
_RIDGE = (
    1.0  # of the coefficients, as one more customer's worth of doubt; keeps a rare signal from running away
)


class Lesson(NamedTuple):
    """Customers at the beginning of a window, and who of them bought in it."""

    x: Floats  # (customers, signals): 0 where never seen
    seen: Flags  # the same
    bought: Flags  # (customers,)

    def teaches(self, signal: int) -> bool:
        """Whether enough customers have the signal, of both kinds."""
        bought = self.bought[self.seen[:, signal]]
        hits = int(bought.sum())
        return len(bought) >= LEAST_CUSTOMERS and min(hits, len(bought) - hits) >= LEAST_OF_EACH


class Weighed(NamedTuple):
    """A signal that was looked at. `gain`: nats a customer of the later window, given those before it."""

    signal: int
    gain: float
    error: float  # standard error of the gain
    weight: float  # its share among those that gained; 0: it did not


def lesson_of(values: Floats, evidence: Floats, base: float, bought: Flags) -> Lesson:
    """From a look: (customers, signals) each, evidence below 0 where never seen."""
    seen = evidence >= 0.0
    return Lesson(np.where(seen, (values - base) / 100.0, 0.0), seen, bought)


def weigh(earlier: Lesson, later: Lesson, first: int, others: Sequence[int]) -> tuple[Weighed, ...]:
    """`first` is in; of the `others` those that gain. What is in is then fitted on both windows."""
    chosen, told = [first], {first: (0.0, 0.0)}
    rest = [signal for signal in others if earlier.teaches(signal) and later.teaches(signal)]
    while rest:
        held = _losses(later, chosen, _fit([earlier], chosen))
        gains = {signal: _gain(earlier, later, chosen, held, signal) for signal in rest}
        told |= gains
        best = max(rest, key=lambda signal: gains[signal][0])
        gain, error = gains[best]
        if gain <= _ERRORS * error or len(chosen) == SIGNALS_MOST:
            break
        chosen.append(best)
        rest.remove(best)
    weights = _fit([earlier, later], chosen)[1:]
    shares = dict(zip(chosen, (weights / max(weights.sum(), 1e-12)).tolist(), strict=True))
    return tuple(Weighed(signal, *told[signal], shares.get(signal, 0.0)) for signal in told)


def _gain(
    earlier: Lesson, later: Lesson, chosen: list[int], held: Floats, signal: int
) -> tuple[float, float]:
    """Mean and standard error of what the later window's losses fall by with one signal more."""
    wider = [*chosen, signal]
    won = held - _losses(later, wider, _fit([earlier], wider))
    return float(won.mean()), float(won.std() / np.sqrt(len(won)))


def _losses(lesson: Lesson, chosen: Sequence[int], theta: Floats) -> Floats:
    """Log loss of each customer."""
    side = np.where(lesson.bought, 1.0, -1.0) * (theta[0] + lesson.x[:, chosen] @ theta[1:])
    return np.asarray(np.logaddexp(0.0, -side))


def _fit(lessons: Sequence[Lesson], chosen: Sequence[int]) -> Floats:
    """Intercept, then a weight for each of the chosen, none below 0."""
    x = np.concatenate([lesson.x[:, chosen] for lesson in lessons])
    bought = np.concatenate([lesson.bought for lesson in lessons]) * 1.0
    sign = 2.0 * bought - 1.0

    def cost(theta: Floats) -> tuple[float, Floats]:
        at = theta[0] + x @ theta[1:]
        off = expit(at) - bought
        loss = float(np.logaddexp(0.0, -sign * at).sum()) + 0.5 * _RIDGE * float((theta[1:] ** 2).sum())
        return loss, np.concatenate([[off.sum()], x.T @ off + _RIDGE * theta[1:]])

    bounds = [(None, None), *[(0.0, None)] * len(chosen)]
    return np.asarray(minimize(cost, np.zeros(len(chosen) + 1), jac=True, method="L-BFGS-B", bounds=bounds).x)
