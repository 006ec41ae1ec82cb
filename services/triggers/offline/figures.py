"""What a dry run says of each rule, as plain values."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from services.triggers.domain.rules import Rule
from services.triggers.offline.run import Run
from services.triggers.offline.silences import Alarms, Judge

Ints = npt.NDArray[np.int64]

OVERLAP_DAYS = 7  # firings of two rules so near are one piece of news to whoever reads them
WEEK = 7


class Question(NamedTuple):
    """Days in which a customer buys or is lost; what a firing costs whoever looks after it."""

    horizon: int = 91
    minutes: float = 15.0


class Rules(NamedTuple):
    """A rule file's name and what is in it."""

    name: str
    rules: Sequence[Rule]


def figures(rules: Rules, run: Run, judge: Judge, question: Question) -> dict[str, Any]:
    """Of one rule file: each rule, all together, and how far they call the same customers."""
    fired = np.array(run.firings, np.int64).reshape(-1, 4)
    parts = [fired[fired[:, 2] == place] for place in range(len(run.rules))]
    alarms = [Alarms(part[:, 1], part[:, 0]) for part in parts]
    spoke = {rule.id: calls for rule, calls in zip(run.rules, alarms, strict=True) if len(calls.slots)}
    return {
        "name": rules.name,
        "rules": [_rule(run, place, calls, judge, question) for place, calls in enumerate(alarms)],
        "fires": len(fired),
        "customers": len(np.unique(fired[:, 1])),
        **_work(fired[:, 0], run.days, question),
        "overlap": {
            one: {other: overlap(calls, theirs) for other, theirs in spoke.items()}
            for one, calls in spoke.items()
        },
    }


def _rule(run: Run, place: int, alarms: Alarms, judge: Judge, question: Question) -> dict[str, Any]:
    """A rule held for want of data has no figures: a zero would look like peace."""
    rule, lacks = run.rules[place], run.held(place)
    return {
        "rule": rule.id,
        "title": rule.title,
        "level": rule.level,
        "version": rule.version,
        "held_for": lacks,
        "figures": None if lacks else {**_calls(run, place, alarms, question), **_outcome(alarms, judge)},
    }


def _calls(run: Run, place: int, alarms: Alarms, question: Question) -> dict[str, Any]:
    fires, edges, waiting = len(alarms.slots), int(run.edges[place]), int(run.waiting()[place])
    return {
        "fires": fires,
        "per_day": np.bincount(alarms.days, minlength=run.days).tolist(),
        "customers": len(np.unique(alarms.slots)),
        "armed_silently": int(run.silent[place]),
        "edges": edges,
        "waiting": waiting,
        "flaps_avoided": edges - waiting - fires,
        **_work(alarms.days, run.days, question),
    }


def _work(days: Ints, length: int, question: Question) -> dict[str, float]:
    """The first day is not counted: nothing can fire on it."""
    hours = question.minutes / 60
    weeks = np.bincount((days - 1) // WEEK) if len(days) else np.zeros(1)
    return {
        "hours_a_week": round(len(days) * hours * WEEK / (length - 1), 2),
        "hours_in_busiest_week": round(float(weeks.max()) * hours, 2),
    }


def _outcome(alarms: Alarms, judge: Judge) -> dict[str, Any]:
    found = judge.outcome(alarms)
    silent, calls = judge.silent_for(np.unique(alarms.slots), len(alarms.slots))
    theirs = judge.outcome(calls)
    return {
        "judged": found.judged,
        "left": found.left,
        "precision": found.precision,
        "departures": found.departures,
        "caught": found.caught,
        "recall": found.recall,
        "lead_days": found.lead_days,
        "earlier_days": judge.earlier_days(alarms, silent),
        "silence": {
            "days": silent,
            "alarms": len(calls.slots),
            "precision": theirs.precision,
            "recall": theirs.recall,
            "lead_days": theirs.lead_days,
        }
        if len(alarms.slots)
        else None,
    }


def overlap(one: Alarms, other: Alarms, within: int = OVERLAP_DAYS) -> float:
    """Share of the customers of one for whom the other fired too, at most so many days before or after."""
    span = int(max(one.days.max(), other.days.max())) + 2 * within + 1
    theirs = np.sort(other.slots * span + other.days)
    low = one.slots * span + one.days - within
    at = np.searchsorted(theirs, low)
    near = (at < len(theirs)) & (theirs[np.minimum(at, len(theirs) - 1)] <= low + 2 * within)
    return len(np.unique(one.slots[near])) / len(np.unique(one.slots))
