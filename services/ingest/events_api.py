"""POST /v1/events: our own types for what is no webhook, by bearer token, once for each Idempotency-Key."""

import hashlib
import time
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.requests import ClientDisconnect

from libs.runtime.logging import get_logger
from services.ingest import schemas
from services.ingest.domain.errors import NotUnderstoodError, UnavailableError
from services.ingest.domain.posted import InvalidEventsError
from services.ingest.domain.sources import Source, holder_of
from services.ingest.gate import Gate
from services.ingest.metrics import IngestMetrics
from services.ingest.ports import AnswerStore, Earlier
from services.ingest.ports_sources import Sources
from services.ingest.problems import REFUSED, problem, refusal, unauthorized
from services.ingest.service import Intake

_log = get_logger(__name__)
_LONGEST_KEY = 255  # characters
REUSED = "urn:greenline:problem:idempotency-key-reused"
INVALID = "urn:greenline:problem:invalid-events"


class Taken(BaseModel):
    """200: every event of the request is durable."""

    events: list[str] = Field(description="Their ids on customer.events, in order")
    durable: str = Field(description="kafka: all in-sync replicas have them; spool: PostgreSQL has them")
    duplicates: int = Field(description="Events that the request named twice")


@dataclass(frozen=True, slots=True)
class EventsEndpoint:
    """Everything the route needs."""

    intake: Intake
    sources: Sources
    answers: AnswerStore
    gate: Gate
    metrics: IngestMetrics
    retry_after_s: int

    async def handle(self, request: Request) -> Response:
        """Answer one request and count it; what has no token of ours shares one label."""
        started = time.perf_counter()
        label, outcome, answer = await self._answer(request)
        self.metrics.answered(label, outcome, time.perf_counter() - started)
        return answer

    async def _answer(self, request: Request) -> tuple[str, str, Response]:
        try:
            source = holder_of(_bearer(request), self.sources.all())
        except UnavailableError as error:
            return "unknown", "unavailable", problem(503, str(error), self.retry_after_s)
        if source is None:
            refused = unauthorized("no source has this token; send it as `Authorization: Bearer ...`")
            return "unknown", "unverified", refused
        if not source.enabled:
            return source.name, "disabled", problem(403, f"source {source.name} is switched off")
        return source.name, *await self._take(source, request)

    async def _take(self, source: Source, request: Request) -> tuple[str, Response]:
        key = _key(request)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return "content_type", problem(415, "send application/json")
        if key is None:
            return "no_key", problem(
                400, f"Idempotency-Key is missing, or not 1 to {_LONGEST_KEY} characters"
            )
        return await self._try(source, key, request)

    async def _try(self, source: Source, key: str, request: Request) -> tuple[str, Response]:
        try:
            return await self._receive(source, key, request)
        except InvalidEventsError as error:
            faults = [fault._asdict() for fault in error.faults]
            return "invalid", problem(422, error.detail, kind=INVALID, errors=faults)
        except NotUnderstoodError as error:
            return "invalid", problem(422, error.detail, kind=INVALID)
        except tuple(REFUSED) as error:
            return refusal(error, self.retry_after_s)
        except ClientDisconnect:
            return "disconnected", problem(400, "the sender went away before the body was complete")

    async def _receive(self, source: Source, key: str, request: Request) -> tuple[str, Response]:
        self.gate.enter(source)
        body = bytearray()
        try:
            await self.gate.read(request.receive, body)
            return await self._once(source, key, bytes(body), request.headers.get("traceparent"))
        finally:
            self.gate.leave(len(body))

    async def _once(self, source: Source, key: str, body: bytes, trace: str | None) -> tuple[str, Response]:
        # What cannot be used is said before the key is taken: put right, it may come under the same key.
        items = self.intake.understand(source, key, body)
        fingerprint = hashlib.sha256(body).hexdigest()
        earlier = await self.answers.begin(source.name, key, fingerprint)
        if earlier is not None:
            return _again(earlier, fingerprint)
        try:
            received = await self.intake.take(source, items, trace, whole=True)
        except BaseException:
            await self._drop(source.name, key)
            raise
        answer = {
            "events": list(received.events),
            "durable": received.durable,
            "duplicates": received.duplicates,
        }
        await self._finish(source.name, key, answer)
        return received.outcome, JSONResponse(answer)

    async def _finish(self, source: str, key: str, answer: dict[str, Any]) -> None:
        try:
            await self.answers.finish(source, key, answer)
        except UnavailableError:
            # The events are durable: a retry makes the same ids, which scoring drops.
            _log.warning("ingest.answer_not_kept", source=source)

    async def _drop(self, source: str, key: str) -> None:
        try:
            await self.answers.drop(source, key)
        except UnavailableError:
            _log.warning("ingest.key_not_freed", source=source)


def _again(earlier: Earlier, fingerprint: str) -> tuple[str, Response]:
    """The same body gets the same answer; another one is refused, as the IETF's draft has it."""
    if earlier.fingerprint != fingerprint:
        detail = "this Idempotency-Key came before with another body; a new request needs a new key"
        return "key_reused", problem(422, detail, kind=REUSED)
    if earlier.answer is None:
        return "in_work", problem(409, "the first request under this Idempotency-Key is still in work", 1)
    return "repeated", JSONResponse(earlier.answer)


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _key(request: Request) -> str | None:
    """The draft writes it in quotes, most clients do not: both are the same key."""
    found = request.headers.get("idempotency-key", "").strip()
    if len(found) > 1 and found.startswith('"') and found.endswith('"'):
        found = found[1:-1]
    fits = 1 <= len(found) <= _LONGEST_KEY and found.isascii() and found.isprintable()
    return found if fits else None


def events_router(endpoint: EventsEndpoint) -> APIRouter:
    router = APIRouter(tags=["events"])

    @router.post(
        "/v1/events",
        summary="Send events of your own",
        description="One event, or up to 1,000 under `events`. All of them are taken, or none.",
        operation_id="send_events",
        response_model=Taken,
        responses=schemas.EVENT_ANSWERS,
        openapi_extra=schemas.EVENT_REQUEST,
    )
    async def send_events(request: Request) -> Response:
        return await endpoint.handle(request)

    return router
