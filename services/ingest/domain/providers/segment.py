"""Segment's webhook destination: hex HMAC-SHA1 of the body, or of a batch's first element.

A shop has one source of orders, and it is not this one: Segment's order and checkout events count as site
activity. Purchases come from the shop's platform.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from libs.events.families import engagement
from libs.events.types import Frozen
from services.ingest.domain import signatures
from services.ingest.domain.errors import NotUnderstoodError, UnparsableError
from services.ingest.domain.people import Person
from services.ingest.domain.plan import (
    Delivery,
    Fact,
    Item,
    PrivacyRequest,
    Provider,
    fact,
    ignore,
    unknown_topic,
)
from services.ingest.domain.reading import Node, digest, parse_json
from services.ingest.domain.sources import Secrets, Source

USER, ANONYMOUS = "segment.user", "segment.anonymous"
_MAX_EVENTS = 4000
_BOTS = ("bot", "crawl", "spider", "slurp", "headless", "lighthouse", "pingdom", "monitor")
_PROXIES = ("googleimageproxy", "yahoomailproxy", "ggpht.com")  # mail clients that open everything


def _verify(delivery: Delivery, secrets: Secrets, _wall: float) -> None:
    given = signatures.require(delivery.header("x-signature"), "X-Signature")
    offered = _signed_parts(delivery.body)

    expected = [signatures.hex_hmac(key.encode(), part, "sha1") for part in offered for key in secrets]
    signatures.check([given], expected, lambda signature: signature)


def _signed_parts(body: bytes) -> list[bytes]:
    """What the signature may cover: the body, or a batch's first element as sent or rewritten."""
    if body.startswith(b"{") or not body.lstrip().startswith(b"["):
        return [body]
    try:
        text = body.decode()
        start = text.index("[") + 1
        start += len(text[start:]) - len(text[start:].lstrip())
        first, end = json.JSONDecoder().raw_decode(text, start)
        compact = json.dumps(first, separators=(",", ":"), ensure_ascii=False)
        return [body, text[start:end].encode(), compact.encode()]
    except (ValueError, RecursionError, UnicodeEncodeError):
        return [body]


def _items(delivery: Delivery) -> Sequence[Node]:
    body = parse_json(delivery.body)
    if isinstance(body.raw, list):
        if len(body.raw) > _MAX_EVENTS:
            raise UnparsableError(f"more than {_MAX_EVENTS} events in one delivery")
        return [*body.each()]
    if not isinstance(body.raw, dict):
        raise UnparsableError("expected a JSON object or a list of them")
    return (body,)


def _read(event: Node, delivery: Delivery, source: Source) -> Item:  # noqa: ARG001 (the plan's signature)
    kind = event.at("type").label()
    if kind == "delete":
        return _delete(event)
    if kind in {"identify", "alias"}:
        return Item(_person(event), customer_required=False)
    if kind == "group":
        return ignore("not_about_health")
    if kind not in {"page", "screen", "track"}:
        raise unknown_topic(kind)
    agent = (event.at("context", "userAgent").text() or "").lower()
    if agent and not _is_email(event) and any(word in agent for word in _BOTS):
        return ignore("bot")
    facts = _facts(event, kind, agent)
    return Item(_person(event), facts, customer_required=False) if facts else ignore("unmapped_event")


def _is_email(event: Node) -> bool:
    return (event.at("event").text() or "") in _EMAIL


def _facts(event: Node, kind: str, agent: str) -> tuple[Fact, ...]:
    time = _time(event)
    name = event.at("event").text() or ""
    made = _mail(event, name, agent) if kind == "track" else None
    if made is None:
        made = _activity(event, kind, name, time)
    if made is None:
        return ()
    message = event.at("messageId").ref() or _own_id(event, time)
    return (fact(made, time, "segment", "message", message),)


def _time(event: Node) -> datetime:
    found = event.first("timestamp", "originalTimestamp", "sentAt", "receivedAt").instant("timestamp")
    if found is None:
        raise NotUnderstoodError("missing_date", "timestamp is missing")
    return found


def _own_id(event: Node, time: datetime) -> str:
    """A stand-in for a messageId that was mapped away: the same call gives the same id."""
    parts = [event.at(name).text() or "" for name in ("type", "event", "userId", "anonymousId")]
    path = event.at("properties", "path").text() or ""
    return digest("|".join([*parts, path, time.isoformat()]))


def _person(event: Node) -> Person:
    context = event.at("context")
    found = _traits(event.at("traits"), context.at("traits"))
    return Person(
        ids=(
            (USER, event.at("userId").key()),
            (ANONYMOUS, event.at("anonymousId").key()),
            (ANONYMOUS, event.at("previousId").key()),
        ),
        email=found.at("email").text(),
        phone=found.at("phone").text(),
        contact={
            "name": _name(found) if found else None,
            "locale": context.at("locale").label(),
            "timezone": (context.at("timezone").text() or "")[:64] or None,
        },
    )


def _traits(own: Node, of_context: Node) -> Node:
    """Those that say how to reach the person; most calls carry none."""
    if not (own and of_context):
        return own or of_context
    return of_context if _reaches(of_context) and not _reaches(own) else own


def _reaches(traits: Node) -> bool:
    return bool(traits.at("email") or traits.at("phone"))


def _name(traits: Node) -> str | None:
    names = [traits.first("firstName", "first_name").text(), traits.first("lastName", "last_name").text()]
    name = traits.at("name").text() or " ".join(part for part in names if part)
    return name[:200] or None


def _delete(event: Node) -> Item:
    user = event.at("userId").key()
    if user is None:
        raise NotUnderstoodError("missing_customer", "a deletion without userId")
    reference = event.at("messageId").ref() or "none"
    return Item(Person(ids=((USER, user),)), request=PrivacyRequest("redact_customer", reference))


def _session(event: Node, time: datetime) -> str:
    """The site's own session if it is sent, else one a day and device."""
    given = event.at("context").first("sessionId", "session_id") or event.at("properties", "session_id")
    if (found := given.ref()) is not None:
        return found
    device = event.first("anonymousId", "userId").text() or ""
    return f"{time:%Y%m%d}-{hashlib.sha256(device.encode()).hexdigest()[:16]}"


def _activity(event: Node, kind: str, name: str, time: datetime) -> Frozen | None:
    session = _session(event, time)
    if kind in {"page", "screen"} or name in _VISITS:
        return engagement.SiteVisited(session_id=session)
    if name == "Products Searched":
        return engagement.SiteSearched(session_id=session)
    if (model := _PRODUCTS.get(name)) is not None:
        properties = event.at("properties")
        product = properties.first("product_id", "sku").must_ref("product")
        fields: dict[str, Any] = {"product_id": product, "session_id": session}
        if model is not engagement.ProductViewed:
            fields["quantity"] = properties.at("quantity").count() or 1
        return model(**fields)
    return None


def _mail(event: Node, name: str, agent: str) -> Frozen | None:
    model = _EMAIL.get(name)
    if model is None:
        return None
    properties = event.at("properties")
    fields: dict[str, Any] = {
        "campaign_id": properties.at("campaign_id").ref(),
        "message_id": properties.at("email_id").ref(),
        "machine": any(proxy in agent for proxy in _PROXIES) or any(bot in agent for bot in _BOTS),
    }
    if model is engagement.EmailUnsubscribed:
        fields["list_id"] = properties.at("list_id").ref()
    return model(**fields)


_VISITS = frozenset(
    {
        "Product List Viewed",
        "Product List Filtered",
        "Product Clicked",
        "Cart Viewed",
        "Cart Shared",
        "Checkout Started",
        "Checkout Step Viewed",
        "Checkout Step Completed",
        "Payment Info Entered",
        "Order Completed",
        "Order Updated",
        "Promotion Viewed",
        "Promotion Clicked",
        "Coupon Entered",
        "Product Added to Wishlist",
        "Product Shared",
        "Application Opened",
        "Signed In",
        "Signed Up",
    }
)
_PRODUCTS: dict[str, type[engagement.ProductViewed]] = {
    "Product Viewed": engagement.ProductViewed,
    "Product Added": engagement.ProductAddedToCart,
    "Product Removed": engagement.ProductRemovedFromCart,
}
_EMAIL: dict[str, type[engagement.MessageEvent]] = {
    "Email Sent": engagement.EmailSent,
    "Email Delivered": engagement.EmailDelivered,
    "Email Opened": engagement.EmailOpened,
    "Email Link Clicked": engagement.EmailClicked,
    "Email Bounced": engagement.EmailBounced,
    "Email Marked as Spam": engagement.EmailComplained,
    "Unsubscribed": engagement.EmailUnsubscribed,
}

PROVIDER = Provider(
    name="segment",
    verify=_verify,
    items=_items,
    read=_read,
    delivery_id=lambda delivery: parse_json(delivery.body).at("messageId").ref(),
    busy=503,  # it drops what is answered 4xx
)
