"""`tune`: variants of one rule over a folder of frames in one pass, and which of them are worth proposing."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import Progress

from libs.events.ids import message_key
from libs.runtime.errors import ConfigError
from services.triggers.adapters.rule_edit import changed, diff
from services.triggers.adapters.rule_file import read, specs
from services.triggers.domain.choice import MEANING, Choice, Option, choose, front, too_little
from services.triggers.domain.firing import trigger_id
from services.triggers.domain.knobs import Knob, Turn, Variant, knobs, variants
from services.triggers.domain.language import ConditionError
from services.triggers.domain.rules import RuleSpec, compile_rule
from services.triggers.offline.figures import OVERLAP_DAYS, Question
from services.triggers.offline.frames import Frames
from services.triggers.offline.look import DAYS, Look
from services.triggers.offline.parts import Case, part, weigh
from services.triggers.offline.run import Run
from services.triggers.offline.silences import Alarms, Purchases
from services.triggers.offline.verdicts import WORDS, Heard, People, VerdictFile

By = Literal["auto", "departures", "verdicts"]


class Asked(NamedTuple):
    """What the command line names."""

    rule: str
    rules: Path
    frames: Path
    feedback: Path | None = None
    question: Question = Question()
    by: By = "auto"


class Trial(NamedTuple):
    """A rule, its knobs, and what they were turned to."""

    spec: RuleSpec
    knobs: list[Knob]
    turns: list[Turn]
    variants: list[Variant]


def tune(asked: Asked, console: Console) -> dict[str, Any]:
    """Everything, as plain values. Raises ConfigError. Changes nothing."""
    text = read(asked.rules).decode("utf-8", "replace")
    spec = _find(asked.rule, specs(text, str(asked.rules)), asked.rules)
    said = VerdictFile(asked.feedback) if asked.feedback else None
    with Progress(console=console, transient=True) as progress:
        trial = _trial(spec, asked.frames)
        run, frames, purchases = _carried(trial, asked.frames, progress)
    if lacks := run.held(0):
        raise ConfigError(
            f"{spec.id} is held for want of data, no frame has {', '.join(lacks)}: nothing to tune it by"
        )
    heard = _people(run, frames, spec).hear(spec.id, said.verdicts if said else ())
    case = Case(_calls(run), purchases.silences(), heard, asked.question, matter_days(spec))
    told = _judged(trial, case, run.days, asked.by)
    if said:
        told["feedback"] |= {
            "refused": said.faults.count,
            "problems": [p._asdict() for p in said.faults.named],
        }
    for each in told["proposals"]:
        variant = trial.variants[each["variant"]]
        each["diff"] = diff(text, changed(text, str(asked.rules), spec, variant), asked.rules.name)
    return {**_about(asked, spec, frames), **told}


def matter_days(spec: RuleSpec) -> int:
    """Calls of one customer within so many days are one matter: the rule's own rest, a week at least."""
    return max(OVERLAP_DAYS, -(-int(spec.cooldown.total_seconds()) // 86_400))


def _find(rule: str, found: Sequence[RuleSpec], path: Path) -> RuleSpec:
    by_id = {spec.id: spec for spec in found}
    if rule in by_id:
        return by_id[rule]
    near = difflib.get_close_matches(rule, by_id, 1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(by_id)}"
    raise ConfigError(f"unknown rule {rule} in {path}: {hint}")


def _trial(spec: RuleSpec, folder: Path) -> Trial:
    """The look is at the days that are chosen by, and at no later one."""
    try:
        found = knobs(spec.when)
    except ConditionError as error:
        raise ConfigError(f"{spec.id}: when: {error}") from None
    look = Look(spec, found)
    frames = Frames(folder, look.columns)
    turns = look.turns(frames.some(DAYS, until=cut(len(frames))))
    return Trial(spec, found, turns, variants(spec, found, turns))


def cut(days: int) -> int:
    """The first day of the last third."""
    return days - days // 3


def _carried(trial: Trial, folder: Path, progress: Progress) -> tuple[Run, Frames, Purchases]:
    """All variants through all days at once, as a dry run carries the rules of a file."""
    rules = [
        compile_rule(each.spec.model_copy(update={"id": f"v{place}"}))
        for place, each in enumerate(trial.variants)
    ]
    run, purchases = Run(rules), Purchases()
    frames = Frames(folder, run.columns)
    for frame in progress.track(frames, total=len(frames), description="days"):
        purchases.see(frame)
        run.step(frame)
    return run, frames, purchases


def _calls(run: Run) -> list[Alarms]:
    fired = np.array(run.firings, np.int64).reshape(-1, 4)
    parts = (fired[fired[:, 2] == place] for place in range(len(run.rules)))
    return [Alarms(calls[:, 1], calls[:, 0]) for calls in parts]


def _people(run: Run, frames: Frames, spec: RuleSpec) -> People:
    who = frames.who()
    fired = {
        trigger_id(spec.id, message_key(*who[firing.slot]), firing.episode): (firing.slot, firing.day)
        for firing in run.firings
        if firing.rule == 0
    }
    return People(who, frames.days[0], len(frames), fired)


def _judged(trial: Trial, case: Case, days: int, asked: By) -> dict[str, Any]:
    """The variants' figures, and the choice among them."""
    at = cut(days)
    spans = {"whole": (0, days - 1), "first": (0, at - 1), "last": (at, days - 1)}
    told = [
        {name: part(case, place, *span) for name, span in spans.items()}
        for place in range(len(trial.variants))
    ]
    by, options = _evidence(told, trial.variants, asked)
    good = trial.spec.level == "green" and by == "departures"
    choice = Choice([], [], GOOD_NEWS) if good else choose(options)
    return {
        "by": by,
        "cut_day": at,
        "matter_days": case.within,
        "feedback": _counted(case.heard),
        "knobs": [turn._asdict() for turn in trial.turns],
        "variants": [
            {"values": list(variant.values), "current": not place, **figures}
            for place, (variant, figures) in enumerate(zip(trial.variants, told, strict=True))
        ],
        "front": front([option.first for option in options]),
        "too_little": choice.too_little,
        "proposals": [_proposal(each, options) for each in choice.proposals],
        "refusals": [
            {"kind": one.kind, "meaning": MEANING[one.kind], "variant": one.option} for one in choice.refusals
        ],
    }


GOOD_NEWS = "a green rule tells good news, which leaving does not judge: it is tuned by verdicts"


def _evidence(told: Sequence[dict[str, Any]], made: Sequence[Variant], by: By) -> tuple[str, list[Option]]:
    """Verdicts where there are enough of them: a person has looked. Else who left."""

    def options(which: str) -> list[Option]:
        return [
            Option(weigh(each["first"], which), weigh(each["last"], which), _turned(variant, made[0]))
            for each, variant in zip(told, made, strict=True)
        ]

    if by == "auto":
        spoken = options("verdicts")
        return ("departures", options("departures")) if too_little(spoken[0]) else ("verdicts", spoken)
    return by, options(by)


def _turned(variant: Variant, now: Variant) -> int:
    return sum(one != other for one, other in zip(variant.values, now.values, strict=True))


def _proposal(proposal: Any, options: Sequence[Option]) -> dict[str, Any]:
    return {
        "variant": proposal.option,
        "kinds": list(proposal.kinds),
        "meaning": "; ".join(MEANING[kind] for kind in proposal.kinds),
        "f1": [round(weighed.f1, 4) for weighed in options[proposal.option][:2]],
    }


def _counted(heard: Heard) -> dict[str, Any]:
    words: dict[str, Any] = {word: int((heard.words == word).sum()) for word in WORDS}
    return {**words, "other_rules": heard.other_rules, "unknown": heard.unknown, "same": heard.same}


def _about(asked: Asked, spec: RuleSpec, frames: Frames) -> dict[str, Any]:
    return {
        "rule": spec.id,
        "title": spec.title,
        "level": spec.level,
        "file": asked.rules.name,
        "frames": asked.frames.name,
        "first_day": f"{frames.days[0]}",
        "last_day": f"{frames.days[-1]}",
        "last_third": f"{frames.days[cut(len(frames))]}",
        "days": len(frames),
        "customers": frames.customers,
        "scorecard": frames.scorecard,
        "horizon_days": asked.question.horizon,
        "minutes_per_task": asked.question.minutes,
    }
