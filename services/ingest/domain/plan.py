"""The plan of a provider file: what each of them says about its deliveries, and nothing else.

A provider is one file in services/ingest/domain/providers with a constant PROVIDER; it is found by its name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from libs.events import event_id
from libs.events.types import Frozen
from services.ingest.domain.errors import NotUnderstoodError
from services.ingest.domain.people import Person
from services.ingest.domain.reading import Node
from services.ingest.domain.sources import Secrets, Source

JSON_TYPES = frozenset({"application/json"})


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request as it came: header names in lower case, the body's bytes untouched."""

    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, str] = field(default_factory=dict)
    """Parameters of the URL: written by whoever set the webhook up, covered by no signature."""

    def header(self, name: str) -> str | None:
        return self.headers.get(name)


@dataclass(frozen=True, slots=True)
class Fact:
    """One event about the person: a model of libs.events. `time` None: when we received it."""

    id: str
    data: Frozen
    time: datetime | None


@dataclass(frozen=True, slots=True)
class PrivacyRequest:
    """A request that the law makes us honour. `reference` is the provider's own id of it."""

    kind: Literal["data_request", "redact_customer", "redact_shop"]
    reference: str


@dataclass(frozen=True, slots=True)
class Item:
    """What one element of a delivery says. `ignored`: understood, but says nothing about health."""

    person: Person = field(default_factory=Person)
    facts: tuple[Fact, ...] = ()
    request: PrivacyRequest | None = None
    ignored: str | None = None
    customer_required: bool = True
    """Whether a delivery without any identifier is a dead letter; else it is ignored as anonymous."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer given before verification, for unsigned pings and probes."""

    status: int
    body: str = ""


@dataclass(frozen=True, slots=True)
class Provider:
    """Six small answers about one provider. Each function is pure and raises domain errors only."""

    name: str
    verify: Callable[[Delivery, Secrets, float], None]
    """Over the raw bytes; the float is wall time. Raises UnverifiedError."""
    items: Callable[[Delivery], Sequence[Node]]
    """The elements of a verified delivery (one, unless the provider batches). Raises UnparsableError."""
    read: Callable[[Node, Delivery, Source], Item]
    """One element to what it says. Raises NotUnderstoodError."""
    delivery_id: Callable[[Delivery], str | None] = lambda _: None
    handshake: Callable[[Delivery], Answer | None] = lambda _: None
    content_types: frozenset[str] = JSON_TYPES


def ignore(reason: str) -> Item:
    """Understood, and of no interest."""
    return Item(ignored=reason)


def unknown_topic(topic: str | None) -> NotUnderstoodError:
    """For a topic this provider file does not map: a code of its own, unless it could be an address."""
    shown = (topic or "none")[:80]
    is_code = shown.isprintable() and "@" not in shown
    return NotUnderstoodError("unknown_topic", f"topic {shown if is_code else 'that is none'}")


def fact(data: Frozen, time: datetime | None, *id_parts: str) -> Fact:
    """An event whose id is the source object and its transition."""
    return Fact(event_id(*id_parts), data, time)
