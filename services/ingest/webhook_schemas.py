"""What the OpenAPI document says of /webhooks/{source}: each status that it gives, by an example."""

from typing import Any

from services.ingest.domain.plan import FORM, JSON
from services.ingest.problems import come_again, described

_ACCEPTED = {"events": ["shopify:order:4501:placed"], "durable": "kafka", "duplicates": 0}
_PART = {**_ACCEPTED, "dead_letter": "unknown_topic", "reference": "dl_0190f3a2c7d14e1f"}
_NOTHING = {"events": [], "durable": "kafka", "duplicates": 0}
_LETTER = {"events": [], "dead_letter": "unknown_topic", "reference": "dl_0190f3a2c7d14e1f"}

REQUEST: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The provider's own body; its signature is verified over these bytes",
        "content": {JSON: {"schema": {}}, FORM: {"schema": {}}},
    }
}
_OFF = described(403, "The source is switched off", "source shop is switched off")
_UNKNOWN = described(404, "No such source", "no source is called 'shop'")
_UNREAD = come_again(
    503, "The sources cannot be read: come again", "the sources in PostgreSQL have not been read yet"
)
KEPT: dict[str, Any] = {"description": "Kept as a dead letter", "content": {JSON: {"example": _LETTER}}}
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Durable; or an unsigned ping of the provider's, answered as it asks for",
        "content": {
            JSON: {
                "examples": {
                    "taken": {"summary": "Events were made of it", "value": _ACCEPTED},
                    "ignored": {"summary": "It says nothing about health", "value": _NOTHING},
                    "part": {"summary": "A part of the batch was not understood", "value": _PART},
                }
            },
            "text/plain": {"schema": {"type": "string"}, "example": ""},
        },
    },
    401: described(401, "Signature missing, wrong or replayed", "the signature is not valid"),
    403: _OFF,
    404: _UNKNOWN,
    408: described(408, "The body did not come in time", "the body was not complete after 10 s"),
    413: described(413, "Body over the limit, cut off while reading", "a body may have 2097152 bytes"),
    429: come_again(
        429,
        "More than this source may send, or than is taken at once: come again",
        "source shop may send 50 requests a second",
    ),
    503: come_again(
        503,
        "Neither Kafka nor PostgreSQL takes it, or the sources cannot be read; to Segment also what others "
        "are told by 429: come again",
        "PostgreSQL is away",
    ),
}
_NO_PROBE = described(405, "This provider delivers by POST", "this provider delivers by POST") | {
    "headers": {"Allow": {"description": "POST", "schema": {"type": "string"}}}
}
PROBE_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "It is there",
        "content": {"text/plain": {"schema": {"type": "string"}, "example": ""}},
    },
    403: _OFF,
    404: _UNKNOWN,
    405: _NO_PROBE,
    503: _UNREAD,
}
HEAD_ANSWERS: dict[int | str, dict[str, Any]] = {
    status: {name: part for name, part in answer.items() if name != "content"}
    for status, answer in PROBE_ANSWERS.items()
}
"""As by GET; an answer to HEAD has no body."""
