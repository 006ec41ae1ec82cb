"""What FastAPI cannot know of the API: request bodies by type, problems, examples, the token."""

from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from services.ingest import privacy_schemas
from services.ingest.domain.posted import MOST_EVENTS, OPEN_TYPES, CustomerIn, EventIn
from services.ingest.problems import (
    InvalidEvents,
    Problem,
    challenged,
    come_again,
    described,
    described_faults,
)

_REF = "#/components/schemas/"
_TAKEN = {"events": ["api:till:8e03978e-40d5-43e8-bc93-6894a57f9324:0"], "durable": "kafka", "duplicates": 0}
_EVENT = {
    "type": "order.placed",
    "time": "2026-01-31T12:00:00Z",
    "customer": {"id": "7001", "email": "ada@shopper.example"},
    "data": {"order_id": "4501", "amount": "59.90", "currency": "EUR", "items": 2},
}
_TICKET = {
    "type": "ticket.opened",
    "time": "2026-02-01T09:30:00+01:00",
    "customer": {"email": "ada@shopper.example"},
    "data": {"ticket_id": "88", "sentiment": "negative"},
    "id": "desk-88-opened",
}


EVENT_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"example": _TAKEN}}},
    400: described(400, "Not JSON, no event, or no Idempotency-Key", "not JSON: Input data was truncated"),
    401: challenged("No source has this token", "no source has this token"),
    403: described(403, "The source is switched off", "source till is switched off"),
    408: described(408, "The body did not come in time", "the body was not complete after 10 s"),
    409: come_again(409, "The first request under this key is still in work", "still in work"),
    413: described(413, "Body over the limit, cut off while reading", "a body may have 2097152 bytes"),
    415: described(415, "Not application/json", "send application/json"),
    422: described_faults(
        "An event cannot be used (see `errors`), or the key came before with another body",
        "element 3: data.amount: Field required",
        [{"element": 3, "field": "data.amount", "reason": "Field required"}],
    ),
    429: come_again(
        429,
        "More than this source may send, or than is taken at once: come again",
        "source till may send 50 requests a second",
    ),
    503: come_again(503, "Neither Kafka nor PostgreSQL takes it: come again", "PostgreSQL is away"),
}
EVENT_REQUEST: dict[str, Any] = {
    "security": [{"token": []}],
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": True,
            "description": "New for each request, kept over its retries; remembered for a day",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!#-~]+$"},
            "example": "8e03978e-40d5-43e8-bc93-6894a57f9324",
        }
    ],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"anyOf": [{"$ref": f"{_REF}Event"}, {"$ref": f"{_REF}Events"}]},
                "examples": {
                    "one": {"summary": "One event", "value": _EVENT},
                    "batch": {"summary": "A batch", "value": {"events": [_EVENT, _TICKET]}},
                },
            }
        },
    },
}


def describe(app: FastAPI) -> None:
    """Put the schemas where the routes point to them."""
    original = app.openapi

    def openapi() -> dict[str, Any]:
        document = original()
        parts = document["components"]
        # FastAPI's own refusal of a path's parameter, which no handler of ours gives.
        for operation in document["paths"]["/webhooks/{source}"].values():
            operation["responses"].pop("422", None)
        parts["schemas"] |= _schemas()
        for unused in ("HTTPValidationError", "ValidationError"):
            parts["schemas"].pop(unused, None)
        parts["securitySchemes"] = {
            "token": {"type": "http", "scheme": "bearer", "description": "A token of one source"}
        }
        if "/v1/privacy/requests" in document["paths"]:
            about = "A tenant's token, of INGEST_PRIVACY_TOKENS"
            parts["securitySchemes"]["privacy"] = {"type": "http", "scheme": "bearer", "description": about}
            privacy_schemas.complete(document)
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the document


def _schemas() -> dict[str, Any]:
    models = [Problem, InvalidEvents, EventIn, CustomerIn, *OPEN_TYPES.values()]
    wanted = [(model, "validation") for model in models]
    _, found = models_json_schema(wanted, ref_template=_REF + "{model}")  # type: ignore[arg-type]  # (mode is a literal)
    schemas: dict[str, Any] = found["$defs"]
    base = schemas.pop("EventIn")
    # `errors` is left out where a key was used twice.
    schemas["InvalidEvents"]["required"].remove("errors")
    schemas["Event"] = {"oneOf": [_of_type(base, name) for name in OPEN_TYPES]}
    events = {"type": "array", "items": {"$ref": f"{_REF}Event"}, "minItems": 1, "maxItems": MOST_EVENTS}
    schemas["Events"] = {
        "type": "object",
        "properties": {"events": events},
        "required": ["events"],
        "additionalProperties": False,
    }
    return schemas


def _of_type(base: dict[str, Any], name: str) -> dict[str, Any]:
    """An event whose `data` is that type's model."""
    properties = {
        **base["properties"],
        "type": {"const": name},
        "data": {"$ref": f"{_REF}{OPEN_TYPES[name].__name__}"},
    }
    return {**base, "title": name, "properties": properties}
