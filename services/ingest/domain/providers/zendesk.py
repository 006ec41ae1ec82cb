"""Zendesk: base64 HMAC-SHA256 of timestamp and body; event subscriptions or an administrator's own template.

Ticket events name a requester's number and no address: who that is comes from user events, from a template
with the address in it, or later from enrichment.
"""

from collections.abc import Sequence
from typing import Any, Literal

from libs.events.families import relationship as tickets
from libs.events.families.relationship import SurveyAsked, TicketEvent, TicketRated
from libs.events.types import Frozen, Sentiment
from services.ingest.domain import sentiment, signatures
from services.ingest.domain.errors import NotUnderstoodError
from services.ingest.domain.people import Anchor, Person
from services.ingest.domain.plan import Delivery, Item, Objects, Provider, Wanted, fact, ignore, unknown_topic
from services.ingest.domain.reading import Node, parse_object
from services.ingest.domain.sources import Secrets, Source

REQUESTER = "zendesk.requester"
EXTERNAL = "zendesk.external"
TICKET = "zendesk/ticket"
_PREFIX = "zen:event-type:"
_OPEN, _DONE = frozenset({"new", "open", "pending", "hold"}), frozenset({"solved", "closed"})
_PRIORITIES = frozenset({"low", "normal", "high", "urgent"})

Priority = Literal["low", "normal", "high", "urgent"]


def _verify(delivery: Delivery, secrets: Secrets, wall: float) -> None:
    header = "x-zendesk-webhook-signature"
    given = signatures.require(delivery.header(header), header)
    stamp = signatures.require(delivery.header(f"{header}-timestamp"), f"{header}-timestamp")
    signed = stamp.encode() + delivery.body
    signatures.check([given], secrets, lambda key: signatures.base64_hmac(key.encode(), signed))
    signatures.check_fresh(signatures.iso_time(stamp), wall)


def _items(delivery: Delivery) -> Sequence[Node]:
    return (parse_object(delivery.body),)


def _read(body: Node, delivery: Delivery, source: Source) -> Item:  # noqa: ARG001 (the plan's signature)
    topic = body.at("type").text() or ""
    if not topic.startswith(_PREFIX):
        return _from_template(body)
    family, _, action = topic.removeprefix(_PREFIX).partition(".")
    if family == "user":
        return _user(body)
    if family != "ticket":
        raise unknown_topic(topic)
    if action in _IGNORED:
        return ignore("not_about_health")
    if action in _DELETED:
        return _deleted(body)
    data = _ticket_event(body, action)
    if data is None:
        return ignore("no_change_for_the_customer")
    ticket = body.at("detail", "id").must_ref("ticket")
    ids = ("ticket", ticket, "opened") if action == "created" else ("event", _event(body))
    return Item(_requester(body.at("detail"), ticket), (fact(data, _time(body), "zendesk", *ids),))


def _deleted(body: Node) -> Item:
    """A ticket that is gone is no open trouble. It makes nobody known: whose it was has been told, or it is
    nothing to us.
    """
    detail = body.at("detail")
    event = fact(tickets.TicketSolved(**_common(detail)), _time(body), "zendesk", "event", _event(body))
    anchor = Anchor(TICKET, detail.at("id").must_ref("ticket"))
    return Item(Person(anchors=(anchor,)), (event,), customer_required=False)


def _event(body: Node) -> str:
    return body.at("id").must_ref("event")


def _time(body: Node) -> Any:
    return _at(body, "time")


def _at(node: Node, name: str) -> Any:
    found = node.at(name).instant(name)
    if found is None:
        raise NotUnderstoodError("missing_date", f"{name} is missing")
    return found


def _requester(detail: Node, ticket: str) -> Person:
    named = detail.at("requester")
    return Person(
        ids=(
            (REQUESTER, (detail.at("requester_id") or named.at("id")).key()),
            (EXTERNAL, named.at("external_id").key()),
        ),
        anchors=(Anchor(TICKET, ticket),),
        email=named.at("email").text(),
        phone=named.at("phone").text(),
        contact={"name": _name(named)},
    )


def _name(named: Node) -> str | None:
    return (named.at("name").text() or "")[:200] or None


def _user(body: Node) -> Item:
    """An end user with an address: this is what makes a requester's number somebody."""
    detail = body.at("detail")
    if detail.at("role").text() not in {"end-user", "end_user", None}:
        return ignore("staff")
    person = Person(
        ids=((REQUESTER, detail.at("id").key()), (EXTERNAL, detail.at("external_id").key())),
        email=detail.at("email").text(),
        phone=detail.at("phone").text(),
        contact={"name": _name(detail)},
    )
    return Item(person)


def _ticket_event(body: Node, action: str) -> Frozen | None:
    """The event of one ticket topic; None if it changes nothing for the customer."""
    detail, event = body.at("detail"), body.at("event")
    common = _common(detail)
    if action == "created":
        words = [detail.at("subject").text(), detail.at("description").text()]
        return tickets.TicketOpened(**common, sentiment=_sentiment(detail, " ".join(filter(None, words))))
    if action == "comment_added":
        return _commented(detail, event.at("comment"), common)
    if action == "status_changed":
        model = _by_status(event.at("previous").label(), event.at("current").label())
        return model(**common) if model else None
    if action == "priority_changed":
        urgent = event.at("current").label() in {"high", "urgent"}
        return tickets.TicketEscalated(**common) if urgent else None
    if action in {"csat_received", "csat_rated"}:
        score = event.at("satisfaction_score").first("score", "value") or event.at("current")
        return TicketRated(**common, satisfaction=_satisfaction(score))
    if action == "csat_requested":
        return SurveyAsked(survey_id=common["ticket_id"], kind="csat")
    raise unknown_topic(f"ticket.{action}")


def _common(detail: Node) -> dict[str, Any]:
    priority = detail.at("priority").label()
    return {
        "ticket_id": detail.at("id").must_ref("ticket"),
        "priority": priority if priority in _PRIORITIES else None,
        "channel": detail.at("via", "channel").label(),
        "topic": detail.at("type").label(),
    }


def _sentiment(detail: Node, text: str | None) -> Sentiment | None:
    """The tool's own tags if they say something, else the words."""
    tags = {tag.label() or "" for tag in detail.at("tags").each()}
    return sentiment.from_tags(tags) or sentiment.classify(text)


def _commented(detail: Node, comment: Node, common: dict[str, Any]) -> Frozen | None:
    if comment.at("is_public").flag() is False:
        return None
    by_customer = comment.at("author", "is_staff").flag() is not True
    felt = _sentiment(detail, comment.at("body").text()) if by_customer else None
    return tickets.TicketCommented(**common, sentiment=felt, by_customer=by_customer)


def _by_status(before: str | None, after: str | None) -> type[TicketEvent] | None:
    if after in _DONE and before not in _DONE:
        return tickets.TicketSolved
    return tickets.TicketReopened if after in _OPEN and before in _DONE else None


def _satisfaction(score: Node) -> int:
    """0 to 100 from good/bad or from 1 to 5."""
    said = score.label()
    if said in {"good", "bad"}:
        return 100 if said == "good" else 0
    stars = score.integer()
    if stars is None or not 1 <= stars <= 5:
        raise NotUnderstoodError("missing_rating", "the satisfaction score is neither good, bad nor 1 to 5")
    return (stars - 1) * 25


def _from_template(body: Node) -> Item:
    """A trigger's body as docs/providers.md gives it: all values are strings, the address is in it."""
    action = body.at("event").label()
    if action not in _TEMPLATE:
        raise unknown_topic(action)
    ticket = body.at("ticket_id").must_ref("ticket")
    time = _at(body, "at")
    priority = body.at("priority").label()
    common = {
        "ticket_id": ticket,
        "priority": priority if priority in _PRIORITIES else None,
        "channel": body.at("channel").label(),
        "order_id": body.at("order_id").ref(),
    }
    data = _template_event(action, body, common)
    person = Person(
        ids=((REQUESTER, body.at("requester_id").key()), (EXTERNAL, body.at("requester_external_id").key())),
        anchors=(Anchor(TICKET, ticket),),
        email=body.at("requester_email").text(),
        contact={"name": (body.at("requester_name").text() or "")[:200] or None},
    )
    # A template has no event id: the ticket's time of change tells one change from the next.
    ids = ("opened",) if action == "created" else (action, f"{time:%Y%m%dT%H%M%S}")
    return Item(person, (fact(data, time, "zendesk", "ticket", ticket, *ids),))


def _template_event(action: str, body: Node, common: dict[str, Any]) -> Frozen:
    if action == "rated":
        return TicketRated(**common, satisfaction=_satisfaction(body.at("satisfaction")))
    model = _TEMPLATE[action]
    felt = sentiment.classify(body.at("comment").text()) if action in {"created", "commented"} else None
    return model(**common, sentiment=felt)


_TEMPLATE: dict[str, type[TicketEvent]] = {
    "created": tickets.TicketOpened,
    "commented": tickets.TicketCommented,
    "solved": tickets.TicketSolved,
    "reopened": tickets.TicketReopened,
    "escalated": tickets.TicketEscalated,
    "rated": TicketRated,
}
_IGNORED_ACTIONS = """
agent_assignment_changed group_assignment_changed tags_changed subject_changed description_changed
brand_changed custom_field_changed custom_status_changed form_changed external_id_changed
organization_changed type_changed task_due_at_changed followers_changed email_ccs_changed merged
marked_as_spam undeleted requester_changed submitter_changed
attachment_linked_to_comment comment_made_private comment_redacted attachment_redacted problem_link_changed
schedule_changed sla_policy_changed
"""
_IGNORED = frozenset(_IGNORED_ACTIONS.split())
_DELETED = frozenset({"soft_deleted", "permanently_deleted"})


def _of_object(_asked: Wanted, body: Node) -> Person:
    return _user(Node({"detail": body.raw})).person


def _ticket_as_told(_asked: Wanted, ticket: Node, _source: Source) -> Sequence[Item]:
    """A ticket as the API has it: opened, and solved if it is. Comments and ratings are not in it."""
    number, status = ticket.at("id").must_ref("ticket"), ticket.at("status").label()
    if status == "deleted":
        return ()
    words = " ".join(filter(None, (ticket.at(name).text() for name in ("subject", "description"))))
    opened = tickets.TicketOpened(**_common(ticket), sentiment=_sentiment(ticket, words))
    facts = [fact(opened, _at(ticket, "created_at"), "zendesk", "ticket", number, "opened")]
    if status in _DONE:
        at, solved = _at(ticket, "updated_at"), tickets.TicketSolved(**_common(ticket))
        facts.append(fact(solved, at, "zendesk", "ticket", number, "solved", f"{at:%Y%m%dT%H%M%S}"))
    return (Item(_requester(ticket, number), tuple(facts)),)


def _delivery_id(delivery: Delivery) -> str | None:
    return delivery.header("x-zendesk-webhook-invocation-id")


PROVIDER = Provider(
    name="zendesk",
    verify=_verify,
    items=_items,
    read=_read,
    delivery_id=_delivery_id,
    objects=Objects(
        person=_of_object,
        read=_ticket_as_told,
        people=REQUESTER,
        listed="ticket",
        recognised=frozenset({"ticket.opened"}),  # the others are named by deliveries' own ids
    ),
)
