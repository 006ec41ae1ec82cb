"""CloudEvents 1.0, structured JSON, with the attributes every service of ours relies on."""

from datetime import datetime
from typing import Generic, Literal, TypeVar

from libs.events.errors import UnknownTypeError
from libs.events.ids import message_key
from libs.events.registry import TYPES, VERSIONS
from libs.events.types import EventId, Frozen, Instant, Label, Reference, Subject, Tenant

D = TypeVar("D", bound=Frozen)


def schema_uri(event_type: str, version: int | None = None) -> str:
    """The `dataschema` of a type: a name, not a place on the network."""
    return f"urn:greenline:{event_type}:{version or VERSIONS.get(event_type, 1)}"


class Envelope(Frozen, Generic[D]):
    """One fact about one customer. `time` is when it happened, `receivedat` when we learned of it."""

    specversion: Literal["1.0"] = "1.0"
    id: EventId
    source: Reference
    type: Label
    subject: Subject
    time: Instant
    tenant: Tenant
    receivedat: Instant
    dataschema: Reference
    traceparent: Reference | None = None
    backfill: bool = False
    simulated: bool = False
    data: D

    @property
    def key(self) -> bytes:
        return message_key(self.tenant, self.subject)


AnyEvent = Envelope[Frozen]


def build(  # the one way to make an event
    data: Frozen,
    *,
    id: str,  # noqa: A002 (CloudEvents' own attribute name)
    source: str,
    tenant: str,
    subject: str,
    time: datetime,
    receivedat: datetime,
    traceparent: str | None = None,
    backfill: bool = False,
    simulated: bool = False,
) -> AnyEvent:
    """An envelope around `data`; the type follows from the model.

    Raises UnknownTypeError for a model that is not registered, pydantic's ValidationError otherwise.
    """
    event_type = TYPES.get(type(data))
    if event_type is None:
        raise UnknownTypeError(f"{type(data).__name__} is not in libs.events.registry")
    return AnyEvent(
        id=id,
        source=source,
        type=event_type,
        subject=subject,
        time=time,
        tenant=tenant,
        receivedat=receivedat,
        dataschema=schema_uri(event_type),
        traceparent=traceparent,
        backfill=backfill,
        simulated=simulated,
        data=data,
    )
