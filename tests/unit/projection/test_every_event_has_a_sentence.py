"""No type without a sentence, and no data that could stop one."""

from typing import Any

import pytest

from libs.events import CUSTOMER_EVENT_TYPES
from libs.events.registry import MODELS
from services.outreach.projection.summaries import SENTENCES, summarise

TRIGGERS = {kind for kind in MODELS if kind.startswith("trigger.")}
INCIDENTS = {kind for kind in MODELS if kind.startswith("outreach.incident_")}  # nobody's timeline


def test_every_type_on_the_topics_has_a_sentence_and_no_other() -> None:
    assert set(SENTENCES) == set(CUSTOMER_EVENT_TYPES) - INCIDENTS | TRIGGERS


@pytest.mark.parametrize("kind", sorted(SENTENCES))
@pytest.mark.parametrize("odd", [None, 7, "x", [], {}])
def test_missing_or_odd_data_still_makes_a_sentence(kind: str, odd: Any) -> None:
    fields = MODELS[kind].model_fields
    for data in ({}, dict.fromkeys(fields, odd)):
        said = summarise(kind, data)
        assert said
        assert said[0].isupper() or said[0].isdigit() or odd is not None


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        ("order.placed", {"amount": "84.2", "currency": "USD", "items": 3}, "Ordered 3 items for $84.20"),
        (
            "order.placed",
            {"amount": "5", "currency": "CHF", "gift": True},
            "Ordered 1 item for 5.00 CHF, as a gift",
        ),
        ("order.placed", {"counts": False}, "Ordered 1 item; not counted (test, void or replacement)"),
        ("order.refunded", {"order_id": "7", "amount": "9", "currency": "EUR"}, "Got €9.00 back for order 7"),
        (
            "ticket.opened",
            {"sentiment": "negative", "topic": "late-parcel"},
            "Opened a ticket about late parcel; they sound unhappy",
        ),
        ("ticket.commented", {"by_customer": False, "sentiment": "negative"}, "We answered a ticket"),
        ("survey.answered", {"kind": "nps", "score": 3}, "Answered NPS: 3 of 10"),
        ("email.opened", {"machine": True}, "E-mail opened by a machine"),
        (
            "outreach.suppressed",
            {"playbook": None, "reason": "open_trouble"},
            "A trigger opened nothing: open trouble",
        ),
        (
            "outreach.task_completed",
            {"outcome": "no_answer", "sentiment": "negative"},
            "Task completed: no answer; the customer felt negative",
        ),
        (
            "outreach.closed",
            {"result": "success", "arm": "treated", "playbook": "mid-life", "revenue": "12"},
            "Playbook mid life closed: success, $12.00",
        ),
        ("outreach.closed", {"result": "failure", "arm": "control"}, "Control window closed: no purchase"),
        (
            "outreach.feedback",
            {"verdict": "wrong", "rule": "no-site-activity", "reason": "wrong_data"},
            "Marked as a false alarm: no site activity; wrong data",
        ),
        ("trigger.fired", {"title": "Site silent", "reason": "63 days"}, "Site silent: 63 days"),
        ("from.the_future", {}, "From the future"),
    ],
)
def test_sentences_read_as_people_speak(kind: str, data: dict[str, Any], said: str) -> None:
    assert summarise(kind, data) == said
