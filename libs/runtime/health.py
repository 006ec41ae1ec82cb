"""/healthz, /readyz and /metrics, the same in every process."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from pydantic import BaseModel, Field


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether to send work here, and why not. `oldest_age_s`: age of the oldest unprocessed event."""

    ready: bool
    reason: str = "ok"
    oldest_age_s: float = 0.0


class Alive(BaseModel):
    """The process lives."""

    status: str = Field(description="Always ok", examples=["ok"])


class Ready(BaseModel):
    """Whether to send work here, and why not."""

    ready: bool
    reason: str = Field(description="In words", examples=["ok"])
    oldest_age_s: float = Field(description="Age of the oldest unprocessed event, s", examples=[0.0])


_BEHIND = {
    "ready": False,
    "reason": "the oldest spooled event has waited 42 s for Kafka",
    "oldest_age_s": 42.0,
}
_READY: dict[int | str, dict[str, Any]] = {
    503: {
        "model": Ready,
        "description": "It does not keep up",
        "content": {"application/json": {"example": _BEHIND}},
    }
}


def health_router(registry: CollectorRegistry, readiness: Callable[[], Readiness]) -> APIRouter:
    """/healthz says the process lives; /readyz says it keeps up (503 with the reason when not)."""
    router = APIRouter(tags=["operations"])

    @router.get("/healthz", summary="Does the process live?")
    async def healthz() -> Alive:
        return Alive(status="ok")

    @router.get("/readyz", summary="Does it keep up?", responses=_READY)
    async def readyz(response: Response) -> Ready:
        state = readiness()
        response.status_code = 200 if state.ready else 503
        return Ready(ready=state.ready, reason=state.reason, oldest_age_s=round(state.oldest_age_s, 3))

    @router.get("/metrics", summary="For Prometheus", response_class=PlainTextResponse)
    async def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router


class _Server(uvicorn.Server):
    """Uvicorn without its own signal handlers: the process's owner drains it."""

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]  # noqa: ANN202 (uvicorn's own signature)
        yield


@contextlib.asynccontextmanager
async def serve(app: FastAPI, host: str, port: int) -> AsyncIterator[None]:
    """Serve an app on this event loop for the length of the block; OSError when the port is taken."""
    listener = socket.create_server((host, port), backlog=2048)
    # Nothing here asks for the sender's address, so no proxy's headers are read for it.
    config = uvicorn.Config(
        app, host=host, port=port, log_config=None, access_log=False, lifespan="on", proxy_headers=False
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            if task.done():
                task.result()
                raise RuntimeError(f"the app on {host}:{port} did not start")
            await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        await asyncio.wait({task}, timeout=5)
        listener.close()


@contextlib.asynccontextmanager
async def serve_health(
    host: str, port: int, registry: CollectorRegistry, readiness: Callable[[], Readiness]
) -> AsyncIterator[None]:
    """A process without an API of its own still answers the three questions."""
    app = FastAPI(title="greenline health", docs_url=None, redoc_url=None)
    app.include_router(health_router(registry, readiness))
    async with serve(app, host, port):
        yield
