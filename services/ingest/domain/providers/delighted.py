"""Delighted: hex HMAC-SHA256 of the body, the key is the private API key; a response comes several times."""

from collections.abc import Sequence

from libs.events.families.engagement import EmailUnsubscribed
from services.ingest.domain import surveys
from services.ingest.domain.errors import NotUnderstoodError
from services.ingest.domain.people import Person
from services.ingest.domain.plan import Delivery, Item, Provider, fact, ignore, unknown_topic
from services.ingest.domain.reading import Node, parse_object
from services.ingest.domain.schemes import Scheme
from services.ingest.domain.sources import Source

PERSON = "delighted.person"
# survey_type to our kind and Delighted's own scale. A smiley, a star and a thumb say how content somebody is.
_SURVEYS: dict[str, tuple[surveys.Kind, tuple[int, int]]] = {
    "nps": ("nps", (0, 10)),
    "csat": ("csat", (1, 5)),
    "ces": ("ces", (1, 5)),
    "five_star": ("csat", (1, 5)),
    "smileys": ("csat", (1, 5)),
    "thumbs": ("csat", (0, 1)),
}
_NOT_OF_CUSTOMERS = frozenset({"enps", "pmf"})  # employees; a question about the product's market


def _items(delivery: Delivery) -> Sequence[Node]:
    return (parse_object(delivery.body),)


def _read(body: Node, delivery: Delivery, source: Source) -> Item:  # noqa: ARG001 (the plan's signature)
    topic, data = body.at("event_type").text(), body.at("event_data")
    if topic in {"survey_response.created", "survey_response.updated"}:
        return _response(data)
    if topic == "unsubscribe.created":
        return _unsubscribed(data, body)
    raise unknown_topic(topic)


def _response(data: Node) -> Item:
    """Created when the score is given, updated for each word after it. The words are thrown away."""
    # Responses from before there was a choice are NPS.
    name = data.at("survey_type").label() or "nps"
    if name in _NOT_OF_CUSTOMERS:
        return ignore("not_about_health")
    if name not in _SURVEYS:
        raise NotUnderstoodError("unknown_survey", f"no scale is known for the survey type {name}")
    kind, scale = _SURVEYS[name]
    number = data.at("id").must_ref("survey response")
    answer = surveys.answered(f"delighted-{name}", number, kind, data.at("score"), scale)
    time = data.first("updated_at", "created_at").unix("updated_at")
    named = data.at("person")
    person = Person(
        ids=((PERSON, named.at("id").key()),),
        email=named.at("email").text(),
        phone=named.at("phone_number").text(),
        contact={"name": (named.at("name").text() or "")[:200] or None},
    )
    # A comment added to a score is the same answer; another score is another.
    return Item(person, (fact(answer, time, "delighted", "response", number, "answered", str(answer.score)),))


def _unsubscribed(data: Node, body: Node) -> Item:
    """From surveys, not from the shop's mail: a sign of going away, and no word on consent."""
    person = Person(
        ids=((PERSON, data.at("person_id").key()),),
        email=(data.at("person_email") or data.at("person", "email")).text(),
    )
    event = EmailUnsubscribed(list_id="delighted", reason="surveys")
    time = data.first("unsubscribed_at", "created_at").unix("unsubscribed_at")
    number = body.at("event_id").must_ref("event")
    return Item(person, (fact(event, time, "delighted", "event", number),))


PROVIDER = Provider(
    name="delighted",
    verify=Scheme(header="x-delighted-webhook-signature", prefix="sha256=").verify,
    items=_items,
    read=_read,
    delivery_id=lambda delivery: parse_object(delivery.body).at("event_id").ref(),
)
