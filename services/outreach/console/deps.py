"""What the console needs from its host, and nothing more."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from libs.runtime.clock import Clock
from libs.runtime.errors import RejectedError


@dataclass(frozen=True, slots=True)
class Completion:
    """What a person reports when closing a task. `sentiment` None: they could not tell."""

    outcome: str
    sentiment: str | None
    note: str | None
    author: str | None


class CompleteTask(Protocol):
    """The use case behind the form. Raises RejectedError when the task cannot be completed."""

    async def __call__(self, task_id: str, completion: Completion) -> None: ...


@dataclass(frozen=True, slots=True)
class IncidentEnd:
    """A person's word on an incident: `end` is fixed or dismissed."""

    end: str
    note: str | None
    author: str | None


class EndIncident(Protocol):
    """The use case behind the incident's form. Raises RejectedError when it cannot end so."""

    async def __call__(self, incident_id: str, end: IncidentEnd) -> None: ...


async def _no_incidents(incident_id: str, end: IncidentEnd) -> None:
    del end
    raise RejectedError(f"There is no incident {incident_id}")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a person says of the alarm behind a task. `form` names the showing of the page it was said on."""

    verdict: str
    reason: str | None
    author: str | None
    form: str


@dataclass(frozen=True, slots=True)
class Miss:
    """A rule that should have fired by now, as a person sees it."""

    rule: str
    author: str | None
    form: str


class Feedback(Protocol):
    """The use cases behind two forms. Both raise RejectedError when what is said cannot be used."""

    async def judge(self, task_id: str, judgement: Judgement) -> None: ...

    async def missed(self, tenant: str, customer_id: str, miss: Miss) -> None: ...


def _unmeasured() -> float | None:
    return None


@dataclass(frozen=True, slots=True)
class ConsoleDeps:
    """`event_to_change_p50` is in wall seconds, None while nothing has been measured.

    `stop` ends the live streams, so that a draining server does not wait for browsers to leave.
    """

    engine: AsyncEngine
    clock: Clock
    complete_task: CompleteTask
    feedback: Feedback
    event_to_change_p50: Callable[[], float | None] = _unmeasured
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    refresh_s: float = 1.0
    end_incident: EndIncident = _no_incidents
