"""Triggers, customers and playbooks with one line each."""

from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from libs.events import AnyEvent, Facts, build
from libs.events.families.commerce import OrderPlaced
from libs.events.families.health import Profile, TriggerCleared, TriggerFired
from libs.runtime.clock import FakeClock
from services.outreach.adapters.playbook_files import Library, load_library
from services.outreach.domain.incidents import Limits
from services.outreach.domain.playbook import Playbook
from services.outreach.domain.trigger import Contact, CustomerState, Past, Trigger
from services.outreach.effects import TopicNames
from services.outreach.incidents import IncidentWatch
from services.outreach.testing import SilentMetrics

NOON = datetime(1997, 10, 1, 12, tzinfo=UTC)  # outside quiet hours in most of the world
SHIPPED = Path(__file__).resolve().parents[3] / "services" / "outreach"
REACHABLE = Contact("ann@example.test", email_consent=True, timezone="UTC", name="Ann Example")

_numbers = count(1)


def shipped() -> Library:
    return load_library(SHIPPED / "playbooks", SHIPPED / "templates" / "email", SHIPPED / "team.yaml")


def watch() -> IncidentWatch:
    """The watch for common causes as it ships."""
    return IncidentWatch(Limits(), FakeClock(NOON), SilentMetrics(), TopicNames())


def playbook(**changes: Any) -> Playbook:
    page: dict[str, Any] = {
        "id": "mid-life",
        "version": 1,
        "team": "retention",
        "about": "A play.",
        "chosen_for": {"stages": ["mid"], "rules": ["*"]},
        "experiment": "e1",
        "variables": ["shop"],
        "success": {"order_within": "30d"},
        "escalation": {
            "task": "Solve it",
            "script": "Call.",
            "next_step": "Close.",
            "pool": "senior",
            "due_in": "4h",
        },
        "steps": [{"email": "mid-life/feedback"}],
    }
    return Playbook.model_validate({**page, **changes})


def a_task(**changes: Any) -> dict[str, Any]:
    page = {"task": "Call", "script": "Say hello.", "next_step": "Note it.", "due_in": "2d", "pool": "senior"}
    return {**page, **changes}


def trigger(**changes: Any) -> Trigger:
    given = {
        "trigger_id": f"engagement-drop:c{next(_numbers)}:1",
        "tenant": "demo",
        "customer_id": "c1",
        "rule": "engagement-drop",
        "level": "yellow",
        "stage": "mid",
        "fired_at": NOON,
    }
    return Trigger(**{**given, **changes})


def state(*past: Past, contact: Contact | None = REACHABLE, suppressed: str | None = None) -> CustomerState:
    return CustomerState(contact, suppressed, past)


def past(days_ago: float, **changes: Any) -> Past:
    given: dict[str, Any] = {"playbook": "mid-life", "arm": "treated", "owed": False, "is_open": False}
    return Past(**{**given, **changes}, opened_at=NOON - timedelta(days=days_ago))


def fired(trigger_id: str, customer: str = "c1", at: datetime = NOON, **changes: Any) -> AnyEvent:
    """The event on customer.triggers. Envelope options: backfill, simulated; facts as a dict."""
    options = {name: changes.pop(name) for name in ("backfill", "simulated") if name in changes}
    given: dict[str, Any] = {
        "trigger_id": trigger_id,
        "rule": "engagement-drop",
        "rule_version": "1",
        "level": "yellow",
        "title": "Engagement down",
        "reason": "2 interactions in 30 days, 9 in the 30 before",
        "episode": 1,
        "fired_at": at,
        "score": 41.0,
        "band": "yellow",
        "stage": "mid",
        "cause": "silence",
        "facts": Facts(**{"spend_total": 12_000, "currency": "USD", **changes.pop("facts", {})}),
    }
    data = TriggerFired(**{**given, **changes})
    return build(
        data,
        id=f"triggers:{trigger_id}",
        source="triggers/demo",
        tenant="demo",
        subject=customer,
        time=at,
        receivedat=at,
        **options,
    )


def cleared(trigger_id: str, customer: str = "c1", at: datetime = NOON) -> AnyEvent:
    data = TriggerCleared(
        trigger_id=trigger_id, rule="engagement-drop", rule_version="1", episode=1, cleared_at=at, cause="x"
    )
    return _event(data, f"{trigger_id}:cleared", customer, at)


def profile(customer: str = "c1", **changes: Any) -> AnyEvent:
    given = {"email": f"{customer}@example.test", "name": "Ann Example", "email_consent": True}
    return _event(Profile(**{**given, **changes}), f"profile:{customer}:{next(_numbers)}", customer, NOON)


def order(number: str, at: datetime, amount: str = "20.00", customer: str = "c1", **changes: Any) -> AnyEvent:
    data = OrderPlaced(order_id=number, amount=amount, currency="USD", **changes)
    return _event(data, f"shopify:order:{number}:placed", customer, at)


def about(data: Any, number: str, customer: str = "c1", at: datetime = NOON) -> AnyEvent:
    """Any other event about a customer."""
    return _event(data, number, customer, at)


def _event(data: Any, number: str, customer: str, at: datetime) -> AnyEvent:
    return build(data, id=number, source="test/demo", tenant="demo", subject=customer, time=at, receivedat=at)
