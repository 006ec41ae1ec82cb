"""Events as POST /v1/events takes them: our own types, said plainly. All that is wrong is told at once."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, NamedTuple

import msgspec
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from libs.events import CUSTOMER_EVENT_TYPES, event_id
from libs.events.types import Frozen, Instant
from services.ingest.domain.errors import NotUnderstoodError, UnparsableError
from services.ingest.domain.limits import check
from services.ingest.domain.people import Anchor, Person, claim_of
from services.ingest.domain.plan import Fact, Item
from services.ingest.domain.reading import NO_CONTROLS, holds_controls
from services.ingest.domain.sources import Source

MOST_EVENTS = 1_000  # of one request
MOST_FAULTS = 100  # told of one request
# Outreach speaks for itself, and merging or erasing is decided here, not by a sender.
OPEN_TYPES = {
    name: model
    for name, model in CUSTOMER_EVENT_TYPES.items()
    if not name.startswith("outreach.") and name not in {"customer.merged", "customer.erased"}
}


_NAMING = ("id", "email", "phone")


class Fault(NamedTuple):
    """What is wrong with one field of one element."""

    element: int
    field: str
    reason: str


class InvalidEventsError(NotUnderstoodError):
    """Some of the events cannot be used, so none was taken."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        first = faults[0]
        super().__init__("invalid_events", f"element {first.element}: {first.field}: {first.reason}")
        self.faults = faults


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class CustomerIn(_Plain):
    """Who it is about: at least one of id, email and phone. Contact details go to the profile alone."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": [one]} for one in _NAMING]})

    id: Annotated[str, Field(min_length=1, max_length=128, pattern=NO_CONTROLS)] | None = Field(
        None, description="Your own number of the customer", examples=["7001"]
    )
    email: Annotated[str, Field(max_length=320)] | None = Field(None, examples=["ada@shopper.example"])
    phone: Annotated[str, Field(max_length=40)] | None = Field(None, examples=["+49 30 5550101"])
    name: Annotated[str, Field(max_length=200)] | None = Field(None, examples=["Ada Byron"])
    locale: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:+-]{1,64}$")] | None = None
    timezone: Annotated[str, Field(max_length=64)] | None = None
    email_consent: bool | None = None
    sms_consent: bool | None = None


class EventIn(_Plain):
    """One fact about one customer."""

    type: str = Field(description="One of customer.events' types", examples=["order.placed"])
    time: Instant = Field(
        description="When it happened: RFC 3339 with a zone",
        examples=["2026-01-31T12:00:00Z"],
        json_schema_extra={"format": "date-time"},
    )
    customer: CustomerIn
    data: dict[str, Any] = Field(description="What happened: the model of that type")
    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,128}$")] | None = Field(
        None, description="Yours: the same id is the same event, whatever request brings it"
    )


def read_events(body: bytes, key: str, source: Source, now: datetime, max_amount: int) -> list[Item]:
    """All elements of a body. Raises UnparsableError, InvalidEventsError."""
    faults: list[Fault] = []
    items: list[Item] = []
    for number, element in enumerate(_elements(body)):
        try:
            items.append(_item(element, event_id("api", source.name, key, str(number)), source))
            check(items[-1].facts[0], now, max_amount)
        except ValidationError as error:
            faults += _told(error, number)
        except _FaultError as error:
            faults.append(Fault(number, error.field, error.reason))
        except NotUnderstoodError as error:
            field = "time" if error.reason == "absurd_date" else "data"
            faults.append(Fault(number, field, error.detail))
        if len(faults) >= MOST_FAULTS:
            break
    if faults:
        raise InvalidEventsError(faults[:MOST_FAULTS])
    return items


class _FaultError(Exception):
    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field, self.reason = field, reason


def _elements(body: bytes) -> list[Any]:
    """One event, or those under `events`."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UnparsableError(f"not JSON: {error}") from None
    except RecursionError:
        raise UnparsableError("not JSON we accept: nested too deeply") from None
    if not isinstance(found, dict):
        raise UnparsableError('expected an event, or {"events": [...]}')
    if "events" not in found:
        return [found]
    events = found["events"]
    if not isinstance(events, list) or len(found) > 1:
        raise UnparsableError('"events" must be a list, and stand alone')
    if not 1 <= len(events) <= MOST_EVENTS:
        raise UnparsableError(f"a request takes 1 to {MOST_EVENTS} events")
    return events


def _item(element: Any, number: str, source: Source) -> Item:
    given = EventIn.model_validate_json(_bytes(element))
    model = OPEN_TYPES.get(given.type)
    if model is None:
        closed = given.type in CUSTOMER_EVENT_TYPES
        raise _FaultError("type", "not for senders" if closed else "not one of customer.events' types")
    data = _data(given.data, model)
    person = _person(given.customer, data, source)
    if not claim_of(person, source).identifiers:
        raise _FaultError("customer", "needs an id, an e-mail address or a phone number that can be one")
    return Item(person, (Fact(event_id("api", given.id) if given.id else number, data, given.time),))


def _data(given: Mapping[str, Any], model: type[Frozen]) -> Frozen:
    unknown = next((name for name in given if name not in model.model_fields), None)
    if unknown is not None:
        raise _FaultError(
            f"data.{unknown[:64]}", f"no field of this type; it has {', '.join(model.model_fields)}"
        )
    try:
        data = model.model_validate_json(_bytes(given))
    except ValidationError as error:
        first = next(iter(_told(error, 0, "data")))
        raise _FaultError(first.field, first.reason) from None
    encoded = data.model_dump_json()
    if "@" in encoded:
        raise _FaultError("data", "an e-mail address belongs under customer")
    if holds_controls(encoded):
        raise _FaultError("data", "no text of it may have control characters")
    return data


def _bytes(value: Any) -> bytes:
    return msgspec.json.encode(value)


def _told(error: ValidationError, element: int, *parents: str) -> Iterator[Fault]:
    """Without the value that was sent: it may be somebody's address."""
    for one in error.errors(include_url=False, include_input=False, include_context=False):
        field = ".".join(map(str, (*parents, *one["loc"])))
        yield Fault(element, field[:200] or "event", one["msg"])


def _person(named: CustomerIn, data: Frozen, source: Source) -> Person:
    order, amount = getattr(data, "order_id", None), getattr(data, "amount", None)
    detail = f"{amount} {getattr(data, 'currency', None) or source.currency}" if _is_order(data) else None
    contact = named.model_dump(include={"name", "locale", "timezone", "email_consent", "sms_consent"})
    return Person(
        ids=((f"{source.provider}.customer", named.id),),
        anchors=(Anchor(f"{source.provider}/order", order, detail),) if order else (),
        email=named.email,
        phone=named.phone,
        contact=contact,
    )


def _is_order(data: Frozen) -> bool:
    """Orders are remembered with their amount, so that a refund need not repeat it."""
    return isinstance(data, CUSTOMER_EVENT_TYPES["order.placed"])
