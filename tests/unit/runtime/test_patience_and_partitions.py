import asyncio
import zlib

import pytest
from aiokafka.errors import KafkaConnectionError

from libs.runtime.kafka import partition_of, with_patience
from libs.runtime.lifecycle import cancel_all, wait_any


async def test_patience_retries_until_the_broker_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    attempts = iter([KafkaConnectionError("away"), OSError("away"), None])

    async def action() -> str:
        error = next(attempts)
        if error:
            raise error
        return "there"

    async def no_wait(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", no_wait)
    assert await with_patience(action, "test") == "there"
    assert waits == [0.5, 1.0]


async def test_patience_ends_when_asked_to_stop() -> None:
    stop = asyncio.Event()
    stop.set()

    async def away() -> None:
        raise KafkaConnectionError("away")

    with pytest.raises(KafkaConnectionError):
        await with_patience(away, "test", stop)


async def test_an_error_that_is_not_the_brokers_is_not_retried() -> None:
    async def broken() -> None:
        raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        await with_patience(broken, "test")


def test_a_key_has_one_partition_in_every_producer() -> None:
    assert partition_of(b"demo/c_1", list(range(4)), []) == zlib.crc32(b"demo/c_1") % 4
    assert partition_of(None, [0, 1], [0]) == 0


async def test_waiting_ends_with_the_first_task_and_raises_its_error() -> None:
    async def fails() -> None:
        raise RuntimeError("planted")

    async def runs() -> None:
        await asyncio.Event().wait()

    tasks = [asyncio.create_task(fails()), asyncio.create_task(runs())]
    with pytest.raises(RuntimeError, match="planted"):
        await wait_any(asyncio.Event(), *tasks)
    await cancel_all(*tasks)
    assert tasks[1].cancelled()
