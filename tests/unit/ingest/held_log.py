"""A log whose answer can be waited for and let go."""

import asyncio
from collections.abc import Sequence

from services.ingest.domain.record import Record
from services.ingest.testing import MemoryLog


class HeldLog(MemoryLog):
    """A log that answers only when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.go = asyncio.Event(), asyncio.Event()

    async def append(self, records: Sequence[Record], wait_s: float) -> None:
        self.reached.set()
        await self.go.wait()
        await super().append(records, wait_s)
