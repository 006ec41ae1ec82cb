import socket

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import Counter

from libs.runtime.health import Readiness, health_router, serve, serve_health
from libs.runtime.metrics import make_registry


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_a_process_answers_the_three_questions() -> None:
    registry, port = make_registry(), free_port()
    Counter("planted", "A counter", registry=registry).inc(3)
    state = Readiness(ready=False, reason="restoring", oldest_age_s=12.3456)
    client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}")
    async with serve_health("127.0.0.1", port, registry, lambda: state), client:
        alive, ready, metrics = [await client.get(p) for p in ("/healthz", "/readyz", "/metrics")]
    assert alive.status_code == 200
    assert ready.status_code == 503
    assert ready.json() == {"ready": False, "reason": "restoring", "oldest_age_s": 12.346}
    assert "planted_total 3.0" in metrics.text
    assert "process_resident_memory_bytes" in metrics.text


async def test_a_ready_process_says_so() -> None:
    app = FastAPI()
    app.include_router(health_router(make_registry(), lambda: Readiness(ready=True)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as client:
        assert (await client.get("/readyz")).status_code == 200


async def test_a_taken_port_is_an_error_and_not_a_hang() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            async with serve(FastAPI(), "127.0.0.1", taken.getsockname()[1]):
                pytest.fail("served on a taken port")
