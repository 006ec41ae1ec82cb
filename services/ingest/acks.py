"""Waiting for acknowledgements, and following those that nobody waits for any more."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from services.ingest.domain.errors import UnavailableError
from services.ingest.ports import UnacknowledgedError

Fate = asyncio.Future[Any]
"""Done once Kafka has the record; an exception says that it will not come any more."""


class Acks:
    """What an EventLog promises about time, whatever sends the records. `failed` is told of each failure."""

    def __init__(self, failed: Callable[[], None] = lambda: None) -> None:
        self._failed = failed
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
            failure = self._follow(sent)
        if failure is not None:
            raise UnacknowledgedError(f"Kafka: {failure!r}", sent) from failure

    async def nothing_hangs(self) -> None:
        """Until the client has accounted for everything that nobody waits for any more."""
        while self._hanging:
            await asyncio.wait(self._hanging)

    def _follow(self, sent: Sequence[Fate]) -> BaseException | None:
        """Returns why one has failed."""
        failure = None
        for fate in sent:
            if fate.done():
                failure = self._ended(fate) or failure
            else:
                self._hanging.add(fate)
                fate.add_done_callback(self._ended)
        return failure

    def _ended(self, fate: Fate) -> BaseException | None:
        self._hanging.discard(fate)
        failure = None if fate.cancelled() else fate.exception()
        if failure is not None:
            self._failed()
        return failure
