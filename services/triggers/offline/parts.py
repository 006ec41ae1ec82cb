"""What a variant of a rule was worth over a span of days: work, departures, verdicts."""

from typing import Any, NamedTuple

import numpy as np
from scipy.stats import binomtest

from services.triggers.domain.choice import Weighed
from services.triggers.offline.figures import WEEK, Question
from services.triggers.offline.silences import Alarms, Judge, Silences
from services.triggers.offline.verdicts import Heard


class Case(NamedTuple):
    """Everything that variants are judged by. `within`: days in which calls of a customer are one matter."""

    calls: list[Alarms]  # by variant
    silences: Silences
    heard: Heard
    question: Question
    within: int


def part(case: Case, variant: int, first: int, last: int) -> dict[str, Any]:
    """Of the days first to last, told by what is known on the last of them."""
    slots, days = (column[case.calls[variant].days <= last] for column in case.calls[variant])
    mine = days >= first
    length = last - max(first, 1) + 1  # on the very first day nothing can fire
    return {
        "fires": int(mine.sum()),
        "customers": len(np.unique(slots[mine])),
        "hours_a_week": round(int(mine.sum()) * case.question.minutes / 60 * WEEK / length, 2),
        **_departures(case, Alarms(slots, days), first, last),
        "verdicts": _verdicts(case.heard.over(first, last), Alarms(slots, days), case.within),
    }


def _departures(case: Case, alarms: Alarms, first: int, last: int) -> dict[str, Any]:
    found = Judge(case.silences, last, case.question.horizon, first).outcome(alarms)
    return {
        "judged": found.judged,
        "left": found.left,
        "precision": found.precision,
        "precision_interval": interval(found.left, found.judged),
        "departures": found.departures,
        "caught": found.caught,
        "recall": found.recall,
        "lead_days": found.lead_days,
    }


def _verdicts(heard: Heard, alarms: Alarms, within: int) -> dict[str, Any]:
    """Those that the alarms still have, of those there are."""
    kept = heard.kept(alarms, within)
    right, wrong, missed = (heard.words == word for word in ("right", "wrong", "missed"))
    kept_right, kept_wrong = int(kept[right].sum()), int(kept[wrong].sum())
    spoken = kept_right + kept_wrong
    return {
        "right": int(right.sum()),
        "wrong": int(wrong.sum()),
        "missed": int(missed.sum()),
        "right_kept": kept_right,
        "wrong_avoided": int(wrong.sum()) - kept_wrong,
        "missed_caught": int(kept[missed].sum()),
        "precision": kept_right / spoken if spoken else None,
        "precision_interval": interval(kept_right, spoken),
    }


def weigh(told: dict[str, Any], by: str) -> Weighed:
    """A span's figures as one kind of evidence has them."""
    if by == "departures":
        found = (told[name] for name in ("caught", "departures", "left", "judged", "lead_days"))
        return Weighed(told["hours_a_week"], *found)
    said = told["verdicts"]
    return Weighed(
        told["hours_a_week"],
        caught=said["right_kept"] + said["missed_caught"],
        due=said["right"] + said["missed"],
        right=said["right_kept"],
        judged=said["right_kept"] + said["wrong"] - said["wrong_avoided"],
    )


def interval(count: int, of: int) -> list[float] | None:
    """Wilson's 95 % interval of a share."""
    if not of:
        return None
    found = binomtest(count, of).proportion_ci(method="wilson")
    return [float(found.low), float(found.high)]
