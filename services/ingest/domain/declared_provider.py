"""A checked declaration as a provider: the plan's answers, read off the file."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from libs.events import CUSTOMER_EVENT_TYPES
from libs.events.families.commerce import OrderPlaced
from libs.events.types import Frozen
from services.ingest.domain.declared import EventSpec, FieldSpec, HeaderSpec, ProviderSpec, is_path, steps
from services.ingest.domain.errors import NotUnderstoodError, UnparsableError
from services.ingest.domain.fields import kinds_of, time_of, value_of
from services.ingest.domain.people import Anchor, Person
from services.ingest.domain.plan import (
    FORM,
    JSON,
    Delivery,
    Item,
    PrivacyRequest,
    Provider,
    fact,
    ignore,
    unknown_topic,
)
from services.ingest.domain.reading import Node, parse_form, parse_json
from services.ingest.domain.sources import Source

_MAX_ELEMENTS = 5_000  # of a batch; about 2 MB of the smallest events there are
# Objects that later deliveries name without their customer.
_OBJECTS = ("order", "return", "ticket", "subscription", "checkout")


def provider_of(spec: ProviderSpec) -> Provider:
    """The provider that a file without problems declares."""
    reader = _Declared(spec)
    return Provider(
        name=spec.name,
        verify=spec.verifier.verify,
        secret_fault=spec.verifier.secret_fault,
        items=reader.items,
        read=reader.read,
        content_types=frozenset({FORM if spec.body == "form" else JSON}),
        probes=frozenset(spec.probes),
    )


def at(node: Node, path: str | None) -> Node:
    """What stands at a path; nothing if there is no path."""
    found = node if path else Node(None)
    for step in steps(path or ""):
        if isinstance(step, str):
            found = found.at(step)
        else:
            found = Node(found.raw[step] if isinstance(found.raw, list) and step < len(found.raw) else None)
    return found


class _Declared:
    """The readers of one file."""

    def __init__(self, spec: ProviderSpec) -> None:
        self._spec = spec
        self._zone = UTC if spec.naive_times == "utc" else None

    def items(self, delivery: Delivery) -> Sequence[Node]:
        body = parse_form(delivery.body) if self._spec.body == "form" else parse_json(delivery.body)
        if self._spec.items is None:
            if not isinstance(body.raw, dict):
                raise UnparsableError("expected a JSON object")
            return (body,)
        found = at(body, self._spec.items)
        if not isinstance(found.raw, list):
            raise UnparsableError(f"expected a list at {self._spec.items}")
        if len(found.raw) > _MAX_ELEMENTS:
            raise UnparsableError(f"more than {_MAX_ELEMENTS} elements in one delivery")
        return [*found.each()]

    def read(self, body: Node, delivery: Delivery, source: Source) -> Item:  # noqa: ARG002 (the plan's)
        topic = self._topic(body, delivery)
        if topic in self._spec.ignore:
            return ignore("declared")
        if topic in self._spec.erase:
            return self._erasure(body)
        declared = self._spec.events.get(topic)
        if declared is None:
            raise unknown_topic(topic)
        numbers = [at(body, path).must_ref(path) for path in declared.id]
        data = self._data(body, declared)
        event = fact(data, self._time(body, declared), self._spec.name, declared.event, *numbers)
        return Item(self._person(body, self._objects(data)), (event,))

    def _topic(self, body: Node, delivery: Delivery) -> str:
        where = self._spec.topic
        if isinstance(where, HeaderSpec):
            return (delivery.header(where.header.lower()) or "").strip()
        return at(body, where).text() or ""

    def _time(self, body: Node, declared: EventSpec) -> datetime | None:
        if declared.time is None:
            return None
        found = time_of(at(body, declared.time), self._zone)
        if found is None:
            raise NotUnderstoodError("missing_date", f"nothing is at {declared.time}")
        return found

    def _data(self, body: Node, declared: EventSpec) -> Frozen:
        model = CUSTOMER_EVENT_TYPES[declared.event]
        kinds = kinds_of(model)
        read = {name: self._value(body, kinds[name], value) for name, value in declared.fields.items()}
        return model.model_validate({name: value for name, value in read.items() if value is not None})

    def _value(self, body: Node, kind: Any, said: str | int | bool | FieldSpec) -> Any:
        if isinstance(said, FieldSpec):
            found = at(body, said.path)
            translated = said.values.get(found.text() or "", said.values.get(found.integer() or 0))
            return value_of(kind, Node(translated))
        return value_of(kind, at(body, str(said)) if is_path(said) else Node(said), self._zone)

    def _objects(self, data: Frozen) -> tuple[Anchor, ...]:
        found = [(what, getattr(data, f"{what}_id", None)) for what in _OBJECTS]
        priced = f"{data.amount} {data.currency}" if isinstance(data, OrderPlaced) else None
        return tuple(
            Anchor(f"{self._spec.name}/{what}", number, priced if what == "order" else None)
            for what, number in found
            if number
        )

    def _person(self, body: Node, objects: tuple[Anchor, ...] = ()) -> Person:
        who = self._spec.person
        return Person(
            ids=((f"{self._spec.name}.customer", at(body, who.id).key()),),
            anchors=objects,
            email=at(body, who.email).text(),
            phone=at(body, who.phone).text(),
            contact={"name": (at(body, who.name).text() or "")[:200] or None},
        )

    def _erasure(self, body: Node) -> Item:
        who = self._spec.person
        named = [at(body, path) for path in (who.id, who.email, who.phone)]
        reference = next((node.ref() for node in named if node.ref()), None)
        if reference is None:
            raise NotUnderstoodError("missing_customer", "an erasure of nobody")
        return Item(self._person(body), request=PrivacyRequest("redact_customer", reference))
