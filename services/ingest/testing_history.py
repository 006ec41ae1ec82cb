"""In-memory fakes of what an import of history needs. They pass the same cases as the real ones."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import msgspec

from libs.events.topics import CUSTOMER_EVENTS
from services.ingest.domain.record import Record
from services.ingest.ports import Imported
from services.ingest.testing_outage import Outage


class MemoryImports(Outage):
    """An ImportStore."""

    def __init__(self) -> None:
        super().__init__()
        self.done: dict[tuple[str, str], Imported] = {}
        self._taken: set[tuple[str, str]] = set()

    @asynccontextmanager
    async def alone(self, tenant: str, digest: str) -> AsyncIterator[bool]:
        self.check()
        if (tenant, digest) in self._taken:
            yield False
            return
        self._taken.add((tenant, digest))
        try:
            yield True
        finally:
            self._taken.discard((tenant, digest))

    async def find(self, tenant: str, digest: str) -> Imported | None:
        self.check()
        return self.done.get((tenant, digest))

    async def save(self, done: Imported) -> None:
        self.check()
        self.done[done.tenant, done.digest] = done


class MemoryHistoryLog(Outage):
    """A HistoryLog with one partition."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[Record] = []

    async def append(self, records: Sequence[Record]) -> dict[int, int]:
        self.check()
        self.records += records
        return await self.ends()

    def on(self, topic: str) -> list[Record]:
        return [record for record in self.records if record.topic == topic]

    async def ends(self) -> dict[int, int]:
        self.check()
        return {0: len(self.on(CUSTOMER_EVENTS.name))}

    async def ids_since(self, offsets: Mapping[int, int]) -> set[str]:
        self.check()
        records = self.on(CUSTOMER_EVENTS.name)[offsets.get(0, 0) :]
        return {msgspec.json.decode(record.value or b"")["id"] for record in records}
