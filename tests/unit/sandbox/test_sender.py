"""The sender against a small server: signed, retried as providers do, every attempt in the log."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from sandbox.adapters import sender as module
from sandbox.adapters.sender import Sender
from sandbox.adapters.sentlog import SentLog, attempts, read
from sandbox.adapters.sources import random_sources
from sandbox.domain.deliveries import Delivery, deliver
from sandbox.domain.ledger import count_sent
from sandbox.domain.signing import shopify
from sandbox.domain.story import tell
from tests.unit.sandbox.shop import make_log

STORY = tell(make_log(6), 1)
ORDERS = [deliver(moment) for moment in STORY.history if moment.kind == "order"]
SOURCES = random_sources()
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/webhooks/{source}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


async def send(folder: Path, handler: Handler, *deliveries: Delivery) -> Path:
    path = folder / "sent.jsonl"
    async with serving(handler) as url:
        with SentLog(path) as log:
            async with Sender(url, SOURCES, log) as sender:
                for delivery in deliveries:
                    sender.put(delivery, "live")
                await sender.drained()
    return path


def _ok(*events: str) -> web.Response:
    return web.json_response({"events": list(events), "durable": "kafka", "duplicates": 0})


async def test_a_webhook_is_signed_and_its_answer_is_in_the_log(tmp_path: Path) -> None:
    seen: list[bool] = []

    async def handler(request: web.Request) -> web.Response:
        body = await request.read()
        wanted = shopify(SOURCES.secrets["shopify"], body, "", 0.0)["X-Shopify-Hmac-Sha256"]
        seen.append(request.headers["X-Shopify-Hmac-Sha256"] == wanted)
        return _ok(f"e-{json.loads(body)['order_number']}")

    path = await send(tmp_path, handler, *ORDERS)
    lines = list(read(path))
    assert seen == [True] * len(ORDERS)
    assert {line.delivery for line in lines} == {delivery.id for delivery in ORDERS}
    assert count_sent(attempts(path)).accepted == len(ORDERS)
    assert all(line.events and line.status == 200 and line.took >= 0 for line in lines)


async def test_a_forged_one_does_not_verify(tmp_path: Path) -> None:
    async def handler(request: web.Request) -> web.Response:
        wanted = shopify(SOURCES.secrets["shopify"], await request.read(), "", 0.0)
        return web.Response(
            status=200 if request.headers["X-Shopify-Hmac-Sha256"] in wanted.values() else 401
        )

    forged = Delivery("forged", 1, ORDERS[0].send_at, ORDERS[0].moments, "forged")
    sent = count_sent(attempts(await send(tmp_path, handler, forged)))
    assert (sent.refused, sent.forged_accepted) == (1, 0)


async def test_server_errors_are_retried_and_each_attempt_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_S", (0.0, 0.0, 0.0))
    tries: Counter[str] = Counter()

    async def handler(request: web.Request) -> web.Response:
        delivery = request.headers["X-Shopify-Webhook-Id"]
        tries[delivery] += 1
        return _ok("e") if tries[delivery] == 3 else web.Response(status=503)

    path = await send(tmp_path, handler, ORDERS[0])
    assert [(line.n, line.attempt, line.status) for line in read(path)] == [
        (1, 1, 503),
        (2, 2, 503),
        (3, 3, 200),
    ]
    sent = count_sent(attempts(path))
    assert (sent.sent, sent.accepted, sent.unconfirmed) == (3, 1, 2)


async def test_after_the_last_retry_it_is_given_up_and_stays_unconfirmed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_S", (0.0, 0.0))

    async def handler(_request: web.Request) -> web.Response:
        return web.Response(status=500)

    sent = count_sent(attempts(await send(tmp_path, handler, ORDERS[0])))
    assert (sent.sent, sent.unconfirmed, sent.accepted) == (3, 3, 0)


async def test_nobody_listening_is_unconfirmed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_S", ())
    path = tmp_path / "sent.jsonl"
    with SentLog(path) as log:
        async with Sender("http://127.0.0.1:9", SOURCES, log) as sender:
            sender.put(ORDERS[0], "live")
            await sender.drained()
            assert sender.tally.given_up == 1
    assert [line.status for line in read(path)] == [None]


async def test_a_refusal_is_not_tried_again(tmp_path: Path) -> None:
    async def handler(_request: web.Request) -> web.Response:
        return web.Response(status=400)

    assert len(list(read(await send(tmp_path, handler, ORDERS[0])))) == 1


async def test_an_attempt_cut_off_is_in_the_log_without_an_answer(tmp_path: Path) -> None:
    arrived = asyncio.Event()

    async def handler(_request: web.Request) -> web.Response:
        arrived.set()
        await asyncio.sleep(60)
        return _ok("e")

    path = tmp_path / "sent.jsonl"
    async with serving(handler) as url:
        with SentLog(path) as log:
            async with Sender(url, SOURCES, log) as sender:
                sender.put(ORDERS[0], "live")
                await arrived.wait()
    sent = count_sent(attempts(path))
    assert (sent.sent, sent.unconfirmed) == (1, 1)


async def test_one_customers_webhooks_arrive_in_order(tmp_path: Path) -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.headers["X-Shopify-Webhook-Id"])
        return _ok("e")

    mine = [delivery for delivery in ORDERS if delivery.lane == 3]
    assert len(mine) > 1
    await send(tmp_path, handler, *mine)
    assert seen == [delivery.id for delivery in mine]
