"""Which variants of a rule are worth proposing: chosen on some days, held to it on later ones."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

Kind = Literal["cheaper", "more", "balance"]
MEANING: dict[Kind, str] = {
    "cheaper": "less work, as much caught",
    "more": "more caught, no more work",
    "balance": "the best balance of right and caught (F1)",
}

# Cases to choose by: from 30 a share is known to 17 points, from 15 to 23 (half of Wilson's interval).
ENOUGH, ENOUGH_LATER = 30, 15
_SAME = 0.01  # of what was to be caught: as much
_MORE = 0.02  # of it, and at least so many cases: more
_LEAST = 3
_CHEAPER, _AS_DEAR = 0.95, 1.02  # hours, in parts of the rule's own
_BETTER = 0.02  # F1
_LEAD = 0.75  # of the rule's own lead: who waits until nothing can be done is always right


class Weighed(NamedTuple):
    """A variant over a span of days. What is to be caught, and what is right, say departures or people."""

    hours: float  # a week
    caught: int
    due: int  # to be caught
    right: int
    judged: int  # calls of which it is known whether they were right
    lead: float | None = None  # median days from the call to the departure

    @property
    def recall(self) -> float:
        return self.caught / self.due if self.due else 0.0

    @property
    def precision(self) -> float:
        return self.right / self.judged if self.judged else 0.0

    @property
    def f1(self) -> float:
        both = self.recall + self.precision
        return 2 * self.recall * self.precision / both if both else 0.0


class Option(NamedTuple):
    """A variant on the days that are chosen by, and on those after."""

    first: Weighed
    last: Weighed
    turned: int = 0  # numbers of the rule that are others


class Proposal(NamedTuple):
    option: int
    kinds: tuple[Kind, ...]


class Refusal(NamedTuple):
    """The best of its kind, which was not so any more on the days after. None: there was none."""

    kind: Kind
    option: int | None


class Choice(NamedTuple):
    """`too_little` says why nothing is proposed at all."""

    proposals: list[Proposal]
    refusals: list[Refusal]
    too_little: str = ""


def too_little(option: Option) -> str:
    """What there is too little of to choose by; empty: there is enough."""
    found = (
        (option.first, ENOUGH, "the days that are chosen by"),
        (option.last, ENOUGH_LATER, "the days that are held against them"),
    )
    for weighed, least, when in found:
        for count, what in ((weighed.due, "to be caught"), (weighed.judged, "of its calls can be judged")):
            if count < least:
                return f"in {when} only {count} {what}; {least} are needed"
    return ""


def choose(options: Sequence[Option]) -> Choice:
    """The rule as it is comes first. One candidate a kind: a second one would be tried until luck holds."""
    if said := too_little(options[0]):
        return Choice([], [], said)
    held: dict[int, list[Kind]] = {}
    refusals = []
    for kind, wins in _WINS.items():
        best = _best(kind, options)
        if best is not None and _holds(wins, options[best].last, options[0].last):
            held.setdefault(best, []).append(kind)
        else:
            refusals.append(Refusal(kind, best))
    return Choice([Proposal(option, tuple(kinds)) for option, kinds in held.items()], refusals)


def _holds(wins: "_Wins", one: Weighed, now: Weighed) -> bool:
    return wins(one, now, 0.0, 1) and _in_time(one, now)


def _best(kind: Kind, options: Sequence[Option]) -> int | None:
    """The clearest winner over the rule as it is; of those near it, that with fewest numbers turned."""
    wins, worth, now = _WINS[kind], _WORTH[kind], options[0].first
    found = [
        i
        for i, one in enumerate(options)
        if i and wins(one.first, now, 1.0, _LEAST) and _in_time(one.first, now)
    ]
    if not found:
        return None
    best = max(worth(options[i].first, now) for i in found)
    near = [i for i in found if worth(options[i].first, now) >= best - _NEAR[kind]]
    return min(near, key=lambda i: (options[i].turned, -worth(options[i].first, now), i))


def _in_time(one: Weighed, now: Weighed) -> bool:
    return now.lead is None or (one.lead is not None and one.lead >= _LEAD * now.lead)


def _cheaper(one: Weighed, now: Weighed, _margin: float, _least: int) -> bool:
    return (
        one.hours <= _CHEAPER * now.hours and bool(now.hours) and one.caught >= now.caught - _SAME * now.due
    )


def _more(one: Weighed, now: Weighed, margin: float, least: int) -> bool:
    gained = max(least, margin * _MORE * now.due)
    return one.hours <= _AS_DEAR * now.hours and one.caught >= now.caught + gained


def _balance(one: Weighed, now: Weighed, margin: float, _least: int) -> bool:
    return one.f1 > now.f1 + margin * _BETTER


_Wins = Callable[[Weighed, Weighed, float, int], bool]
_WINS: dict[Kind, _Wins] = {"cheaper": _cheaper, "more": _more, "balance": _balance}
_WORTH: dict[Kind, Callable[[Weighed, Weighed], float]] = {
    "cheaper": lambda one, now: 1 - one.hours / now.hours,
    "more": lambda one, now: (one.caught - now.caught) / now.due,
    "balance": lambda one, now: one.f1 - now.f1,
}
_NEAR: dict[Kind, float] = {
    "cheaper": 0.05,
    "more": 0.01,
    "balance": 0.01,
}  # no worse, for fewer numbers turned


def front(options: Sequence[Weighed]) -> list[int]:
    """Those of which no other catches as much for less, or more for as much; of equals the first."""
    found: list[int] = []
    most = -1
    for i in sorted(range(len(options)), key=lambda i: (options[i].hours, -options[i].caught, i)):
        if options[i].caught > most:
            found.append(i)
            most = options[i].caught
    return found
