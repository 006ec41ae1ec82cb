"""Typeform: base64 HMAC-SHA256 of the body behind "sha256="; a form says what its author asked.

Nothing in a delivery tells a question about satisfaction from one about the weather, nor which numbers it
offers: a question of type nps counts, any other one only if its reference begins with nps, csat or ces.
"""

import re
from collections.abc import Iterator, Sequence
from typing import cast

from services.ingest.domain import surveys
from services.ingest.domain.people import Person
from services.ingest.domain.plan import Delivery, Fact, Item, Provider, fact, ignore, unknown_topic
from services.ingest.domain.reading import Node, parse_object
from services.ingest.domain.schemes import Scheme
from services.ingest.domain.sources import Source

CUSTOMER = "typeform.customer"
_KIND = re.compile(r"(nps|csat|ces)([^a-z]|$)")


def _items(delivery: Delivery) -> Sequence[Node]:
    return (parse_object(delivery.body),)


def _read(body: Node, delivery: Delivery, source: Source) -> Item:  # noqa: ARG001 (the plan's signature)
    topic = body.at("event_type").text()
    if topic == "form_response_partial":
        return ignore("unfinished_form")
    if topic != "form_response":
        raise unknown_topic(topic)
    response = body.at("form_response")
    facts = tuple(_answers(response))
    # Most forms are answered by nobody in particular, and many are no survey of ours: neither is a mistake.
    return Item(_person(response), facts, customer_required=False) if facts else ignore("no_survey_question")


def _answers(response: Node) -> Iterator[Fact]:
    form, token = response.at("form_id").must_ref("form"), response.at("token").must_ref("response")
    fields = {field.at("id").text(): field for field in response.at("definition", "fields").each()}
    for answer in response.at("answers").each():
        field = answer.at("field")
        known = fields.get(field.at("id").text(), Node(None))
        kind = _kind(field, known)
        if kind is None or answer.at("type").text() != "number":
            continue
        number = field.at("id").must_ref("question")
        data = surveys.answered(form, token, kind, answer.at("number"), surveys.SCALES[kind])
        time = response.at("submitted_at").instant("submitted_at")
        yield fact(data, time, "typeform", "response", token, number)


def _kind(field: Node, known: Node) -> surveys.Kind | None:
    """What a question measures: by its type, else by the reference its author gave it."""
    if "nps" in {field.at("type").text(), known.at("type").text()}:
        return "nps"
    found = _KIND.match((field.at("ref") or known.at("ref")).label() or "")
    return cast("surveys.Kind", found[1]) if found else None


def _person(response: Node) -> Person:
    """Hidden fields know best: the shop put them into the link. Else what was answered."""
    hidden = response.at("hidden")
    said = {answer.at("type").text(): answer for answer in response.at("answers").each()}
    nothing = Node(None)
    return Person(
        ids=((CUSTOMER, hidden.first("customer_id", "user_id").key()),),
        email=(hidden.at("email") or said.get("email", nothing).at("email")).text(),
        phone=(
            hidden.first("phone", "phone_number") or said.get("phone_number", nothing).at("phone_number")
        ).text(),
        contact={"name": (hidden.at("name").text() or "")[:200] or None},
    )


PROVIDER = Provider(
    name="typeform",
    verify=Scheme(header="typeform-signature", encoding="base64", prefix="sha256=").verify,
    items=_items,
    read=_read,
    delivery_id=lambda delivery: parse_object(delivery.body).at("event_id").ref(),
)
