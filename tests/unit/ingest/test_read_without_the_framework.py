"""Deliveries are read straight off the server's messages: what the framework did for them must still hold."""

import asyncio
from collections.abc import Sequence
from typing import Any

from services.ingest.testing import MemoryLog
from tests.unit.ingest.shop import Shop, dumps, segment, sign

PAGE = {"type": "page", "messageId": "m1", "userId": "u1", "timestamp": "2024-06-01T11:00:00Z"}
IN_WORK, REQUESTS = "greenline_ingest_in_flight", "greenline_ingest_requests_total"


async def deliver(shop: Shop, headers: Sequence[tuple[bytes, bytes]], *messages: dict[str, Any]) -> int:
    """The status of the answer to a request whose body comes in these messages."""
    sent: list[dict[str, Any]] = []
    coming = iter(messages)

    async def receive() -> dict[str, Any]:
        return next(coming)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/webhooks/segment",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), *headers],
    }
    await shop.ingest.api(scope, receive, send)
    return sent[0]["status"]


def part(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def signature(body: bytes) -> tuple[bytes, bytes]:
    ((name, value),) = sign("segment", body).items()
    return name.encode(), value.encode()


async def test_of_two_headers_with_one_name_the_first_counts():
    body = dumps(PAGE)
    good, bad = signature(body), (b"x-signature", b"00")
    assert await deliver(Shop(), [good, bad], part(body)) == 200
    assert await deliver(Shop(), [bad, good], part(body)) == 401


async def test_a_body_may_come_in_pieces_and_end_with_an_empty_one():
    body = dumps(PAGE)
    pieces = part(body[:10], more=True), part(body[10:], more=True), part(b"")
    shop = Shop()
    assert await deliver(shop, [signature(body)], *pieces) == 200
    assert [event["type"] for event in shop.events()] == ["site.visited"]


async def test_who_goes_away_before_the_body_is_complete_leaves_nothing_behind():
    body = dumps(PAGE)
    shop = Shop()
    left = await deliver(shop, [signature(body)], part(body[:10], more=True), {"type": "http.disconnect"})
    assert (left, shop.events()) == (400, [])
    assert shop.metric(REQUESTS, source="segment", outcome="disconnected") == 1
    assert shop.metric(IN_WORK) == 0


async def test_a_delivery_is_counted_as_in_work_until_it_is_answered():
    class Held(MemoryLog):
        async def append(self, records, wait_s) -> None:
            reached.set()
            await go.wait()
            await super().append(records, wait_s)

    reached, go = asyncio.Event(), asyncio.Event()
    shop = Shop(log=Held())
    assert shop.metric(IN_WORK) == 0
    posting = asyncio.create_task(shop.post("segment", segment("page")))
    await reached.wait()
    assert shop.metric(IN_WORK) == 1
    go.set()
    assert (await posting).status_code == 200
    assert shop.metric(IN_WORK) == 0
