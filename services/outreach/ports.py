"""What the use cases need from outside. Adapters and services.outreach.testing have one of each."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from services.outreach.domain.plan import PlannedStep
from services.outreach.domain.trigger import Arm, CustomerState, DecisionKind

Who = tuple[str, str]
"""Tenant and customer."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One e-mail. The same `message_id` on every attempt, so that a repeat can be recognised."""

    message_id: str
    to: str
    subject: str
    text: str
    html: str
    unsubscribe_url: str
    simulated: bool = False


class Mailer(Protocol):
    async def send(self, mail: Mail) -> None:
        """Hand a message to the server. Raises RejectedError if it never will be taken, TransientError if
        it may be later.
        """
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class OutEvent:
    topic: str
    key: bytes
    value: bytes


class EventPublisher(Protocol):
    async def publish(self, events: Sequence[OutEvent]) -> None:
        """Returns once all are durable, in the given order for each key. Raises TransientError; what was
        already written then is written again by the next attempt.
        """
        ...


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a topic, as a consumer hands it on."""

    partition: int
    offset: int
    key: bytes
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Effect:
    """An outbox row to be: it leaves once, whatever happens in between."""

    kind: str  # email | event
    idempotency_key: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class NewDecision:
    trigger_id: str
    who: Who
    rule: str
    level: str
    playbook: str | None
    decision: DecisionKind
    reason: str
    intervention_id: str | None
    decided_at: datetime
    trigger: dict[str, Any]


@dataclass(frozen=True, slots=True)
class NewIntervention:
    id: str
    who: Who
    playbook: str
    playbook_version: int
    trigger_id: str
    rule: str
    level: str
    arm: Arm
    owed: bool
    simulated: bool
    opened_at: datetime
    closes_at: datetime
    currency: str


@dataclass(frozen=True, slots=True)
class NewFiring:
    """A rule that fired for a customer who counts, as far as a common cause needs it."""

    trigger_id: str
    who: Who
    rule: str
    simulated: bool
    fired_at: datetime


@dataclass(slots=True)
class Watched:
    """`joined`: triggers that belong to an open incident. Effects: incidents opened, plays withdrawn."""

    joined: set[str] = field(default_factory=set)
    effects: list[Effect] = field(default_factory=list)


@dataclass(slots=True)
class Decided:
    """Everything one batch of triggers leads to; stored together with the offsets or not at all."""

    decisions: list[NewDecision] = field(default_factory=list)
    interventions: list[NewIntervention] = field(default_factory=list)
    steps: list[tuple[str, PlannedStep]] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    cleared: dict[str, datetime] = field(default_factory=dict)


class DecisionUnit(Protocol):
    """One transaction of the trigger consumer."""

    async def positions(self, topic: str, partitions: Iterable[int]) -> dict[int, int]:
        """The next offsets, locked until the end: another consumer of the same partition waits here."""
        ...

    async def decided(self, trigger_ids: Iterable[str]) -> set[str]:
        """Those that already have a decision."""
        ...

    async def states(self, customers: Iterable[Who], since: datetime) -> dict[Who, CustomerState]:
        """What is known of customers, with interventions that are open or opened after `since`."""
        ...

    async def watch(self, firings: Sequence[NewFiring]) -> Watched:
        """Look at new firings for a common cause, before they are decided."""
        ...

    async def messages_since(self, since: datetime) -> int:
        """Messages queued or sent after that moment, over all customers."""
        ...

    async def frozen(self) -> bool:
        """Whether an operator has frozen outreach."""
        ...

    async def save(self, batch: Decided, wall: datetime) -> None: ...

    async def advance(self, topic: str, positions: Mapping[int, int]) -> None: ...


class DecisionUnits(Protocol):
    """Makes units of work: committed when the block ends, rolled back when it raises."""

    def __call__(self) -> AbstractAsyncContextManager[DecisionUnit]: ...


DAY = timedelta(days=1)
