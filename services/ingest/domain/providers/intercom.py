"""Intercom: hex HMAC-SHA1 of the body behind "sha1="; a HEAD asks whether the address is there.

What an item looks like follows the app's API version: older ones have `user` with an address, newer ones
`contacts` without. A ticket is a conversation with a state: both share their numbers, and here their events.
"""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from html import unescape
from typing import Any

from libs.events.families import relationship as tickets
from libs.events.families.relationship import TicketEvent, TicketRated
from libs.events.types import Sentiment
from services.ingest.domain import sentiment, surveys
from services.ingest.domain.people import Anchor, Person
from services.ingest.domain.plan import (
    Delivery,
    Item,
    Objects,
    Provider,
    Wanted,
    fact,
    ignore,
    unknown_topic,
)
from services.ingest.domain.providers import _intercom_people as people
from services.ingest.domain.providers._intercom_people import moment
from services.ingest.domain.reading import Node, parse_object
from services.ingest.domain.schemes import Scheme
from services.ingest.domain.sources import Source

TICKET = "intercom/conversation"
_MARKUP = re.compile(r"<[^>]{0,2000}>")
_CUSTOMERS = frozenset({"user", "lead", "contact", "visitor"})
_ROBOTS = frozenset({"bot", "operator", "fin"})
# How a conversation began that nobody wrote to us.
_SENT_BY_US = frozenset({"automated", "operator_initiated", "campaigns_initiated", "admin_initiated"})


def _items(delivery: Delivery) -> Sequence[Node]:
    return (parse_object(delivery.body),)


def _read(body: Node, delivery: Delivery, source: Source) -> Item:  # noqa: ARG001 (the plan's signature)
    topic, item = body.at("topic").text() or "", body.at("data", "item")
    if topic in _PEOPLE:
        return _PEOPLE[topic](item, body)
    if topic in _IGNORED or topic.startswith(_IGNORED_FAMILIES):
        return ignore("not_about_health")
    if topic not in _TICKETS:
        raise unknown_topic(topic)
    ticket = item.at("ticket") or item  # ticket.closed nests it
    if ticket.at("ticket_type", "is_internal").flag() or ticket.at("category").text() in _INTERNAL:
        return ignore("internal_ticket")
    return _TICKETS[topic](ticket, body)


def _whole(item: Node) -> str:
    return item.at("id").must_ref("conversation")


def _person(item: Node) -> Person:
    """The address is in `user` of older versions; newer ones tell at most that of who began."""
    anchor = Anchor(TICKET, _whole(item))
    if item.at("user"):
        return people.person_of(item.at("user"), anchor)
    contacts = item.at("contacts", "contacts") or item.at("contacts", "data")
    contact = next(contacts.each(), Node(None))
    author = item.at("source", "author")
    if author.at("type").text() in _CUSTOMERS and author.at("id").key() in {contact.at("id").key(), None}:
        first = people.person_of(author, anchor)
        return Person(
            (*people.ids_of(contact), *first.ids), (anchor,), first.email, first.phone, first.contact
        )
    return people.person_of(contact, anchor)


def _common(item: Node) -> dict[str, Any]:
    return {
        "ticket_id": _whole(item),
        "priority": "high" if item.at("priority").text() == "priority" else None,
        "channel": (item.at("source", "type") or item.at("channel")).label(),
    }


def _felt(item: Node, *texts: Node) -> Sentiment | None:
    """The shop's tags if they say something, else the words without their markup."""
    tags = {tag.at("name").label() or "" for tag in item.at("tags", "tags").each()}
    words = " ".join(_MARKUP.sub(" ", text.text() or "") for text in texts)
    return sentiment.from_tags(tags) or sentiment.classify(unescape(words))


def _part(item: Node, authors: frozenset[str] | None = None) -> Node:
    """The newest part by one of these; a delivery carries only the new ones."""
    parts = [*item.at("conversation_parts", "conversation_parts").each()]
    parts += [*item.at("ticket_parts", "ticket_parts").each()]
    fitting = [one for one in parts if authors is None or one.at("author", "type").text() in authors]
    return fitting[-1] if fitting else Node(None)


def _opened(item: Node, body: Node) -> Item:
    if _is_ours(item):
        return ignore("begun_by_us")
    begun, old, asked = item.at("source"), item.at("conversation_message"), item.at("ticket_attributes")
    texts = [begun.at("subject"), begun.at("body"), old.at("subject"), old.at("body")]
    texts += [asked.at("_default_title_"), asked.at("_default_description_")]
    said = tickets.TicketOpened(**_common(item), sentiment=_felt(item, *texts))
    time = moment(item.at("created_at"), body.at("created_at"))
    return Item(_person(item), (fact(said, time, "intercom", "conversation", _whole(item), "opened"),))


def _is_ours(item: Node) -> bool:
    """What the shop or a robot begins is no call for help, nor is what they add to it."""
    author = item.at("source", "author") or item.at("conversation_message", "author")
    begun_by = author.at("type").text()
    return item.at("source", "delivered_as").text() in _SENT_BY_US or begun_by in {"admin", *_ROBOTS}


def _replied(item: Node, body: Node) -> Item:
    part = _part(item, _CUSTOMERS)
    said = tickets.TicketCommented(**_common(item), by_customer=True, sentiment=_felt(item, part.at("body")))
    return _as_part(item, body, part, said)


def _answered(item: Node, body: Node) -> Item:
    """By a person of the shop's: no mood of the customer's, and a robot's words are nothing."""
    part = _part(item)
    if part.at("author", "type").text() in _ROBOTS:
        return ignore("bot")
    if _is_ours(item):
        return ignore("begun_by_us")
    return _as_part(item, body, part, tickets.TicketCommented(**_common(item), by_customer=False))


def _as_part(item: Node, body: Node, part: Node, said: TicketEvent) -> Item:
    number = (part.at("id") or body.at("id")).must_ref("part")
    time = moment(part.at("created_at"), body.at("created_at"))
    return Item(_person(item), (fact(said, time, "intercom", "part", number),))


def _turned(item: Node, body: Node, model: type[TicketEvent], verb: str) -> Item:
    """A change of state. State and topic tell the same change: its second makes them one event."""
    time = _changed_at(item, body)
    parts = ("intercom", "conversation", _whole(item), verb, f"{time:%Y%m%dT%H%M%S}")
    return Item(_person(item), (fact(model(**_common(item)), time, *parts),))


def _changed_at(item: Node, body: Node) -> datetime:
    return moment(_part(item).at("created_at"), item.at("updated_at"), body.at("created_at"))


def _solved(item: Node, body: Node) -> Item:
    return _turned(item, body, tickets.TicketSolved, "solved")


def _reopened(item: Node, body: Node) -> Item:
    return _turned(item, body, tickets.TicketReopened, "reopened")


def _state(item: Node, body: Node) -> Item:
    before = _part(item).at("previous_ticket_state").label()
    after = item.at("ticket_state", "category").label()
    if after == "resolved" and before != "resolved":
        return _solved(item, body)
    if before == "resolved" and after != "resolved":
        return _reopened(item, body)
    return ignore("no_change_for_the_customer")


def _prioritised(item: Node, body: Node) -> Item:
    if item.at("priority").text() != "priority":
        return ignore("no_change_for_the_customer")
    return _turned(item, body, tickets.TicketEscalated, "escalated")


def _rated(item: Node, body: Node) -> Item:
    """`created_at` of a rating is when it was asked for. Asked and not answered, it is empty."""
    rating = item.first("conversation_rating", "ticket_rating", "rating")
    stars = surveys.satisfaction(rating.at("rating") or rating)
    said = TicketRated(**_common(item), satisfaction=stars)
    time = moment(rating.at("updated_at"), body.at("created_at"))
    parts = ("intercom", "conversation", _whole(item), "rated", f"{time:%Y%m%dT%H%M%S}")
    return Item(_person(item), (fact(said, time, *parts),))


_Reader = Callable[[Node, Node], Item]  # the item and its envelope
_TICKETS: dict[str, _Reader] = {
    "conversation.user.created": _opened,
    "conversation.user.replied": _replied,
    "conversation.admin.replied": _answered,
    "conversation.operator.replied": _answered,
    "conversation.admin.closed": _solved,
    "conversation.admin.opened": _reopened,
    "conversation.priority.updated": _prioritised,
    "conversation.rating.added": _rated,
    "ticket.created": _opened,
    "ticket.contact.replied": _replied,
    "ticket.admin.replied": _answered,
    "ticket.state.updated": _state,
    "ticket.resolved": _solved,
    "ticket.closed": _solved,
    "ticket.rating.provided": _rated,
}
_KNOWN_TOPICS = """
contact.user.created contact.user.updated contact.lead.created contact.lead.updated contact.lead.signed_up
contact.lead.added_email contact.email.updated user.created user.updated user.email.updated visitor.signed_up
"""
_PEOPLE: dict[str, _Reader] = {
    **dict.fromkeys(_KNOWN_TOPICS.split(), people.known),
    "contact.merged": people.merged,
    "contact.deleted": people.deleted,
    "user.deleted": people.deleted,
    "contact.subscribed": people.subscription(consent=True),
    "contact.unsubscribed": people.subscription(consent=False),
    "user.unsubscribed": people.subscription(consent=False),
    "granular.subscribe": people.subscription(consent=True, granular=True),
    "granular.unsubscribe": people.subscription(consent=False, granular=True),
    "content_stat.email": people.message,
    "content_stat.sms": people.message,
    "content_stat.survey": people.survey,
}
_INTERNAL = frozenset({"Back-office", "Tracker"})
_IGNORED_TOPICS = """
ping contact.archived contact.attribute.updated contact.unarchive
contact.user.tag.created contact.user.tag.deleted
contact.lead.tag.created contact.lead.tag.deleted user.tag.created user.tag.deleted
conversation.admin.assigned conversation.admin.noted
conversation.admin.open.assigned conversation.admin.single.created conversation.admin.snoozed
conversation.admin.unsnoozed conversation.deleted conversation.read conversation.contact.attached
conversation.contact.detached conversation.company.updated ticket.note.created ticket.admin.assigned
ticket.team.assigned ticket.contact.attached ticket.contact.detached ticket.attribute.updated
"""
_IGNORED = frozenset(_IGNORED_TOPICS.split())
_IGNORED_FAMILIES = (
    *("company.", "admin.", "conversation_part.", "content_stat.", "event.", "job.", "api."),
    *("procedure.", "data_connector."),
)


def _as_told(_asked: Wanted, item: Node, _source: Source) -> Sequence[Item]:
    """A conversation as the API has it: opened, and solved if it is closed."""
    told = [_opened(item, Node(None))]
    if item.at("state").text() == "closed" and told[0].facts:
        told.append(_solved(item, Node(None)))
    return told


PROVIDER = Provider(
    name="intercom",
    verify=Scheme(header="x-hub-signature", algorithm="sha1", prefix="sha1=").verify,
    items=_items,
    read=_read,
    delivery_id=lambda delivery: parse_object(delivery.body).at("id").ref(),
    probes=frozenset({"HEAD"}),
    objects=Objects(
        person=lambda _asked, contact: people.person_of(contact),
        read=_as_told,
        people=people.CONTACT,
        listed="conversation",
        recognised=frozenset({"ticket.opened"}),  # deliveries date a close by its part, which no list carries
    ),
)
