"""Klaviyo's system webhooks: hex HMAC-SHA256 of body and timestamp; up to 1,000 events, seldom an address."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from libs.events.families import engagement
from libs.events.families.customer import CustomerConsentChanged
from libs.events.families.engagement import ProductViewed, SiteVisited
from libs.events.families.relationship import ReviewSubmitted
from libs.events.types import Frozen
from services.ingest.domain import signatures
from services.ingest.domain.errors import NotUnderstoodError, UnparsableError, UnverifiedError
from services.ingest.domain.people import Person
from services.ingest.domain.plan import Delivery, Item, Objects, Provider, Wanted, fact, unknown_topic
from services.ingest.domain.reading import Node, parse_object
from services.ingest.domain.sources import Secrets, Source

PROFILE = "klaviyo.profile"
_PREFIX = "event:klaviyo."
_MAX_EVENTS = 1000
_LAST_SECOND = 2**32  # of the year 2106: beyond it is no time of a sending
# Flags that mark an open or click nobody made: mail privacy proxies and link scanners.
_MACHINE = ("machine_open", "Machine Open", "$machine_open", "bot_click", "Bot Click", "$bot_click")


def _verify(delivery: Delivery, secrets: Secrets, wall: float) -> None:
    given = signatures.require(delivery.header("klaviyo-signature"), "Klaviyo-Signature")
    stamp = signatures.require(delivery.header("klaviyo-timestamp"), "Klaviyo-Timestamp")
    signed = delivery.body + stamp.encode()
    signatures.check([given], secrets, lambda key: signatures.hex_hmac(key.encode(), signed))
    signatures.check_fresh(signatures.http_time(stamp), wall)


def _items(delivery: Delivery) -> Sequence[Node]:
    body = parse_object(delivery.body)
    # Nobody says that the header is always there; without it the body, which is signed, says whose it is.
    named, webhook = delivery.header("klaviyo-webhook-id"), body.at("meta", "klaviyo_webhook_id").text()
    if named is not None and webhook is not None and named != webhook:
        raise UnverifiedError("the header Klaviyo-Webhook-Id names another webhook than the body")
    data = body.at("data").raw
    if not isinstance(data, list):
        raise UnparsableError("expected a list under data")
    if len(data) > _MAX_EVENTS:
        raise UnparsableError(f"more than {_MAX_EVENTS} events in one delivery")
    return [Node(raw) for raw in data]


def _read(event: Node, delivery: Delivery, source: Source) -> Item:  # noqa: ARG001 (the plan's signature)
    topic = event.at("topic").text()
    name = (topic or "").removeprefix(_PREFIX)
    make = _TOPICS.get(name)
    if make is None or not (topic or "").startswith(_PREFIX):
        raise unknown_topic(topic)
    data = event.at("payload", "data")
    number = (event.at("external_id") or data.at("id")).must_ref("event")
    properties = data.at("attributes", "event_properties")
    time = _time(data.at("attributes"))
    return Item(
        _person(event, properties, _CONSENTS.get(name, {})),
        (fact(make(properties, number, time), time, "klaviyo", "event", number, sent=_sent(properties)),),
    )


def _time(attributes: Node) -> datetime:
    """The event's own time; `meta.timestamp` has been seen hours off."""
    found = attributes.at("datetime").instant("datetime") or attributes.at("timestamp").unix("timestamp")
    if found is None:
        raise NotUnderstoodError("missing_date", "datetime and timestamp are missing")
    return found


def _sent(properties: Node) -> datetime | None:
    """When the sending began that the message is of, `SECONDS:MESSAGE`: no part of it went out sooner."""
    said = (properties.at("$_cohort$message_send_cohort").text() or "").partition(":")[0]
    seconds = Node(said).integer()
    return None if seconds is None or seconds > _LAST_SECOND else datetime.fromtimestamp(seconds, UTC)


def _person(event: Node, properties: Node, consent: dict[str, bool]) -> Person:
    profile = event.at("payload", "data", "relationships", "profile", "data", "id")
    included = [one for one in event.at("payload", "included").each() if one.at("type").text() == "profile"]
    known = included[0].at("attributes") if included else Node(None)
    return Person(
        ids=((PROFILE, profile.key()),),
        email=properties.first("email_address", "email", "$email").text() or known.at("email").text(),
        phone=properties.first("phone_number", "$phone_number").text() or known.at("phone_number").text(),
        contact={**_contact(known), **consent},
    )


def _of_object(asked: Wanted, profile: Node) -> Person:
    known = profile.at("attributes")
    return Person(
        ids=((PROFILE, asked.id),),
        email=known.at("email").text(),
        phone=known.at("phone_number").text(),
        contact=_contact(known),
    )


def _contact(known: Node) -> dict[str, Any]:
    names = [known.at("first_name").text(), known.at("last_name").text()]
    return {
        "name": " ".join(part for part in names if part)[:200] or None,
        "locale": known.at("locale").label(),
    }


def _message(properties: Node) -> dict[str, Any]:
    return {
        "campaign_id": properties.first("$message", "campaign_id", "$flow").ref(),
        "message_id": properties.first("$message_interaction", "message_id").ref(),
        "machine": any(properties.at(name).flag() for name in _MACHINE),
    }


def _plain(model: type[engagement.MessageEvent]) -> "Maker":
    return lambda properties, _number, _time: model(**_message(properties))


def _bounced(properties: Node, _number: str, _time: datetime) -> Frozen:
    said = (properties.first("bounce_type", "Bounce Type").text() or "").lower()
    kind: Any = said if said in {"hard", "soft"} else "unknown"
    return engagement.EmailBounced(kind=kind, **_message(properties))


def _unsubscribed(reason: str) -> "Maker":
    def make(properties: Node, _number: str, _time: datetime) -> Frozen:
        list_id = properties.first("list_id", "$list").ref()
        return engagement.EmailUnsubscribed(list_id=list_id, reason=reason, **_message(properties))

    return make


def _subscribed(properties: Node, _number: str, _time: datetime) -> Frozen:
    list_id = properties.first("list_id", "$list").ref()
    return engagement.EmailSubscribed(list_id=list_id, **_message(properties))


def _agreed_to_sms(_properties: Node, _number: str, _time: datetime) -> Frozen:
    return CustomerConsentChanged(channel="sms", consent=True)


def _reviewed(properties: Node, number: str, _time: datetime) -> Frozen:
    rating = properties.first("rating", "Rating", "review_rating").number("rating")
    if rating is None or not 1 <= rating <= 5:
        raise NotUnderstoodError("missing_rating", "the review has no rating from 1 to 5")
    product = properties.first("product_id", "ProductID").ref()
    return ReviewSubmitted(review_id=number, rating=int(rating), product_id=product)


def _viewed(properties: Node, number: str, _time: datetime) -> Frozen:
    product = properties.first("ProductID", "product_id", "Product ID").must_ref("product")
    return ProductViewed(product_id=product, session_id=properties.at("session_id").ref() or number)


def _active(properties: Node, _number: str, time: datetime) -> Frozen:
    # Without a session id, one day is one visit.
    return SiteVisited(session_id=properties.at("session_id").ref() or f"day-{time:%Y%m%d}")


Maker = Callable[[Node, str, datetime], Frozen]
_TOPICS: dict[str, Maker] = {
    "received_email": _plain(engagement.EmailDelivered),
    "opened_email": _plain(engagement.EmailOpened),
    "clicked_email": _plain(engagement.EmailClicked),
    "bounced_email": _bounced,
    "dropped_email": _bounced,
    "marked_email_as_spam": _plain(engagement.EmailComplained),
    "subscribed_to_email_marketing": _subscribed,
    "unsubscribed_from_email_marketing": _unsubscribed("customer"),
    "manually_suppressed_from_email_marketing": _unsubscribed("suppressed"),
    "received_sms": _plain(engagement.SmsSent),
    "clicked_sms": _plain(engagement.SmsClicked),
    "sent_sms": _plain(engagement.SmsReplied),  # Klaviyo's words: the customer sent one
    "subscribed_to_sms_marketing": _agreed_to_sms,
    "unsubscribed_from_sms_marketing": _plain(engagement.SmsUnsubscribed),
    "submitted_review": _reviewed,
    "submitted_rating": _reviewed,
    "viewed_product": _viewed,
    "active_on_site": _active,
}
_CONSENTS = {
    "subscribed_to_email_marketing": {"email_consent": True},
    "unsubscribed_from_email_marketing": {"email_consent": False},
    "manually_suppressed_from_email_marketing": {"email_consent": False},
    "marked_email_as_spam": {"email_consent": False},
    "subscribed_to_sms_marketing": {"sms_consent": True},
    "unsubscribed_from_sms_marketing": {"sms_consent": False},
}

PROVIDER = Provider(
    name="klaviyo",
    verify=_verify,
    items=_items,
    read=_read,
    delivery_id=lambda delivery: delivery.header("klaviyo-webhook-id"),
    objects=Objects(person=_of_object, people=PROFILE),
)
