"""Gorgias' HTTP integrations: nothing is signed, and the body is a template of the shop's.

A secret in a header of the integration proves the sender. A body is a ticket or a message as Gorgias has it,
whole or in the parts that docs/providers.md shows; templates make text of every value, and "None" of nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from libs.events.families import relationship as tickets
from libs.events.families.relationship import SurveyAsked, TicketRated
from libs.events.types import Sentiment
from services.ingest.domain import sentiment, surveys
from services.ingest.domain.errors import NotUnderstoodError
from services.ingest.domain.people import Anchor, Person
from services.ingest.domain.plan import (
    FORM,
    JSON,
    Delivery,
    Fact,
    Item,
    Objects,
    Provider,
    Wanted,
    fact,
    ignore,
    unknown_topic,
)
from services.ingest.domain.reading import Node
from services.ingest.domain.schemes import Scheme
from services.ingest.domain.sources import Source

CUSTOMER, EXTERNAL, TICKET = "gorgias.customer", "gorgias.external", "gorgias/ticket"
TOKEN = "x-greenline-token"
_EMPTY = frozenset({"none", "null"})  # what a template makes of nothing
_PRIORITIES: dict[str | None, Literal["low", "normal", "high", "urgent"]] = {
    "low": "low",
    "normal": "normal",
    "high": "high",
    "urgent": "urgent",
    "critical": "urgent",
}


def _items(delivery: Delivery) -> Sequence[Node]:
    return (Node(_filled(delivery.document().raw)),)


def _filled(raw: Any, levels: int = 4) -> Any:
    """A document without the words that templates put where there is nothing; a template's is not deep."""
    if isinstance(raw, dict) and levels:
        return {name: _filled(value, levels - 1) for name, value in raw.items()}
    return None if isinstance(raw, str) and raw.strip().lower() in _EMPTY else raw


def _read(body: Node, delivery: Delivery, source: Source) -> Item:  # noqa: ARG001 (the plan's signature)
    """The topic is where the shop put it, in the body or the address. Without one, the state tells."""
    named = body.at("event").label() or Node(delivery.query.get("event")).label()
    topic = (named or "").replace("_", "-")
    if topic in _IGNORED:
        return ignore("not_about_health")
    ticket = body.at("ticket") or body
    if topic == "ticket-message-created" or (not topic and body.at("ticket_id")):
        return _message(body.at("message") or ticket.at("last_message") or body, body.at("ticket"))
    if topic not in _FACTS or not (topic or ticket.at("status")):
        raise unknown_topic(topic)
    if ticket.at("spam").flag():
        return ignore("spam")
    number = ticket.at("id").must_ref("ticket")
    facts = tuple(one for make in _FACTS[topic] for one in make(ticket, number))
    return (
        Item(_person(ticket.at("customer"), number), facts) if facts else ignore("no_change_for_the_customer")
    )


def _person(customer: Node, ticket: str | None = None) -> Person:
    names = [customer.at("firstname").text(), customer.at("lastname").text()]
    name = customer.at("name").text() or " ".join(part for part in names if part)
    return Person(
        ids=((CUSTOMER, customer.at("id").key()), (EXTERNAL, customer.at("external_id").key())),
        anchors=(Anchor(TICKET, ticket),) if ticket else (),
        email=customer.at("email").text(),
        contact={"name": name[:200] or None},
    )


def _time(node: Node, *names: str) -> datetime:
    """Gorgias' clock is UTC, also where a time does not say so."""
    found = node.first(*names).instant(names[0], UTC)
    if found is None:
        raise NotUnderstoodError("missing_date", f"{names[0]} is missing")
    return found


def _common(ticket: Node, number: str) -> dict[str, Any]:
    return {
        "ticket_id": number,
        "priority": _PRIORITIES.get(ticket.at("priority").label()),
        "channel": ticket.at("channel").label(),
    }


def _felt(ticket: Node, message: Node) -> Sentiment | None:
    """Tags of the shop's first, then Gorgias' own reading of the message, then the words."""
    marks = [*ticket.at("tags").each(), *message.at("sentiments").each()]
    said = {(mark.at("name") or mark).label() or "" for mark in marks}
    words = message.first("stripped_text", "body_text").text()
    return sentiment.from_tags(said) or sentiment.classify(words)


def _opened(ticket: Node, number: str) -> Iterator[Fact]:
    first = ticket.first("first_message", "last_message")
    if _is_ours(ticket):
        return
    said = tickets.TicketOpened(**_common(ticket, number), sentiment=_felt(ticket, first))
    yield fact(said, _time(ticket, "created_datetime"), "gorgias", "ticket", number, "opened")


def _is_ours(ticket: Node) -> bool:
    """What the shop begins (a notice, a campaign) is no call for help, nor is what it adds to that."""
    return (ticket.at("from_agent") or ticket.at("first_message", "from_agent")).flag() is True


def _closed(ticket: Node, number: str) -> Iterator[Fact]:
    if ticket.at("status").label() == "closed":
        time = _time(ticket, "closed_datetime", "updated_datetime")
        said = tickets.TicketSolved(**_common(ticket, number))
        yield fact(said, time, "gorgias", "ticket", number, "solved", f"{time:%Y%m%dT%H%M%S}")


def _reopened(ticket: Node, number: str) -> Iterator[Fact]:
    """A status that changed to open was closed before: there are only these two."""
    if ticket.at("status").label() == "open":
        time = _time(ticket, "updated_datetime")
        said = tickets.TicketReopened(**_common(ticket, number))
        yield fact(said, time, "gorgias", "ticket", number, "reopened", f"{time:%Y%m%dT%H%M%S}")


def _rated(ticket: Node, number: str) -> Iterator[Fact]:
    survey = ticket.at("satisfaction_survey")
    if survey.at("sent_datetime"):
        asked = SurveyAsked(survey_id=number, kind="csat")
        yield fact(asked, _time(survey, "sent_datetime"), "gorgias", "survey", number, "asked")
    if survey.at("score"):
        stars = surveys.satisfaction(survey.at("score"))
        rated = TicketRated(**_common(ticket, number), satisfaction=stars)
        time = survey.first("scored_datetime").instant("scored_datetime", UTC) or _time(
            ticket, "updated_datetime"
        )
        yield fact(rated, time, "gorgias", "survey", number, "rated", str(stars))


def _message(message: Node, ticket: Node) -> Item:
    if message.at("public").flag() is False or message.at("channel").label() == "internal-note":
        return ignore("internal_note")
    if _is_automatic(message):
        return ignore("automatic_reply")
    number = (message.at("ticket_id") or ticket.at("id")).must_ref("ticket of the message")
    by_customer = message.at("from_agent").flag() is not True
    if not by_customer and _is_ours(ticket):
        return ignore("begun_by_us")
    common = _common(ticket, number) | {"channel": (message.at("channel") or ticket.at("channel")).label()}
    felt = _felt(ticket, message) if by_customer else None
    said = tickets.TicketCommented(**common, by_customer=by_customer, sentiment=felt)
    customer = ticket.at("customer") or message.at("sender" if by_customer else "receiver")
    time = _time(message, "created_datetime", "sent_datetime")
    event = fact(said, time, "gorgias", "message", message.at("id").must_ref("message"))
    return Item(_person(customer, number), (event,))


def _is_automatic(message: Node) -> bool:
    """An absence notice or a rule's message: nobody wrote it. RFC 3834 marks the one, Gorgias the other."""
    headers = message.at("headers").raw
    found = {name.lower(): value for name, value in headers.items()} if isinstance(headers, dict) else {}
    marked = Node(found.get("auto-submitted")).label() not in {None, "no"}
    return marked or bool(message.at("rule_id"))


def _as_told(_asked: Wanted, ticket: Node, _source: Source) -> Sequence[Item]:
    """A ticket as the API has it: all that its state says."""
    if ticket.at("spam").flag():
        return ()
    number = ticket.at("id").must_ref("ticket")
    facts = tuple(one for make in _FACTS[""] for one in make(ticket, number))
    return (Item(_person(ticket.at("customer"), number), facts),) if facts else ()


_Maker = Callable[[Node, str], Iterator[Fact]]
_FACTS: dict[str, tuple[_Maker, ...]] = {
    "ticket-created": (_opened,),
    "ticket-updated": (_closed, _rated),
    "ticket-status-updated": (_closed, _reopened, _rated),
    "": (_opened, _closed, _rated),
}
# An assignment is the shop's own affair; so is handing over from its robot to its people.
_IGNORED = frozenset({"ticket-assignment-updated", "ticket-handed-over", "ticket-self-unsnoozed"})

PROVIDER = Provider(
    name="gorgias",
    verify=Scheme(header=TOKEN, algorithm="token").verify,
    items=_items,
    read=_read,
    content_types=frozenset({JSON, FORM}),
    objects=Objects(
        person=lambda _asked, customer: _person(customer),
        read=_as_told,
        people=CUSTOMER,
        listed="ticket",
    ),
)
