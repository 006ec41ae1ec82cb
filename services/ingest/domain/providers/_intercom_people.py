"""Intercom's contacts, their subscriptions and what mails report. Part of the provider file intercom.py."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from libs.events.families import engagement
from libs.events.families.relationship import SurveyAsked
from libs.events.types import Frozen
from services.ingest.domain import surveys
from services.ingest.domain.errors import NotUnderstoodError
from services.ingest.domain.people import Anchor, Person
from services.ingest.domain.plan import Fact, Item, PrivacyRequest, fact, ignore
from services.ingest.domain.reading import Node

CONTACT, EXTERNAL = "intercom.contact", "intercom.external"


def moment(*places: Node) -> datetime:
    """The first of these that is there: seconds in conversations and envelopes, text in contacts."""
    found = next((place for place in places if place), Node(None))
    text = found.text() or ""
    at = found.unix() if not isinstance(found.raw, str) or text.isdigit() else found.instant()
    if at is None:
        raise NotUnderstoodError("missing_date", "created_at is missing")
    return at


def person_of(named: Node, *anchors: Anchor, consent: bool | None = None) -> Person:
    """A contact, or what older versions call a user or lead. An address may be empty, or not there at all."""
    unsubscribed = named.at("unsubscribed_from_emails").flag()
    return Person(
        ids=ids_of(named),
        anchors=anchors,
        email=named.at("email").text(),
        phone=named.at("phone").text(),
        contact={
            "name": (named.at("name").text() or "")[:200] or None,
            # Not having unsubscribed is no consent.
            "email_consent": False if unsubscribed else consent,
        },
    )


def ids_of(named: Node) -> tuple[tuple[str, str | None], ...]:
    external = named.first("external_id", "user_id").key()
    return ((CONTACT, named.at("id").key()), (EXTERNAL, external))


def known(item: Node, _envelope: Node) -> Item:
    """A contact as it is now. A lead without an address is a visitor, and visitors are nobody yet."""
    if not item.first("email", "phone", "external_id", "user_id") or _is_nameless_lead(item):
        return ignore("anonymous")
    return Item(person_of(item))


def _is_nameless_lead(item: Node) -> bool:
    return item.first("role", "type").text() == "lead" and not item.first("email", "phone")


def merged(item: Node, _envelope: Node) -> Item:
    """Intercom says that two contacts are one person."""
    person = person_of(item)
    absorbed = (CONTACT, item.at("merged_from", "id").key())
    return Item(Person((*person.ids, absorbed), (), person.email, person.phone, person.contact))


def deleted(item: Node, _envelope: Node) -> Item:
    return Item(person_of(item), request=PrivacyRequest("redact_customer", item.at("id").must_ref("contact")))


def subscription(*, consent: bool, granular: bool = False) -> Callable[[Node, Node], Item]:
    """To or from all mail; `granular`: some kinds of it, which is no word on the rest."""
    verb = "subscribed" if consent else "unsubscribed"

    def read(item: Node, envelope: Node) -> Item:
        contact = item.at("contact") or item
        number = contact.at("id").must_ref("contact")
        at = moment(item.at("created_at") if item.at("contact") else Node(None), envelope.at("created_at"))
        kinds = [*item.at("subscription_types", "data").each()] if granular else []
        facts: list[Fact] = []
        for kind in kinds or [Node(None)]:
            name = kind.at("id").ref()
            parts = ("intercom", "contact", number, verb, *filter(None, [name]), f"{at:%Y%m%dT%H%M%S}")
            facts.append(fact(_changed(kind, name, consent=consent), at, *parts))
        return Item(person_of(contact, consent=None if granular else consent), tuple(facts))

    return read


def _changed(kind: Node, name: str | None, *, consent: bool) -> Frozen:
    if consent:
        return engagement.EmailSubscribed(list_id=name)
    if {channel.text() for channel in kind.at("content_types").each()} == {"sms_message"}:
        return engagement.SmsUnsubscribed()
    return engagement.EmailUnsubscribed(list_id=name, reason="customer")


def message(item: Node, envelope: Node) -> Item:
    """A step of an e-mail or SMS to one contact. Which opens and clicks are a machine's it does not say."""
    stat = item.at("content_stat") or item
    step = stat.at("stat_type").label() or ""
    channel = (envelope.at("topic").text() or "").rpartition(".")[2]
    model = _STEPS.get((channel, step))
    if model is None:
        return ignore("not_about_health")
    more: dict[str, Any] = {"campaign_id": stat.at("content_id").ref(), "message_id": stat.at("id").ref()}
    if model is engagement.EmailBounced:
        more["kind"] = step.partition("_")[0]
    return _stat(item, envelope, model(**more), step)


def survey(item: Node, envelope: Node) -> Item:
    """Counts if Intercom says what was measured; else it is an answer to some question."""
    stat = item.at("content_stat") or item
    step = stat.at("stat_type").label() or ""
    kind: Any = stat.first("survey_type", "question_type").label()
    if kind not in surveys.SCALES or step not in {"receipt", "answer"}:
        return ignore("not_about_health")
    number = stat.first("content_id", "id").must_ref("survey")
    if step == "receipt":
        return _stat(item, envelope, SurveyAsked(survey_id=number, kind=kind), step)
    response = (stat.at("id") or envelope.at("id")).must_ref("answer")
    score, scale = stat.first("answer", "score"), surveys.SCALES[kind]
    return _stat(item, envelope, surveys.answered(number, response, kind, score, scale), step)


def _stat(item: Node, envelope: Node, said: Frozen, step: str) -> Item:
    stat = item.at("content_stat") or item
    contact = stat.first("contact", "user") or item.first("contact", "user")
    at = moment(stat.at("created_at"), item.at("created_at"), envelope.at("created_at"))
    number = (stat.at("id") or envelope.at("id")).must_ref("content stat")
    person = person_of(contact) if contact else Person(ids=((CONTACT, stat.at("contact_id").key()),))
    return Item(person, (fact(said, at, "intercom", "content_stat", number, step),))


_STEPS: dict[tuple[str, str], type[engagement.MessageEvent]] = {
    ("email", "receipt"): engagement.EmailSent,
    ("email", "open"): engagement.EmailOpened,
    ("email", "click"): engagement.EmailClicked,
    ("email", "hard_bounce"): engagement.EmailBounced,
    ("email", "soft_bounce"): engagement.EmailBounced,
    ("email", "spam_complaint"): engagement.EmailComplained,
    ("email", "unsubscribe"): engagement.EmailUnsubscribed,
    ("sms", "receipt"): engagement.SmsSent,
    ("sms", "keyword_reply"): engagement.SmsReplied,
    ("sms", "unsubscribe"): engagement.SmsUnsubscribed,
}
