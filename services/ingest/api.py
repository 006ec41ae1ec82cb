"""Routes. Reading a body within limits, one call of the use case, and an answer the provider understands."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CollectorRegistry
from pydantic import BaseModel, Field
from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from libs.runtime.health import Readiness, health_router
from services.ingest import problems, schemas, webhook_schemas
from services.ingest.domain.errors import UnavailableError
from services.ingest.domain.plan import JSON, Delivery
from services.ingest.domain.sources import Source
from services.ingest.events_api import EventsEndpoint, events_router
from services.ingest.gate import Gate
from services.ingest.metrics import IngestMetrics
from services.ingest.ports_sources import Sources
from services.ingest.problems import REFUSED, problem, refusal
from services.ingest.service import Intake, Received

_encode = msgspec.json.encode


class Accepted(BaseModel):
    """200: everything in this delivery is durable."""

    events: list[str] = Field(description="Ids on customer.events; empty if it says nothing about health")
    durable: str = Field(description="kafka: all in-sync replicas have it; spool: PostgreSQL has it")
    duplicates: int = Field(description="Events that this delivery named twice")
    dead_letter: str | None = Field(None, description="Why a part of the batch was not understood")
    reference: str | None = Field(None, description="Where that part is kept")


class NotUnderstood(BaseModel):
    """202: genuine, kept, but nothing could be made of it: not even read, or of no topic we know."""

    events: list[str] = Field(description="Always empty")
    dead_letter: str = Field(description="Why: a code, such as unknown_topic or unparsable")
    reference: str = Field(description="Where the delivery is kept")


@dataclass(slots=True)
class Endpoint:
    """Everything the webhook route needs."""

    intake: Intake
    sources: Sources
    gate: Gate
    metrics: IngestMetrics
    retry_after_s: int

    async def handle(self, name: str, scope: Scope, receive: Receive) -> Response:
        """Answer one request and count it; a source nobody configured shares one label."""
        started = time.perf_counter()
        label, outcome, answer = await self._answer(name, scope, receive)
        self.metrics.answered(label, outcome, time.perf_counter() - started)
        return answer

    async def _answer(self, name: str, scope: Scope, receive: Receive) -> tuple[str, str, Response]:
        try:
            source = self.sources.find(name)
        except UnavailableError as error:
            # A provider that is told 404 may switch its webhook off for good.
            return "unknown", "unavailable", problem(503, str(error), self.retry_after_s)
        if source is None:
            return "unknown", "unknown_source", problem(404, f"no source is called {name[:64]!r}")
        if not source.enabled:
            return source.name, "disabled", problem(403, f"source {source.name} is switched off")
        return source.name, *await self._take(source, scope, receive)

    async def _take(self, source: Source, scope: Scope, receive: Receive) -> tuple[str, Response]:
        if scope["method"] != "POST":
            return self._probe(source, scope["method"])
        try:
            return await self._receive(source, _headers(scope), _query(scope), receive)
        except tuple(REFUSED) as error:
            return refusal(error, self.retry_after_s, self.sources.provider(source.provider).busy)
        except ClientDisconnect:
            return "disconnected", problem(400, "the sender went away before the body was complete")

    def _probe(self, source: Source, method: str) -> tuple[str, Response]:
        if self.intake.probed(source, method):
            return "probe", PlainTextResponse("")
        answer = problem(405, "this provider delivers by POST")
        answer.headers["Allow"] = "POST"
        return "method", answer

    async def _receive(
        self, source: Source, headers: dict[str, str], query: dict[str, str], receive: Receive
    ) -> tuple[str, Response]:
        self.gate.enter(source)
        body = bytearray()
        try:
            await self.gate.read(receive, body)
            delivery = Delivery(headers, bytes(body), query)
            if (hello := self.intake.handshake(source, delivery)) is not None:
                return "handshake", PlainTextResponse(hello.body, hello.status)
            received = await self.intake.receive(source, delivery)
            return received.outcome, _response(received)
        finally:
            self.gate.leave(len(body))


def _headers(scope: Scope) -> dict[str, str]:
    """By their names in lower case; of several with one name the first."""
    # The framework's own view looks through all of them for each that is asked for.
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(scope["headers"])}


def _query(scope: Scope) -> dict[str, str]:
    return dict(QueryParams(scope["query_string"])) if scope["query_string"] else {}


def _response(received: Received) -> Response:
    body: dict[str, Any] = {"events": list(received.events)}
    if received.outcome == "dead_letter":
        body |= {"dead_letter": received.dead_letter, "reference": received.reference}
        return Response(_encode(body), 202, media_type=JSON)
    body |= {"durable": received.durable, "duplicates": received.duplicates}
    if received.dead_letter is not None:
        body |= {"dead_letter": received.dead_letter, "reference": received.reference}
    return Response(_encode(body), media_type=JSON)


_PREFIX, _DELIVER = "/webhooks/", frozenset({"POST", "GET", "HEAD"})


class _Api(FastAPI):
    """Deliveries pass the framework by: its layers cost more than our work does. It describes them."""

    def __init__(self, endpoint: Endpoint, **about: Any) -> None:
        super().__init__(**about)
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        source = _source_of(scope)
        if source is None:
            await super().__call__(scope, receive, send)
            return
        answer = await self._endpoint.handle(source, scope, receive)
        await answer(scope, receive, send)


def _source_of(scope: Scope) -> str | None:
    """The source that a request delivers to or looks for, if it does."""
    if scope["type"] != "http" or scope["method"] not in _DELIVER:
        return None
    before, prefix, source = scope["path"].partition(_PREFIX)
    return source if prefix and source and not before and "/" not in source else None


def create_api(
    endpoint: Endpoint,
    events: EventsEndpoint,
    registry: CollectorRegistry,
    readiness: Callable[[], Readiness],
) -> FastAPI:
    """The HTTP application; everything it needs is given."""
    app = _Api(
        endpoint,
        title="Greenline ingest",
        version="1",
        description="Signed webhooks and events of your own in. A 2xx means that what was sent is durable.",
    )
    router = APIRouter(tags=["webhooks"])

    @router.post(
        "/webhooks/{source}",
        summary="Deliver a webhook",
        operation_id="deliver",
        response_model=Accepted,
        responses={**webhook_schemas.ANSWERS, 202: {**webhook_schemas.KEPT, "model": NotUnderstood}},
        openapi_extra=webhook_schemas.REQUEST,
    )
    async def deliver(source: str, request: Request) -> Response:
        return await endpoint.handle(source, request.scope, request.receive)

    @router.get(
        "/webhooks/{source}",
        summary="Look whether an endpoint is there",
        operation_id="probe",
        response_class=PlainTextResponse,
        description="Some providers ask by GET or HEAD before they deliver; the others only know POST.",
        responses=webhook_schemas.PROBE_ANSWERS,
    )
    async def probe(source: str, request: Request) -> Response:
        return await endpoint.handle(source, request.scope, request.receive)

    @router.head(
        "/webhooks/{source}",
        summary="Look whether an endpoint is there, without an answer to read",
        operation_id="probe_head",
        response_class=Response,
        responses=webhook_schemas.HEAD_ANSWERS,
    )
    async def probe_head(source: str, request: Request) -> Response:
        return await endpoint.handle(source, request.scope, request.receive)

    app.include_router(router)
    app.include_router(events_router(events))
    app.include_router(health_router(registry, readiness))
    problems.install(app)
    schemas.describe(app)
    return app
