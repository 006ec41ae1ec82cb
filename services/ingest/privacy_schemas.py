"""What the OpenAPI document says of /v1/privacy/requests: what is asked, and each answer by an example."""

from typing import Any

from pydantic import AwareDatetime, BaseModel, Field

from services.ingest.problems import challenged, come_again, described

_PROOF = {
    "tenant": "demo",
    "provider": "api",
    "kind": "redact_customer",
    "reference": "case 17",
    "customer": "c_6f1d2a8b",
    "at": "2026-01-31T12:00:00Z",
    "state": "done",
    "counts": {"identities": 3, "customers": 1, "spooled": 0, "dead_letters": 1},
    "recorded_at": "2026-01-31T12:00:00Z",
}
_HANDED_OVER = {
    "reference": "case 18",
    "tenant": "demo",
    "customer": "c_6f1d2a8b",
    "asked_at": "2026-01-31T12:00:00Z",
    "identities": [{"kind": "email", "value": "ada@shopper.example", "shared": False}],
    "merged_from": [],
    "profile": {"email": "ada@shopper.example", "name": "Ada Byron"},
    "privacy_requests": [],
    "spooled_events": [],
    "dead_letters": [],
    "elsewhere": {"outreach": "timeline, messages, tasks, notes, a copy of the profile: see its console"},
}


class Proof(BaseModel):
    """That a request came and what was done; it names nobody."""

    tenant: str
    provider: str = Field(description="Who asked: a provider by webhook, or api")
    kind: str = Field(description="data_request, redact_customer or redact_shop")
    reference: str
    customer: str | None = Field(description="Our random id; null if it was nobody we know")
    at: AwareDatetime = Field(description="When it came, business time")
    state: str = Field(description="open: to be answered by a person; running: a shop is being erased; done")
    counts: dict[str, int] = Field(description="Rows erased or handed over, by kind of row")
    recorded_at: AwareDatetime | None


class Proofs(BaseModel):
    """All requests of a tenant, the newest first."""

    requests: list[Proof]


class Identity(BaseModel):
    """One way in which a person is known."""

    kind: str
    value: str
    shared: bool = Field(description="Of several people, so that it leads to none")


class LetterTold(BaseModel):
    """A dead letter that names the person; of a batch only the elements that do."""

    reference: str
    at: AwareDatetime
    source: str
    provider: str
    topic: str
    reason: str
    elements: list[Any]


class HandedOver(BaseModel):
    """Everything ingest holds about a person."""

    reference: str
    tenant: str
    customer: str | None = Field(description="Null if nobody is known by what was asked")
    asked_at: AwareDatetime
    identities: list[Identity]
    merged_from: list[str] = Field(description="Ids of customers who turned out to be this one")
    profile: dict[str, Any]
    privacy_requests: list[Proof]
    spooled_events: list[dict[str, Any]]
    dead_letters: list[LetterTold]
    elsewhere: dict[str, str] = Field(description="Where the rest is, by place")


_AWAY = come_again(503, "PostgreSQL is away, or nothing can be published: come again", "PostgreSQL is away")
_NOBODY = challenged("No tenant has this token", "send a tenant's token as Authorization: Bearer")
ASK_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Handed over (`data_request`), or erased, with the proof (`redact_customer`)",
        "content": {
            "application/json": {
                "examples": {
                    "data_request": {"summary": "Everything we hold", "value": _HANDED_OVER},
                    "redact_customer": {"summary": "The proof", "value": _PROOF},
                }
            }
        },
    },
    202: {
        "model": Proof,
        "description": "`redact_shop`: every customer is erased now, a batch at a time; look for it by GET",
        "content": {"application/json": {}},
    },
    400: described(400, "Not such a request, nobody named, or no `confirm`", "kind: literal_error"),
    401: _NOBODY,
    409: described(
        409,
        "Several customers are known by this",
        "several customers have this: name one of them as customer: c_6f1d2a8b, c_90ab12cd",
    ),
    413: described(413, "Body over the limit, cut off while reading", "a request may have 16384 bytes"),
    503: _AWAY,
}
LIST_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"example": {"requests": [_PROOF]}}}},
    401: _NOBODY,
    503: _AWAY,
}
SECURITY: dict[str, Any] = {"security": [{"privacy": []}]}


def asked_for(schema: dict[str, Any]) -> dict[str, Any]:
    """The request, by an example of each kind."""
    examples = {
        "data_request": {"kind": "data_request", "email": "ada@shopper.example", "reference": "case 18"},
        "redact_customer": {"kind": "redact_customer", "ids": {"shopify.customer": "7001"}},
        "redact_shop": {"kind": "redact_shop", "confirm": "demo"},
    }
    told = {name: {"summary": name, "value": value} for name, value in examples.items()}
    content = {"application/json": {"schema": schema, "examples": told}}
    return {**SECURITY, "requestBody": {"required": True, "content": content}}


def complete(document: dict[str, Any]) -> None:
    """The example with a null in it, which FastAPI would leave out."""
    running = {**_PROOF, "kind": "redact_shop", "customer": None, "state": "running", "counts": {}}
    asked = document["paths"]["/v1/privacy/requests"]["post"]
    asked["responses"]["202"]["content"]["application/json"]["example"] = running
