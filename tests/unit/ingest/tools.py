"""Mailchimp, Gorgias, Intercom, Typeform and Delighted as tests need them: bodies and proofs."""

import base64
import hmac
from typing import Any
from urllib.parse import urlencode

FORM = "application/x-www-form-urlencoded"
SECRETS = {
    "mailchimp": "mailchimp-unit-test-secret",
    "gorgias": "gorgias-unit-test-token",
    "intercom": "intercom-unit-test-secret",
    "typeform": "typeform-unit-test-secret",
    "delighted": "delighted-unit-test-key",
}
OPENED_AT = 1717142400  # 2024-05-31T08:00:00Z
CHANGED_AT = 1717146000  # 2024-05-31T09:00:00Z


def prove(provider: str, body: bytes, key: bytes, seconds: str) -> dict[str, str]:
    """The headers of a delivery."""
    if provider == "mailchimp":
        signature = hmac.digest(key, f"{seconds}.".encode() + body, "sha256").hex()
        return {"x-mailchimp-signature": f"t={seconds},v1={signature}", "content-type": FORM}
    if provider == "gorgias":
        return {"x-greenline-token": key.decode()}
    if provider == "intercom":
        return {"x-hub-signature": f"sha1={hmac.digest(key, body, 'sha1').hex()}"}
    digest = hmac.digest(key, body, "sha256")
    if provider == "typeform":
        return {"typeform-signature": f"sha256={base64.b64encode(digest).decode()}"}
    return {"x-delighted-webhook-signature": f"sha256={digest.hex()}"}


def form(body: Any, name: str = "") -> list[tuple[str, str]]:
    """A document as PHP writes it into a form."""
    if not isinstance(body, dict | list):
        return [(name, "" if body is None else str(body))]
    members = body.items() if isinstance(body, dict) else enumerate(body)
    inner = [(f"{name}[{key}]" if name else str(key), value) for key, value in members]
    return [pair for key, value in inner for pair in form(value, key)]


def encoded(body: Any) -> bytes:
    return urlencode(form(body)).encode()


def mailchimp(topic: str, fired_at: str | None = "2024-05-31 08:00:00", **data: Any) -> dict[str, Any]:
    """An audience webhook about ada, before it becomes a form."""
    member = {
        "id": "0a1b2c3d4e",
        "list_id": "aud1",
        "email": "ada@shopper.example",
        "email_type": "html",
        "web_id": "77",
        "merges": {
            "EMAIL": "ada@shopper.example",
            "FNAME": "Ada",
            "LNAME": "Byron",
            "PHONE": "",
            "ADDRESS": "",
            "GROUPINGS": [{"id": "5", "name": "Interests", "groups": "Tea, Coffee"}],
        },
        **data,
    }
    return {"type": topic, **({"fired_at": fired_at} if fired_at else {}), "data": member}


def gorgias(event: str | None = None, **ticket: Any) -> dict[str, Any]:
    """A ticket that ada opened."""
    said = gorgias_message(from_agent=False)
    return {
        **({"event": event} if event else {}),
        "ticket": {
            "id": 4400,
            "status": "open",
            "channel": "chat",
            "priority": "normal",
            "spam": False,
            "from_agent": False,
            "created_datetime": "2024-05-31T08:00:00.5+00:00",
            "updated_datetime": "2024-05-31T09:00:00+00:00",
            "closed_datetime": None,
            "satisfaction_survey": None,
            "tags": [],
            "customer": {
                "id": 61,
                "email": "ada@shopper.example",
                "external_id": "7001",
                "name": "Ada Byron",
            },
            "first_message": said,
            "last_message": said,
            **ticket,
        },
    }


def gorgias_message(**more: Any) -> dict[str, Any]:
    """A message of ticket 4400, as Gorgias has it."""
    ada = {"id": 61, "email": "ada@shopper.example", "name": "Ada Byron"}
    agent = {"id": 9, "email": "agent@shop.example", "name": "Bob"}
    from_agent = more.get("from_agent", False)
    return {
        "id": 8800,
        "ticket_id": 4400,
        "public": True,
        "channel": "chat",
        "from_agent": from_agent,
        "rule_id": None,
        "headers": None,
        "sentiments": [],
        "body_text": "It arrived broken, this is terrible.",
        "created_datetime": "2024-05-31T08:00:00.5+00:00",
        "sender": agent if from_agent else ada,
        "receiver": ada if from_agent else agent,
        **more,
    }


def intercom(topic: str, item: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "type": "notification_event",
        "id": f"notif_{topic}",
        "app_id": "ws1",
        "topic": topic,
        "created_at": CHANGED_AT + 1,
        "data": {"type": "notification_event_data", "item": item or {}},
    }


def contact(**more: Any) -> dict[str, Any]:
    """Ada as Intercom's newer versions have her."""
    return {
        "type": "contact",
        "id": "con1",
        "external_id": "7001",
        "role": "user",
        "email": "ada@shopper.example",
        "phone": None,
        "name": "Ada Byron",
        "unsubscribed_from_emails": False,
        "created_at": "2024-05-01T00:00:00.000+00:00",
        **more,
    }


def conversation(*parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A conversation that ada began, as the newer versions have it: no address but the author's."""
    return {
        "type": "conversation",
        "id": "5500",
        "created_at": OPENED_AT,
        "updated_at": CHANGED_AT,
        "priority": "not_priority",
        "source": {
            "type": "email",
            "delivered_as": "customer_initiated",
            "subject": "<p>Parcel</p>",
            "body": "<p>It&#39;s <b>broken</b>, terrible.</p>",
            "author": {"type": "user", "id": "con1", "email": "ada@shopper.example", "name": "Ada Byron"},
        },
        "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": "con1"}]},
        "conversation_rating": None,
        "tags": {"type": "tag.list", "tags": []},
        "conversation_parts": {"conversation_parts": list(parts)},
        **more,
    }


def old_conversation(*parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The same as the versions before contacts have it."""
    user = {"type": "user", "id": "con1", "user_id": "7001", "email": "ada@shopper.example", "name": "Ada"}
    said = {"body": "<p>broken</p>", "author": {"type": "user", "id": "con1"}}
    old = {
        "user": user,
        "conversation_message": said,
        "conversation_rating": {},
        "source": None,
        "contacts": None,
    }
    return conversation(*parts, **{**old, **more})


def part(author: str, body: str | None = None, number: str = "p1", **more: Any) -> dict[str, Any]:
    said = {"type": "conversation_part", "id": number, "body": body, "created_at": CHANGED_AT}
    return {**said, "author": {"type": author, "id": "1"}, **more}


def typeform(*answers: tuple[str, str, int], **more: Any) -> dict[str, Any]:
    """A form whose questions are (type, reference, answer), and an address after them."""
    fields = [{"id": f"q{n}", "type": kind, "ref": ref} for n, (kind, ref, _) in enumerate(answers)]
    said = [
        {"type": "number", "number": value, "field": {"id": f"q{n}", "type": kind}}
        for n, (kind, _, value) in enumerate(answers)
    ]
    address = {"type": "email", "email": "ada@shopper.example", "field": {"id": "qm", "type": "email"}}
    words = {"type": "text", "text": "lovely", "field": {"id": "qt", "type": "long_text"}}
    return {
        "event_id": "ev1",
        "event_type": "form_response",
        "form_response": {
            "form_id": "form1",
            "token": "tok1",
            "submitted_at": "2024-05-31T08:00:00Z",
            "calculated": {"score": 3},
            "definition": {"id": "form1", "fields": fields},
            "answers": [*said, words, address],
            **more,
        },
    }


def delighted(event: str = "survey_response.created", **data: Any) -> dict[str, Any]:
    """A response of ada's."""
    return {
        "event_type": event,
        "event_id": "0f" * 32,
        "event_data": {
            "id": "770",
            "person": {"id": "31", "email": "ada@shopper.example", "name": "Ada Byron", "created_at": 1},
            "survey_type": "nps",
            "score": 9,
            "comment": None,
            "person_properties": None,
            "created_at": OPENED_AT,
            "updated_at": OPENED_AT,
            **data,
        },
    }


GOOD = {
    "mailchimp": [mailchimp("subscribe"), mailchimp("unsubscribe", reason="abuse"), mailchimp("upemail")],
    "gorgias": [gorgias("ticket-created"), gorgias(status="closed"), gorgias_message()],
    "intercom": [
        intercom("conversation.user.created", conversation()),
        intercom("conversation.admin.replied", old_conversation(part("admin", "sorry"))),
        intercom("conversation.rating.added", conversation(conversation_rating={"rating": 4})),
        intercom("contact.unsubscribed", {"contact": contact(), "created_at": CHANGED_AT}),
        intercom(
            "content_stat.email", {"content_stat": {"id": "s", "stat_type": "click", "contact": contact()}}
        ),
    ],
    "typeform": [typeform(("nps", "x", 9), ("rating", "csat", 4))],
    "delighted": [delighted(), delighted("unsubscribe.created", person_id="31")],
}
