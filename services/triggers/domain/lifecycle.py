"""The life of one rule for one customer. Where it stands, what is true and the time in; what follows out.

    inactive --when--> pending --for--> firing --clear--> calming --keep_firing_for--> inactive
                                FIRES                                 CLEARS
    inactive --when, silently--> silent --clear--> inactive
    in a storm (guard.py): held --clear--> inactive, held --released--> firing, held --dropped--> silent

A pending rule also waits for the cooldown, counted from its last firing. So a rule never fires twice
within its cooldown, never before its `for`, and never again before it has cleared.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Literal, NamedTuple

import msgspec

from libs.events.types import Band


class Phase(IntEnum):
    """Where a rule stands. A byte in the customer's row; 0 is where all begin."""

    INACTIVE = 0
    PENDING = 1
    FIRING = 2
    CALMING = 3  # firing, but `clear` has come true and must stay so for keep_firing_for
    SILENT = 4  # was true when history ended or the rule came: fires only after it has cleared
    HELD = 5  # would have fired, in a storm: nothing was said, and its episode has not begun


_WAITING = (Phase.PENDING, Phase.HELD)


@dataclass(frozen=True, slots=True)
class Timing:
    """A rule's spans of time."""

    hold: timedelta = timedelta(0)  # `for`
    cooldown: timedelta = timedelta(0)
    keep: timedelta = timedelta(0)  # `keep_firing_for`


class Point(msgspec.Struct, frozen=True, array_like=True):
    """A customer's score and band at an earlier moment."""

    score: float
    band: Band


class Memory(msgspec.Struct, frozen=True, array_like=True):
    """What is remembered of a rule that has been pending or has fired: a sparse record of its own."""

    since: datetime | None = None  # pending, firing or calming since
    fired_at: datetime | None = None  # last firing
    cleared_at: datetime | None = None
    episode: int = 0  # firings so far: the number in the trigger's id
    before: Point | None = None  # while pending or held: the health before the change that made it so


@dataclass(frozen=True, slots=True)
class Step:
    """What follows from one evaluation."""

    phase: Phase
    memory: Memory
    action: Literal["fired", "cleared"] | None = None


class Truth(NamedTuple):
    """What the evaluation said of one rule for one customer."""

    when: bool
    clear: bool


def advance(phase: Phase, memory: Memory, truth: Truth, now: datetime, timing: Timing) -> Step:
    """One evaluation of one rule for one customer.

    `now` may lag behind an earlier evaluation (a sweep while behind): no span grows by that.
    """
    if phase in (Phase.FIRING, Phase.CALMING):
        return _clear_or_stay(phase, memory, truth.clear, now, timing)
    if phase in (Phase.SILENT, Phase.HELD):
        return _disarm_or_stay(phase, memory, truth)
    if not truth.when:
        return Step(Phase.INACTIVE, _with(memory, since=None))
    begun = memory if phase is Phase.PENDING else _with(memory, since=now)
    return _fire_or_wait(begun, now, timing)


def fire(memory: Memory, now: datetime) -> Step:
    """The firing itself: also of what was held, or silently armed, and is released."""
    fired = Memory(since=now, fired_at=now, cleared_at=memory.cleared_at, episode=memory.episode + 1)
    return Step(Phase.FIRING, fired, "fired")


def release(memory: Memory, now: datetime, timing: Timing) -> Step:
    """Fire what is silently armed, unless it fired a cooldown ago at most."""
    return fire(memory, now) if rested(memory, now, timing) else Step(Phase.SILENT, memory)


def hold(memory: Memory) -> Step:
    """In place of a firing. The memory stays as before: a release gives the id that it would have had."""
    return Step(Phase.HELD, _with(memory, since=None))


def health_before(phase: Phase, memory: Memory, last: Point | None) -> Point | None:
    """What a firing fell from. `last`: the health before this evaluation; None: there was none."""
    return memory.before if phase in _WAITING else last


def remembering(step: Step, before: Point | None) -> Memory:
    """The step's memory, with the health before for as long as the rule waits and no longer."""
    return msgspec.structs.replace(step.memory, before=before if step.phase in _WAITING else None)


def drop(memory: Memory) -> Step:
    return Step(Phase.SILENT, _with(memory, since=None))


def _disarm_or_stay(phase: Phase, memory: Memory, truth: Truth) -> Step:
    if truth.when or not truth.clear:
        return Step(phase, memory)
    return Step(Phase.INACTIVE, _with(memory, since=None))


def _clear_or_stay(phase: Phase, memory: Memory, clear: bool, now: datetime, timing: Timing) -> Step:
    if not clear:
        return Step(Phase.FIRING, _with(memory, since=memory.fired_at))
    since = memory.since if phase is Phase.CALMING and memory.since else now
    if now - since < timing.keep:
        return Step(Phase.CALMING, _with(memory, since=since))
    return Step(Phase.INACTIVE, _with(memory, since=None, cleared_at=now), "cleared")


def _fire_or_wait(memory: Memory, now: datetime, timing: Timing) -> Step:
    held = memory.since is not None and now - memory.since >= timing.hold
    if not (held and rested(memory, now, timing)):
        return Step(Phase.PENDING, memory)
    return fire(memory, now)


def rested(memory: Memory, now: datetime, timing: Timing) -> bool:
    """Whether its cooldown is over."""
    return memory.fired_at is None or now - memory.fired_at >= timing.cooldown


def _with(memory: Memory, **changes: datetime | None) -> Memory:
    return msgspec.structs.replace(memory, **changes)
