"""Natural batching: what arrives while one call is under way makes up the next call. No timers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar

from services.ingest.domain.errors import OverloadedError

I = TypeVar("I")  # noqa: E741 (input)
O = TypeVar("O")  # noqa: E741 (output)

MAX_WAITING = 20_000  # items; beyond that the store cannot keep up and callers are told so


class Batcher(Generic[I, O]):
    """Gives single callers the throughput of bulk calls; results come back in the order of the items."""

    def __init__(
        self,
        run: Callable[[Sequence[I]], Awaitable[Sequence[O]]],
        max_batch: int = 500,
        culprit: type[Exception] | None = None,
    ) -> None:
        """`culprit`: an error by which a call did nothing because of one of its items."""
        self._run = run
        self._max = max_batch
        self._culprit = culprit
        self._waiting: list[tuple[I, asyncio.Future[O]]] = []
        self._work: asyncio.Task[None] | None = None

    async def submit(self, item: I, wait_s: float | None = None) -> O:
        """The result for one item.

        Raises what the bulk call raised, OverloadedError if too many wait, TimeoutError after `wait_s`.
        """
        if len(self._waiting) >= MAX_WAITING:
            raise OverloadedError("too many callers wait for the store")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[O] = loop.create_future()
        self._waiting.append((item, future))
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._drain())
        if wait_s is None:
            return await future
        # The loop's own timer: `asyncio.timeout` costs some times as much, and every delivery comes by here.
        timer = loop.call_later(wait_s, _give_up, future)
        try:
            return await future
        finally:
            timer.cancel()

    async def finish(self) -> None:
        """Wait for what has been submitted."""
        while self._work is not None and not self._work.done():
            with suppress(asyncio.CancelledError):
                await asyncio.shield(self._work)

    async def _drain(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[: self._max], self._waiting[self._max :]
            await self._one(batch)

    async def _one(self, batch: list[tuple[I, "asyncio.Future[O]"]]) -> None:
        # Who has gone has been told that nothing was done.
        batch = [one for one in batch if not one[1].done()]
        if not batch:
            return
        try:
            results = await self._run([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 (handed to every caller, who knows what to do)
            if self._culprit is not None and isinstance(error, self._culprit) and len(batch) > 1:
                # Halves find one among 500 in 18 calls; all others have their results by then.
                half = len(batch) // 2
                await self._one(batch[:half])
                await self._one(batch[half:])
                return
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():
                future.set_result(result)


def _give_up(future: "asyncio.Future[Any]") -> None:
    if not future.done():
        future.set_exception(TimeoutError())
