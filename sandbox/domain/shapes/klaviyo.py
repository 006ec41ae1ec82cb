"""Klaviyo: a list of events that name a profile, seldom an address."""

from collections.abc import Sequence
from typing import Any

from sandbox.domain.moments import Kind, Moment
from sandbox.domain.shapes.message import Message, dumps

WEBHOOK_ID = "01SIMULATEDWEBHOOK00000001"
TOPICS: dict[Kind, str] = {
    "subscribed": "event:klaviyo.subscribed_to_email_marketing",
    "mail_sent": "event:klaviyo.received_email",
    "mail_opened": "event:klaviyo.opened_email",
    "mail_clicked": "event:klaviyo.clicked_email",
    "mail_unsubscribed": "event:klaviyo.unsubscribed_from_email_marketing",
}


def batch(moments: Sequence[Moment]) -> Message:
    """One webhook for up to a thousand events, as Klaviyo batches them."""
    meta = {
        "timestamp": moments[0].at.isoformat(),
        "klaviyo_webhook_id": WEBHOOK_ID,
        "klaviyo_account_id": "SIMSHP",
        "version": "2026-07-15",
    }
    body = dumps({"meta": meta, "data": [_event(moment) for moment in moments]})
    return Message("klaviyo", TOPICS[moments[0].kind], body, {"Klaviyo-Webhook-Id": WEBHOOK_ID})


def _event(moment: Moment) -> dict[str, Any]:
    attributes = {
        "uuid": f"sim-{moment.id}",
        "timestamp": int(moment.at.timestamp()),
        "datetime": moment.at.isoformat(sep=" "),
        "event_properties": _properties(moment),
    }
    relationships = {
        "profile": {"data": {"type": "profile", "id": moment.person.klaviyo_id}},
        "metric": {"data": {"type": "metric", "id": f"SIM{moment.kind}"}},
    }
    payload = {"type": "event", "id": moment.id, "attributes": attributes, "relationships": relationships}
    return {"external_id": moment.id, "topic": TOPICS[moment.kind], "payload": {"data": payload}}


def _properties(moment: Moment) -> dict[str, str]:
    if moment.kind in ("subscribed", "mail_unsubscribed"):
        return {"email_address": moment.person.email, "method": "PREFERENCES_PAGE"}
    campaign = f"SIMC{moment.detail['campaign']}"
    return {"Campaign Name": campaign, "$message": campaign, "$event_id": moment.id}
