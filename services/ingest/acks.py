"""Waiting for acknowledgements, and following those that nobody waits for any more."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from services.ingest.domain.errors import OversizedError, UnavailableError
from services.ingest.ports import UnacknowledgedError

Fate = asyncio.Future[Any]
"""Done once Kafka has the record; an exception says that it will not come any more."""


class Acks:
    """What an EventLog promises about time, whatever sends the records.

    `failed` is told of each failure of what was sent; `oversized` are those that say: too large.
    """

    def __init__(self, failed: Callable[[], None] = lambda: None, *oversized: type[BaseException]) -> None:
        self._failed = failed
        self._oversized: tuple[type[BaseException], ...] = (OversizedError, *oversized)
        self._hanging: set[Fate] = set()

    async def of(self, send: Callable[[list[Fate]], Awaitable[None]], wait_s: float) -> None:
        """Returns once all that `send` puts into the list has landed. Raises UnacknowledgedError."""
        sent: list[Fate] = []
        try:
            async with asyncio.timeout(wait_s):
                await send(sent)
                await asyncio.wait(sent)
        except TimeoutError:
            raise UnacknowledgedError(f"Kafka did not acknowledge within {wait_s} s", sent) from None
        except UnavailableError as error:
            raise UnacknowledgedError(str(error), sent) from error
        finally:
            failures = self._follow(sent)
        if failures:
            oversized = any(isinstance(one, self._oversized) for one in failures)
            raise UnacknowledgedError(f"Kafka: {failures[0]!r}", sent, oversized=oversized) from failures[0]

    async def nothing_hangs(self) -> None:
        """Until the client has accounted for everything that nobody waits for any more."""
        while self._hanging:
            await asyncio.wait(self._hanging)

    def _follow(self, sent: Sequence[Fate]) -> list[BaseException]:
        """Returns why some have failed."""
        failures = []
        for fate in sent:
            if not fate.done():
                self._hanging.add(fate)
                fate.add_done_callback(self._ended)
            elif (failure := self._ended(fate)) is not None:
                failures.append(failure)
        return failures

    def _ended(self, fate: Fate) -> BaseException | None:
        self._hanging.discard(fate)
        failure = None if fate.cancelled() else fate.exception()
        if failure is not None and not isinstance(failure, OversizedError):  # that one never left the client
            self._failed()
        return failure
