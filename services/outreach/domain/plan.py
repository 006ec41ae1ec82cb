"""From a playbook to dated steps. Waits add up; branches start when their task is completed. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.outreach.domain.playbook import (
    EmailStep,
    Escalation,
    Playbook,
    Step,
    TaskStep,
    WaitStep,
    applies,
)


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step with its moment. `detail` is what the timer needs, as JSON: a later edit of the file changes
    no play that already runs.
    """

    id: str
    position: int
    kind: str
    due_at: datetime
    detail: dict[str, Any]


def plan(playbook: Playbook, intervention_id: str, level: str, start: datetime) -> list[PlannedStep]:
    """The main line of a playbook from the moment it opens."""
    return _dated(playbook.steps, intervention_id, level, start)


def _dated(steps: Iterable[Step], prefix: str, level: str, start: datetime) -> list[PlannedStep]:
    planned, at = [], start
    for position, step in enumerate(steps):
        if isinstance(step, WaitStep):
            at += step.wait
        elif applies(step, level):
            kind = "email" if isinstance(step, EmailStep) else "task"
            detail = step.model_dump(mode="json", exclude_defaults=True)
            planned.append(
                PlannedStep(f"{prefix}-{position}", position, kind, at, {**detail, "level": level})
            )
    return planned


@dataclass(frozen=True, slots=True)
class Done:
    """A completed task, as far as what follows depends on it."""

    step_id: str
    position: int
    detail: dict[str, Any]
    outcome: str
    attempt: int
    escalated: bool
    at: datetime


def follow_up(playbook_escalation: Escalation, done: Done) -> list[PlannedStep]:
    """What a completed task leads to: another attempt, a branch, or somebody more senior at once."""
    task = _task_of(done.detail)
    level = str(done.detail.get("level", "red"))
    if done.outcome == "no_answer" and done.attempt < task.attempts:
        return [_again(done, task)]
    branch = task.then.get(done.outcome, ())  # type: ignore[call-overload]  # outcomes are validated at the door
    follows = _dated(branch, f"{done.step_id}-{done.outcome}", level, done.at)
    if done.outcome == "not_resolved" and not done.escalated:
        follows.append(_escalated(playbook_escalation, done, level))
    return follows


def _task_of(detail: dict[str, Any]) -> TaskStep:
    return TaskStep.model_validate(
        {name: value for name, value in detail.items() if name in TaskStep.model_fields}
    )


def _again(done: Done, task: TaskStep) -> PlannedStep:
    first = str(done.detail.get("first", done.step_id))
    attempt = done.attempt + 1
    detail = {**done.detail, "attempt": attempt, "first": first}
    return PlannedStep(f"{first}-try{attempt}", done.position, "task", done.at + task.retry_after, detail)


def _escalated(escalation: Escalation, done: Done, level: str) -> PlannedStep:
    detail = {**escalation.model_dump(mode="json"), "level": level, "escalated": True}
    return PlannedStep(f"{done.step_id}-escalated", done.position, "task", done.at, detail)
