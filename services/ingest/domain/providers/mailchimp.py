"""Mailchimp's audience webhooks: forms with PHP's brackets; hex HMAC-SHA256 of time and form, if at all.

Only webhooks made through the API since there is signing are signed. Those made in the browser, and older
ones, are not: for them a token in the address proves the sender, and TLS the form.
"""

from collections.abc import Callable, Sequence
from datetime import UTC
from typing import Any, Literal

from libs.events.families import engagement
from libs.events.types import Frozen
from services.ingest.domain import signatures
from services.ingest.domain.people import EMAIL, Person, is_role, normal_email
from services.ingest.domain.plan import FORM, Delivery, Item, Provider, fact, ignore, unknown_topic
from services.ingest.domain.reading import Node, digest, parse_form
from services.ingest.domain.schemes import Scheme
from services.ingest.domain.sources import Secrets, Source

_SCHEME = Scheme(
    header="x-mailchimp-signature", signed="{timestamp}.{body}", signature_name="v1", timestamp_name="t"
)


def _verify(delivery: Delivery, secrets: Secrets, wall: float) -> None:
    if delivery.header(_SCHEME.header) is not None:
        _SCHEME.verify(delivery, secrets, wall)
        return
    token = signatures.require(delivery.query.get("token"), f"{_SCHEME.header} (or the token in the address)")
    signatures.check([token], secrets, lambda secret: secret)


def _items(delivery: Delivery) -> Sequence[Node]:
    return (parse_form(delivery.body),)


def _read(body: Node, delivery: Delivery, source: Source) -> Item:  # noqa: ARG001 (the plan's signature)
    topic, data = body.at("type").text() or "", body.at("data")
    if topic in _IGNORED:
        return ignore("not_about_a_customer")
    if topic == "profile":
        return Item(_person(data))
    if topic == "upemail":
        return Item(_moved(data))
    if topic not in _EVENTS:
        raise unknown_topic(topic)
    event, consent = _EVENTS[topic](data)
    time = body.at("fired_at").instant("fired_at", UTC)
    # There is no delivery id. A form without a time is told from the next one by its bytes.
    version = body.at("fired_at").text() or digest(delivery.body.decode(errors="replace"))
    member = data.first("id", "email").must_ref("member")
    audience = data.at("list_id").ref() or "none"
    return Item(_person(data, consent), (fact(event, time, "mailchimp", audience, member, topic, version),))


def _person(data: Node, consent: bool | None = None) -> Person:
    """Members are known by their address: Mailchimp's id of a member is made from it and changes with it."""
    merges = data.at("merges")
    names = [merges.at("FNAME").text(), merges.at("LNAME").text()]
    name = " ".join(part for part in names if part)
    return Person(
        email=(data.at("email") or merges.at("EMAIL")).text(),
        phone=merges.at("PHONE").text(),
        contact={"name": name[:200] or None, "email_consent": consent},
    )


def _moved(data: Node) -> Person:
    """Another address of the same person: the old one leads to the customer, the new one to the mailbox."""
    old = normal_email(data.at("old_email").text())
    known = None if old is None or is_role(old) else old
    return Person(ids=((EMAIL, known),), email=data.at("new_email").text())


_Said = tuple[Frozen, bool | None]


def _message(data: Node) -> dict[str, Any]:
    return {"campaign_id": data.at("campaign_id").ref()}


def _subscribed(data: Node) -> _Said:
    return engagement.EmailSubscribed(list_id=data.at("list_id").ref()), True


def _unsubscribed(data: Node) -> _Said:
    """By a complaint, by hand, or because the shop deleted the member: no consent survives that."""
    if data.at("reason").text() == "abuse":
        return engagement.EmailComplained(**_message(data)), False
    reason = "deleted" if data.at("action").text() == "delete" else data.at("reason").label()
    return engagement.EmailUnsubscribed(
        list_id=data.at("list_id").ref(), reason=reason, **_message(data)
    ), False


def _cleaned(data: Node) -> _Said:
    """Taken off the list: the address bounced for good, or complained."""
    if data.at("reason").text() == "abuse":
        return engagement.EmailComplained(**_message(data)), False
    kind: Literal["hard", "unknown"] = "hard" if data.at("reason").text() == "hard" else "unknown"
    return engagement.EmailBounced(kind=kind, **_message(data)), None


_EVENTS: dict[str, Callable[[Node], _Said]] = {
    "subscribe": _subscribed,
    "unsubscribe": _unsubscribed,
    "cleaned": _cleaned,
}
# A campaign went out to a list; a batch of API calls is done (which comes to an address of the same kind).
_IGNORED = frozenset({"campaign", "batch_operation_completed"})

PROVIDER = Provider(
    name="mailchimp",
    verify=_verify,
    items=_items,
    read=_read,
    content_types=frozenset({FORM}),
    probes=frozenset({"GET"}),
)
