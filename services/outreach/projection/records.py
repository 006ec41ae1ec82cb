"""Records of the topics to rows of the projection. Pure; the only decoding is of what the rows need."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Annotated, Any

import msgspec

from libs.events import split_key
from libs.events.errors import DecodeError
from services.outreach.projection.summaries import summarise

POINT_STEP = 0.5  # points of score; less is not visible on the line
POINT_EVERY = timedelta(days=1)
OLDEST_MONTHS = timedelta(days=36 * 31)  # imports bring up to 24 months of history
NEWEST = timedelta(days=31)

Key = tuple[str, str]
"""Tenant and customer."""


class Head(msgspec.Struct, gc=False):
    """The envelope as far as a timeline needs it; `data` stays as it stood on the wire."""

    # The contract's own limits; a longer id would not fit an index.
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=160)]
    type: Annotated[str, msgspec.Meta(max_length=64)]
    subject: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    tenant: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    time: datetime
    receivedat: datetime
    data: msgspec.Raw
    simulated: bool = False


class Part(msgspec.Struct, gc=False):
    """A contribution as far as a point keeps it: its sentence is told by the latest snapshot alone."""

    signal: str
    points: float


class Snapshot(msgspec.Struct, gc=False):
    """HealthSnapshot as far as its columns need it."""

    score: float
    band: str
    confidence: float
    stage: str
    cause: str = ""
    contributions: tuple[Part, ...] = ()


class TriggerHead(msgspec.Struct, gc=False, omit_defaults=True):
    """What a timeline keeps of a trigger: not the facts, which are with the decision."""

    trigger_id: str
    rule: str
    title: str = ""
    reason: str = ""
    level: str = ""
    episode: int = 1


@dataclass(slots=True)
class TimelineRows:
    """Columns, because they go to the database as arrays."""

    tenant: list[str] = field(default_factory=list)
    customer_id: list[str] = field(default_factory=list)
    at: list[datetime] = field(default_factory=list)
    ref: list[str] = field(default_factory=list)
    type: list[str] = field(default_factory=list)
    summary: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.ref)

    def columns(self) -> dict[str, list[Any]]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Moment:
    """A customer's health at one moment; `body` is the snapshot as JSON."""

    at: datetime
    score: float
    band: str
    confidence: float
    stage: str
    body: str
    parts: tuple[Part, ...]

    def signal_points(self) -> str:
        """The points of each signal, as JSON."""
        return _encoder.encode({part.signal: part.points for part in self.parts}).decode()


@dataclass(slots=True)
class Batch:
    """Everything of one transaction."""

    timeline: TimelineRows = field(default_factory=TimelineRows)
    health: dict[Key, list[Moment]] = field(default_factory=dict)
    gone: set[Key] = field(default_factory=set)
    erased: dict[Key, datetime] = field(default_factory=dict)
    months: set[date] = field(default_factory=set)
    offsets: dict[tuple[str, int], int] = field(default_factory=dict)
    records: int = 0
    unreadable: int = 0


_head = msgspec.json.Decoder(Head)
_snapshot = msgspec.json.Decoder(Snapshot)
_trigger = msgspec.json.Decoder(TriggerHead)
_data = msgspec.json.Decoder(dict)
_encoder = msgspec.json.Encoder()


def read_head(raw: bytes) -> Head:
    """The envelope of a record. Raises DecodeError."""
    if b"\\u0000" in raw:  # PostgreSQL has no such character
        raw = raw.replace(b"\\u0000", b"\\ufffd")
    try:
        head = _head.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError(str(error)) from None
    if head.time.tzinfo is None or head.receivedat.tzinfo is None:
        raise DecodeError("time: expected a zone")
    return head


def add_event(batch: Batch, head: Head) -> None:
    """An event, trigger or outcome becomes a line of the timeline. Raises DecodeError."""
    try:
        if head.type.startswith("trigger."):
            kept = _trigger.decode(head.data)
            text = summarise(head.type, msgspec.structs.asdict(kept))
            body = _encoder.encode(kept)
        else:
            text = summarise(head.type, _data.decode(head.data))
            body = bytes(head.data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError(str(error)) from None
    if head.type.startswith("outreach.incident_"):
        return  # its subject is the incident: it is nobody's timeline
    if head.type == "customer.erased":
        batch.erased[head.tenant, head.subject] = head.time
    rows = batch.timeline
    rows.tenant.append(head.tenant)
    rows.customer_id.append(head.subject)
    rows.at.append(head.time)
    rows.ref.append(head.id)
    rows.type.append(head.type)
    rows.summary.append(text)
    rows.data.append(_marked(body, simulated=head.simulated))
    # A month far from its arrival is somebody's broken clock: it goes to the default partition.
    if head.receivedat - OLDEST_MONTHS <= head.time <= head.receivedat + NEWEST:
        batch.months.add(head.time.date().replace(day=1))


def add_snapshot(batch: Batch, head: Head) -> str:
    """A snapshot becomes the customer's latest health, and perhaps a point. Returns its cause."""
    try:
        snapshot = _snapshot.decode(head.data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DecodeError(str(error)) from None
    key = (head.tenant, head.subject)
    moment = Moment(
        head.time,
        snapshot.score,
        snapshot.band,
        snapshot.confidence,
        snapshot.stage,
        _marked(bytes(head.data), simulated=head.simulated),
        snapshot.contributions,
    )
    batch.gone.discard(key)
    moments = batch.health.setdefault(key, [])
    # Of neighbours that look alike only the latest is kept: it is both the state and the point.
    if len(moments) > 1 and not is_new_point(moments[-2], moments[-1]):
        moments.pop()
    moments.append(moment)
    return snapshot.cause


def add_tombstone(batch: Batch, key: bytes) -> None:
    """A customer whose health was withdrawn."""
    who = split_key(key)
    batch.health.pop(who, None)
    batch.gone.add(who)


def is_new_point(last: Moment, moment: Moment) -> bool:
    """Whether the line should bend here: the score moved, the band changed, or a day went by."""
    return (
        abs(moment.score - last.score) >= POINT_STEP
        or moment.band != last.band
        or moment.at - last.at >= POINT_EVERY
    )


def points_of(moments: Iterable[Moment]) -> list[Moment]:
    """The first, which the database compares with its last point, and those worth a bend after it."""
    kept: list[Moment] = []
    for moment in moments:
        if not kept or is_new_point(kept[-1], moment):
            kept.append(moment)
    return kept


def _marked(body: bytes, *, simulated: bool) -> str:
    """The JSON object with `simulated` in front when it is."""
    if not simulated:
        return body.decode()
    return '{"simulated":true' + ("}" if body == b"{}" else "," + body[1:].decode())
