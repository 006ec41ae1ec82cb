"""A body that does not come holds its place for so long and no longer; one that is there costs no timer."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from services.ingest.domain.errors import SlowBodyError
from services.ingest.gate import Gate
from services.ingest.settings import IngestSettings
from tests.property.ingest.jumping import JumpingLoop
from tests.unit.ingest.shop import Shop, dumps, sign
from tests.unit.ingest.test_events_api import ORDER, TOKEN
from tests.unit.ingest.test_events_api import make_shop as shop_with_token
from tests.unit.ingest.test_events_api import post as post_events
from tests.unit.ingest.test_read_without_the_framework import PAGE, part

WAIT_S = 10.0


def jumping(play: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """On a loop whose clock jumps to the next timer."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(play())


def make_gate() -> Gate:
    return Gate(2, 1_000, 600, lambda: 0.0, WAIT_S)


async def never() -> dict[str, Any]:
    await asyncio.get_running_loop().create_future()
    raise AssertionError


def test_idle_senders_give_their_places_back():
    async def play() -> None:
        shop = Shop(settings=IngestSettings(max_in_flight=2, body_wait_s=WAIT_S))
        idle = [asyncio.create_task(ask(shop, never)) for _ in range(2)]
        await asyncio.sleep(0)
        assert (await shop.post("segment", PAGE)).status_code == 503  # Segment's word for too much
        assert [await one for one in idle] == [(408, b"close"), (408, b"close")]
        assert asyncio.get_running_loop().time() == pytest.approx(WAIT_S)
        assert (await shop.post("segment", PAGE)).status_code == 200
        outcome = {"source": "segment", "outcome": "slow_body"}
        assert shop.metric("greenline_ingest_requests_total", **outcome) == 2

    jumping(play)


async def ask(shop: Shop, receive: Any) -> tuple[int, bytes | None]:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = [(name.encode(), value.encode()) for name, value in sign("segment", dumps(PAGE)).items()]
    path = {"type": "http", "method": "POST", "path": "/webhooks/segment", "query_string": b""}
    await shop.ingest.api({**path, "headers": headers}, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"]).get(b"connection")


def test_who_trickles_is_not_waited_for_longer_than_who_says_nothing():
    async def trickle() -> dict[str, Any]:
        await asyncio.sleep(1)
        return part(b"x", more=True)

    async def play() -> None:
        body = bytearray()
        with pytest.raises(SlowBodyError, match="after 10 s"):
            await make_gate().read(trickle, body)
        assert asyncio.get_running_loop().time() == pytest.approx(WAIT_S)
        assert 8 <= len(body) <= 10

    jumping(play)


def test_a_body_that_comes_in_time_is_read_whole():
    async def play() -> None:
        waits = iter((3, 0, 4))

        async def slowly() -> dict[str, Any]:
            wait = next(waits)
            await asyncio.sleep(wait)
            return part(b"abc", more=wait != 4)

        body = bytearray()
        await make_gate().read(slowly, body)
        assert body == b"abcabcabc"
        await asyncio.sleep(2 * WAIT_S)  # no timer is left that would disturb what comes after

    jumping(play)


async def test_a_body_that_is_there_costs_no_timer(monkeypatch):
    monkeypatch.setattr(asyncio, "timeout", lambda _: pytest.fail("a timer was set"))
    pieces = iter([part(b"ab", more=True), part(b"c", more=True), part(b"")])

    async def receive() -> dict[str, Any]:
        return next(pieces)

    body = bytearray()
    await make_gate().read(receive, body)
    assert body == b"abc"


def test_who_is_cancelled_while_the_body_comes_is_cancelled():
    async def play() -> None:
        reading = asyncio.create_task(make_gate().read(never, bytearray()))
        await asyncio.sleep(1)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

    jumping(play)


def test_events_of_ones_own_are_not_waited_for_either():
    async def play() -> None:
        shop = shop_with_token()

        async def nothing():
            await asyncio.get_running_loop().create_future()
            yield b""

        headers = {
            "authorization": f"Bearer {TOKEN}",
            "content-type": "application/json",
            "idempotency-key": "k",
        }
        assert (await shop.request("POST", "/v1/events", nothing(), headers)).status_code == 408
        assert (await post_events(shop, ORDER)).status_code == 200

    jumping(play)
