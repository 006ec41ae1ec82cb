"""In-memory ports. They pass the same contract cases as the real ones, and ship with the code."""

import copy
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from libs.runtime.errors import RejectedError, TransientError
from services.outreach.domain.trigger import Contact, CustomerState, Past
from services.outreach.ports import (
    Decided,
    DecisionUnit,
    Effect,
    Mail,
    NewDecision,
    NewFiring,
    NewIntervention,
    OutEvent,
    Watched,
    Who,
)


class MemoryMailer:
    """Keeps what it was given. `refuse` and `away` are addresses that the server says no to, or not yet."""

    def __init__(self) -> None:
        self.sent: list[Mail] = []
        self.refuse: set[str] = set()
        self.away = False

    async def send(self, mail: Mail) -> None:
        if self.away:
            raise TransientError("the server is away")
        if mail.to in self.refuse or "@" not in mail.to:
            raise RejectedError(f"550 no such mailbox: {mail.to}")
        self.sent.append(mail)

    async def close(self) -> None:
        """Nothing is open."""


class MemoryPublisher:
    """Keeps events in order; while `away` it takes none."""

    def __init__(self) -> None:
        self.events: list[OutEvent] = []
        self.away = False

    async def publish(self, events: Sequence[OutEvent]) -> None:
        if self.away:
            raise TransientError("Kafka is away")
        self.events += events


class SilentMetrics:
    """Counts nothing."""

    def decided(self, decision: str, reason: str, rule: str) -> None: ...
    def dead_lettered(self) -> None: ...
    def message(self, status: str, reason: str) -> None: ...
    def task_created(self, playbook: str) -> None: ...
    def closed(self, playbook: str, arm: str, result: str) -> None: ...
    def published(self, count: int) -> None: ...
    def incident_opened(self, rule: str, kind: str) -> None: ...


@dataclass
class Tables:
    """What the transactions of a MemoryUnits have committed."""

    positions: dict[tuple[str, int], int] = field(default_factory=dict)
    decisions: dict[str, NewDecision] = field(default_factory=dict)
    interventions: dict[str, NewIntervention] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    cleared: dict[str, datetime] = field(default_factory=dict)
    outbox: dict[str, Effect] = field(default_factory=dict)
    contacts: dict[Who, Contact] = field(default_factory=dict)
    suppressed: dict[Who, str] = field(default_factory=dict)
    frozen: bool = False
    in_incident: set[tuple[str, str, str]] = field(default_factory=set)  # tenant, customer, rule


class MemoryUnits:
    """Transactions over one set of tables: a block that raises leaves them as they were."""

    def __init__(self) -> None:
        self.tables = Tables()

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[DecisionUnit]:
        draft = copy.copy(self.tables)
        draft = replace(
            draft,
            positions=dict(draft.positions),
            decisions=dict(draft.decisions),
            interventions=dict(draft.interventions),
            cleared=dict(draft.cleared),
            outbox=dict(draft.outbox),
        )
        yield _MemoryUnit(draft)
        self.tables = draft


class _MemoryUnit:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def positions(self, topic: str, partitions: Iterable[int]) -> dict[int, int]:
        return {number: self._tables.positions.get((topic, number), 0) for number in partitions}

    async def decided(self, trigger_ids: Iterable[str]) -> set[str]:
        return set(trigger_ids) & set(self._tables.decisions)

    async def states(self, customers: Iterable[Who], since: datetime) -> dict[Who, CustomerState]:
        tables = self._tables
        return {
            who: CustomerState(tables.contacts.get(who), tables.suppressed.get(who), self._past(who, since))
            for who in customers
        }

    def _past(self, who: Who, since: datetime) -> tuple[Past, ...]:
        found = []
        for one in self._tables.interventions.values():
            is_open = one.id not in self._tables.closed
            if one.who == who and (is_open or one.opened_at > since):
                found.append(Past(one.playbook, one.arm, one.owed, is_open, one.opened_at))
        return tuple(found)

    async def watch(self, firings: Sequence[NewFiring]) -> Watched:
        """No statistics in memory: who is in an incident is said beforehand."""
        return Watched(
            {one.trigger_id for one in firings if (*one.who, one.rule) in self._tables.in_incident}
        )

    async def messages_since(self, since: datetime) -> int:
        del since  # no timer runs in memory, so no message is ever stored
        return 0

    async def frozen(self) -> bool:
        return self._tables.frozen

    async def save(self, batch: Decided, wall: datetime) -> None:
        del wall
        for decision in batch.decisions:
            self._tables.decisions.setdefault(decision.trigger_id, decision)
        for intervention in batch.interventions:
            self._tables.interventions.setdefault(intervention.id, intervention)
        for effect in batch.effects:
            self._tables.outbox.setdefault(effect.idempotency_key, effect)
        self._tables.cleared.update(batch.cleared)

    async def advance(self, topic: str, positions: Mapping[int, int]) -> None:
        for partition, offset in positions.items():
            self._tables.positions[topic, partition] = offset
