"""Segment: one call a webhook, the site's own user id in it."""

from typing import Any

from sandbox.domain.moments import Moment
from sandbox.domain.shapes.message import Message, dumps, zulu


def _message(moment: Moment, kind: str, fields: dict[str, Any]) -> Message:
    at = zulu(moment.at)
    body = {
        "version": 2,
        "type": kind,
        "messageId": f"sim-{moment.id}",
        "anonymousId": f"anon-{moment.person.number}",
        "userId": moment.person.segment_id,
        "timestamp": at,
        "sentAt": at,
        "receivedAt": at,
        "context": {"library": {"name": "analytics.js", "version": "2.11.1"}},
        **fields,
    }
    return Message("segment", str(fields.get("event", kind)), dumps(body))


def identify(moment: Moment) -> Message:
    traits = {"email": moment.person.email, "name": moment.person.name}
    return _message(moment, "identify", {"traits": traits})


def page(moment: Moment) -> Message:
    properties = {"path": moment.detail["path"], "title": "Sandbox shop", "session_id": moment.ref}
    return _message(moment, "page", {"name": "Page", "properties": properties})


def product(moment: Moment) -> Message:
    number = moment.detail["product"]
    properties = {
        "product_id": number,
        "sku": f"CD-{number}",
        "name": f"Record {number}",
        "price": 14.99,
        "currency": "USD",
        "session_id": moment.ref,
    }
    return _message(moment, "track", {"event": "Product Viewed", "properties": properties})
