"""Reads the topics from their first record to their last, for the ledger and the summary."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from libs.events.topics import (
    CUSTOMER_EVENTS,
    CUSTOMER_HEALTH,
    CUSTOMER_TRIGGERS,
    HEALTH_CHANGES,
    OUTREACH_OUTCOMES,
    SCORING_DEAD_LETTERS,
    SCORING_STATE,
    TRIGGERS_STATE,
    Topic,
)
from sandbox.adapters.checkpoints import read_checkpoints
from sandbox.adapters.reading import end_offsets, whole
from sandbox.domain.ledger import DECISIONS, Topics, in_transit
from sandbox.domain.outcome import Bought, Decided


class Head(msgspec.Struct, frozen=True):
    """What of an envelope is needed here; the data stay as they came."""

    id: str
    type: str
    subject: str
    time: datetime
    data: msgspec.Raw


class _Order(msgspec.Struct, frozen=True):
    order_id: str


class _Fired(msgspec.Struct, frozen=True):
    trigger_id: str
    rule: str


class _Decision(msgspec.Struct, frozen=True):
    trigger_id: str
    rule: str
    reason: str
    playbook: str | None = None


class _Point(msgspec.Struct, frozen=True):
    band: str


class _Changed(msgspec.Struct, frozen=True):
    after: _Point
    cause: str


class _Profile(msgspec.Struct, frozen=True):
    email: str | None = None


class _DeadLetter(msgspec.Struct, frozen=True):
    event_id: str | None = None


HEAD = msgspec.json.Decoder(Head).decode
_ORDER = msgspec.json.Decoder(_Order).decode
FIRED = msgspec.json.Decoder(_Fired).decode
DECISION = msgspec.json.Decoder(_Decision).decode
CHANGED = msgspec.json.Decoder(_Changed).decode
PROFILE = msgspec.json.Decoder(_Profile).decode
_DEAD = msgspec.json.Decoder(_DeadLetter).decode


@dataclass(slots=True)
class Recount:
    """Everything counted from the topics."""

    events: Counter[str] = field(default_factory=Counter)
    scoring: Counter[str] = field(default_factory=Counter)
    dead_lettered: set[str] = field(default_factory=set)
    fired: dict[str, str] = field(default_factory=dict)  # trigger id -> rule
    decisions: dict[str, Decided] = field(default_factory=dict)  # by the decision event's id
    orders: dict[str, Bought] = field(default_factory=dict)  # by the event's id
    bands: dict[str, str] = field(default_factory=dict)

    def topics(self) -> Topics:
        decided = tuple((one.trigger, one.decision) for one in self.decisions.values())
        return Topics(self.events, self.scoring, self.dead_lettered, self.fired.keys(), decided)


async def recount(bootstrap: str, named: Callable[[str], str] = str) -> Recount:
    """Read it all, a second for 100,000 records. `named` lets a test have topics of its own."""
    found = Recount()
    readers: tuple[tuple[Topic, Callable[[Recount, bytes], None]], ...] = (
        (CUSTOMER_EVENTS, _event),
        (SCORING_DEAD_LETTERS, _dead_letter),
        (CUSTOMER_TRIGGERS, _trigger),
        (OUTREACH_OUTCOMES, _outcome),
        (HEALTH_CHANGES, _change),
    )
    for topic, read in readers:
        async for record in whole(bootstrap, named(topic.name)):
            read(found, record.value)
    for checkpoint in (await read_checkpoints(bootstrap, named(SCORING_STATE.name))).values():
        found.scoring.update(checkpoint.ledger)
    return found


def _event(found: Recount, raw: bytes) -> None:
    head = HEAD(raw)
    found.events[head.id] += 1
    if head.type == "order.placed":
        found.orders[head.id] = Bought(head.subject, head.time, _ORDER(head.data).order_id)


def _dead_letter(found: Recount, raw: bytes) -> None:
    if event_id := _DEAD(raw).event_id:
        found.dead_lettered.add(event_id)


def _trigger(found: Recount, raw: bytes) -> None:
    head = HEAD(raw)
    if head.type == "trigger.fired":
        fired = FIRED(head.data)
        found.fired[fired.trigger_id] = fired.rule


def _outcome(found: Recount, raw: bytes) -> None:
    head = HEAD(raw)
    decision = head.type.removeprefix("outreach.")
    if decision in DECISIONS:
        data = DECISION(head.data)
        found.decisions[head.id] = Decided(
            data.trigger_id, decision, head.subject, head.time, data.playbook, data.rule, data.reason
        )


def _change(found: Recount, raw: bytes) -> None:
    head = HEAD(raw)
    found.bands[head.subject] = CHANGED(head.data).after.band


@dataclass(frozen=True, slots=True)
class Lag:
    """Records that stand on a topic and are not in the reader's checkpoints yet."""

    scoring: int
    triggers: int

    @property
    def none(self) -> bool:
        return self.scoring == 0 and self.triggers == 0


async def lag(bootstrap: str) -> Lag:
    """How far scoring and triggers are behind the topics they read."""
    ends = await end_offsets(bootstrap, (CUSTOMER_EVENTS.name, CUSTOMER_HEALTH.name))
    return Lag(
        await _behind(bootstrap, SCORING_STATE, ends.get(CUSTOMER_EVENTS.name, {})),
        await _behind(bootstrap, TRIGGERS_STATE, ends.get(CUSTOMER_HEALTH.name, {})),
    )


async def _behind(bootstrap: str, state: Topic, ends: Mapping[int, int]) -> int:
    """Records not read yet, and what is on its way between partitions."""
    checkpoints = await read_checkpoints(bootstrap, state.name)
    read = {number: checkpoint.next for number, checkpoint in checkpoints.items()}
    counted = Counter[str]()
    for checkpoint in checkpoints.values():
        counted.update(checkpoint.ledger)
    return sum(max(end - read.get(number, 0), 0) for number, end in ends.items()) + in_transit(counted)
