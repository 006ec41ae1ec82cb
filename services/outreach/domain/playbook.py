"""What a playbook says: whom it is for, its steps and waits, its script, and when it has worked."""

import re
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from libs.events.types import Label, Stage

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
ANY_RULE = "*"


def parse_span(value: object) -> timedelta:
    """`30m`, `24h`, `3d` or `2w` of business time."""
    if isinstance(value, timedelta):
        return value
    found = re.fullmatch(r"(\d{1,7})([mhdw])", str(value))
    if found is None:
        raise ValueError("expected a length of time such as 30m, 24h, 3d or 2w")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def span_text(span: timedelta) -> str:
    """What `parse_span` reads, in minutes."""
    return f"{span // timedelta(minutes=1)}m"


Span = Annotated[timedelta, BeforeValidator(parse_span), PlainSerializer(span_text, return_type=str)]
Text = Annotated[str, Field(min_length=1, max_length=2000)]
Level = Literal["yellow", "red", "account", "green"]
Outcome = Literal["reached", "no_answer", "resolved", "not_resolved", "declined"]
Purpose = Literal["marketing", "service"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WaitStep(_Part):
    """Everything after it happens this much later."""

    wait: Span


class EmailStep(_Part):
    """A message. `service` messages answer a fault of ours and need no marketing consent."""

    email: Annotated[str, Field(pattern=r"^[a-z0-9-]+/[a-z0-9-]+$")]
    purpose: Purpose = "marketing"
    levels: tuple[Level, ...] = ()


class TaskStep(_Part):
    """Something for a person. `attempts` counts calls in all; `retry_after` spaces them."""

    task: Text
    script: Text
    next_step: Text
    due_in: Span
    pool: Label
    attempts: Annotated[int, Field(ge=1, le=5)] = 1
    retry_after: Span = timedelta(days=1)
    levels: tuple[Level, ...] = ()
    then: dict[Outcome, tuple["BranchStep", ...]] = Field(default_factory=dict)


class BranchTask(TaskStep):
    """A task inside a branch: branches do not nest, so that a playbook reads as one page."""

    then: dict[Outcome, tuple["BranchStep", ...]] = Field(default_factory=dict, max_length=0)


BranchStep = WaitStep | EmailStep | BranchTask
Step = WaitStep | EmailStep | TaskStep
TaskStep.model_rebuild()
BranchTask.model_rebuild()


class Chosen(_Part):
    """Whom the playbook is for. `rules: ["*"]` takes every rule that no other playbook names."""

    stages: tuple[Stage, ...] = ()
    rules: Annotated[tuple[str, ...], Field(min_length=1)]
    levels: Annotated[tuple[Level, ...], Field(min_length=1)] = ("yellow", "red")


class Success(_Part):
    """The same rule for both arms: a purchase, net of returns, within the window."""

    order_within: Span

    @model_validator(mode="after")
    def _long_enough(self) -> "Success":
        if self.order_within < timedelta(days=1):
            raise ValueError("order_within must be at least 1d")
        return self


class Escalation(_Part):
    """What happens at once when a person reports that the trouble is not resolved."""

    task: Text
    script: Text
    next_step: Text
    pool: Label
    due_in: Span


class Playbook(_Part):
    """One page that a CS lead can read aloud."""

    id: Label
    version: Annotated[int, Field(ge=1)]
    team: Label
    about: Text
    chosen_for: Chosen
    owed: bool = False
    experiment: Label
    variables: tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], ...]
    content: dict[str, Text] = Field(default_factory=dict)
    success: Success
    escalation: Escalation
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _does_something(self) -> "Playbook":
        if not any(isinstance(step, EmailStep | TaskStep) for step in self.steps):
            raise ValueError("steps: there is neither an email nor a task")
        undeclared = sorted(set(self.content) - set(self.variables))
        if undeclared:
            raise ValueError(f"content: {', '.join(undeclared)} not among variables")
        return self

    def acts_by_task(self, level: str) -> bool:
        """Whether a person does something for a trigger of this level, so that it works without e-mail."""
        return any(isinstance(step, TaskStep) and applies(step, level) for step in self.steps)

    @property
    def templates(self) -> tuple[str, ...]:
        branches = [
            steps for step in self.steps if isinstance(step, TaskStep) for steps in step.then.values()
        ]
        every = [*self.steps, *(step for steps in branches for step in steps)]
        return tuple(dict.fromkeys(step.email for step in every if isinstance(step, EmailStep)))


def applies(step: EmailStep | TaskStep, level: str) -> bool:
    """Low and high risk differ: a step may name the levels it is for."""
    return not step.levels or level in step.levels


PlaybookBook = tuple[Playbook, ...]
