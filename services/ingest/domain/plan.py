"""The plan of a provider file: what each of them says about its deliveries, and nothing else.

A provider is one file in services/ingest/domain/providers with a constant PROVIDER; it is found by its name.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from libs.events import event_id
from libs.events.types import Frozen
from services.ingest.domain.errors import NotUnderstoodError
from services.ingest.domain.people import Person
from services.ingest.domain.reading import Node, parse_form, parse_object
from services.ingest.domain.sources import Secrets, Source

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
_CODE = re.compile(r"[\w.:/$*-]+", re.ASCII)  # of topics: no spaces, no @

JSON_TYPES = frozenset({JSON})
CLOSED = ("outreach.", "customer.merged", "customer.erased")
"""Types of ours that no sender may use: outreach speaks for itself, merging and erasing are decided here."""


# What is made for every delivery is a struct: a frozen dataclass costs ten times as much to make.
class Delivery(msgspec.Struct, frozen=True):
    """One request as it came: header names in lower case, the body's bytes untouched."""

    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Of the address, covered by no signature: a topic it does not name, a token if it signs nothing."""

    def header(self, name: str) -> str | None:
        return self.headers.get(name)

    def document(self) -> Node:
        """The body as one object, JSON or a form as its content type says. Raises UnparsableError."""
        return (
            parse_form(self.body)
            if media_type(self.header("content-type")) == FORM
            else parse_object(self.body)
        )


def media_type(content_type: str | None) -> str:
    """Without parameters such as charset, which do not matter here."""
    return (content_type or "").partition(";")[0].strip().lower()


class Fact(msgspec.Struct, frozen=True):
    """One event about the person: a model of libs.events. `time` None: when we received it."""

    id: str
    data: Frozen
    time: datetime | None
    sent: datetime | None = None
    """When the message that it is about went out, where the provider says so."""


@dataclass(frozen=True, slots=True)
class PrivacyRequest:
    """A request that the law makes us honour. `reference` is the provider's own id of it."""

    kind: Literal["data_request", "redact_customer", "redact_shop"]
    reference: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """An object that a payload names and does not carry, to be asked of the provider's API by its number."""

    what: str
    """Our word for its kind: customer, order, refund, cart ..."""
    id: str
    about: str = ""
    """What happened to it, or which part of it is meant, where reading it depends on that."""
    whole: bool = False
    """Whether there is nothing to say without it; else only whose it is is asked, and only of strangers."""


class Item(msgspec.Struct, frozen=True):
    """What one element of a delivery says. `ignored`: understood, but says nothing about health."""

    person: Person = Person()
    facts: tuple[Fact, ...] = ()
    request: PrivacyRequest | None = None
    ignored: str | None = None
    customer_required: bool = True
    """Whether a delivery without any identifier is a dead letter; else it is ignored as anonymous."""
    wants: Wanted | None = None
    """What was left out, if it is not simply who has the number (see `wanted`)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer given before verification, for unsigned pings and probes."""

    status: int
    body: str = ""


def _nothing(_wanted: Wanted, _body: Node, _source: Source) -> Sequence[Item]:
    return ()


@dataclass(frozen=True, slots=True)
class Objects:
    """What the API of a provider answers, read: for thin payloads, and for what never arrived.

    `docs/providers.md` says what is lost without a key.
    """

    person: Callable[[Wanted, Node], Person]
    """Whose an object is, with the contact details it carries."""
    read: Callable[[Wanted, Node, Source], Sequence[Item]] = _nothing
    """What the deliveries about the object would have said, in their order and under the same ids.

    The first anchor of each is the object. Raises NotUnderstoodError.
    """
    people: str | None = None
    """The kind of identifier by which the API finds a customer."""
    listed: str | None = None
    """What the API lists, by the time of its last change."""
    recognised: frozenset[str] | None = None
    """The types of events that have the ids of deliveries when read from the API; None: all."""


@dataclass(frozen=True, slots=True)
class Provider:
    """A few small answers about one provider. Each function is pure and raises domain errors only."""

    name: str
    verify: Callable[[Delivery, Secrets, float], None]
    """Over the raw bytes; the float is wall time. Raises UnverifiedError."""
    items: Callable[[Delivery], Sequence[Node]]
    """The elements of a verified delivery (one, unless the provider batches). Raises UnparsableError."""
    read: Callable[[Node, Delivery, Source], Item]
    """One element to what it says. Raises NotUnderstoodError."""
    secret_fault: Callable[[str], str | None] = lambda _: None
    """Why a secret can be none of this provider's, without repeating it: no signature would ever match."""
    delivery_id: Callable[[Delivery], str | None] = lambda _: None
    handshake: Callable[[Delivery], Answer | None] = lambda _: None
    content_types: frozenset[str] = JSON_TYPES
    probes: frozenset[str] = frozenset()
    """Methods besides POST, answered 200 and nothing more: how it looks whether the address is there."""
    busy: int = 429
    """The answer to more than is taken; 503 where a provider would drop the delivery for a 429."""
    objects: Objects | None = None
    topics: tuple[str, ...] = ()
    """What should be subscribed to, where the provider deletes subscriptions and its API makes them."""


def wanted(item: Item, objects: Objects | None) -> Wanted | None:
    """What this leaves out: what it says it does, or who has a number that comes without an address."""
    person = item.person
    if item.wants or objects is None or item.ignored or item.request or person.email or person.phone:
        return item.wants
    numbers = (value for kind, value in person.ids if kind == objects.people and value)
    return next((Wanted("customer", number) for number in numbers), None)


def ignore(reason: str) -> Item:
    """Understood, and of no interest."""
    return Item(ignored=reason)


def unknown_topic(topic: str | None) -> NotUnderstoodError:
    """For a topic this provider file does not map: shown if it is a code, not what somebody typed."""
    shown = (topic or "none")[:80]
    return NotUnderstoodError("unknown_topic", f"topic {shown if _CODE.fullmatch(shown) else 'that is none'}")


def fact(data: Frozen, time: datetime | None, *id_parts: str, sent: datetime | None = None) -> Fact:
    """An event whose id is the source object and its transition."""
    return Fact(event_id(*id_parts), data, time, sent)
