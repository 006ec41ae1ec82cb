"""Zendesk: event subscriptions with a fixed envelope; ids are text, the customer is a requester's number."""

import uuid
from typing import Any

from sandbox.domain.moments import Moment
from sandbox.domain.shapes.message import Message, dumps

ACCOUNT = 22_000_001
FIRST_TICKET = 100_000


def _message(
    moment: Moment, topic: str, subject: str, detail: dict[str, Any], event: dict[str, Any]
) -> Message:
    body = {
        "type": f"zen:event-type:{topic}",
        "account_id": ACCOUNT,
        "id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"sandbox:{moment.id}")),
        "time": moment.at.strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z",  # nanoseconds, as Zendesk writes them
        "zendesk_event_version": "2022-11-06",
        "subject": subject,
        "detail": detail,
        "event": event,
    }
    headers = {"X-Zendesk-Account-Id": str(ACCOUNT), "X-Zendesk-Webhook-Id": "01SIMZENDESK"}
    return Message("zendesk", topic, dumps(body), headers)


def user(moment: Moment) -> Message:
    """The requester with an address: ticket events have none."""
    person = moment.person
    detail = {
        "id": str(person.zendesk_id),
        "email": person.email,
        "name": person.name,
        "role": "end-user",
        "created_at": _second(moment),
        "updated_at": _second(moment),
    }
    return _message(moment, "user.created", f"zen:user:{person.zendesk_id}", detail, {})


def opened(moment: Moment) -> Message:
    detail = {
        **_ticket(moment, "OPEN"),
        "description": moment.detail["text"],
        "priority": moment.detail["priority"],
    }
    return _on_ticket(moment, "ticket.created", detail, {})


def solved(moment: Moment) -> Message:
    detail = {**_ticket(moment, "SOLVED"), "priority": moment.detail["priority"]}
    return _on_ticket(moment, "ticket.status_changed", detail, {"current": "SOLVED", "previous": "OPEN"})


def rated(moment: Moment) -> Message:
    event = {"satisfaction_score": {"score": moment.detail["score"]}}
    return _on_ticket(moment, "ticket.csat_received", _ticket(moment, "SOLVED"), event)


def _on_ticket(moment: Moment, topic: str, detail: dict[str, Any], event: dict[str, Any]) -> Message:
    return _message(moment, topic, f"zen:ticket:{detail['id']}", detail, event)


def _ticket(moment: Moment, status: str) -> dict[str, Any]:
    return {
        "id": str(FIRST_TICKET + int(moment.ref)),
        "status": status,
        "requester_id": str(moment.person.zendesk_id),
        "subject": "simulated",
        "is_public": True,
        "tags": ["simulated"],
        "via": {"channel": "email"},
        "created_at": _second(moment),
        "updated_at": _second(moment),
    }


def _second(moment: Moment) -> str:
    return moment.at.strftime("%Y-%m-%dT%H:%M:%SZ")
