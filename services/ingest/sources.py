"""Sources in memory: those of PostgreSQL as they were last seen, and the file's and the table's as one."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Mapping

from libs.runtime.errors import ConfigError
from libs.runtime.lifecycle import cancel_all
from libs.runtime.logging import get_logger
from services.ingest.domain.errors import UnavailableError
from services.ingest.domain.plan import Provider
from services.ingest.domain.sources import Source
from services.ingest.ports_sources import Sources, SourceStore

_log = get_logger(__name__)
LOOK_S = 1.0  # wall seconds between looks at the store: how long a new secret takes to count


class SourcesSnapshot:
    """What a store said last: in force while the store is away, and never a query to wait for."""

    def __init__(self, store: SourceStore) -> None:
        self._store = store
        self._stamp: str | None = None
        self._known: Mapping[str, Source] = {}
        self._faults: Mapping[str, str] = {}

    def find(self, name: str) -> Source | None:
        self._require()
        if name in self._faults:
            # Known, so no 404: the provider tries again and an operator reads the log.
            raise UnavailableError(f"source {name} cannot be used; the log says why")
        return self._known.get(name)

    def all(self) -> Collection[Source]:
        self._require()
        return self._known.values()

    def _require(self) -> None:
        if self._stamp is None:
            raise UnavailableError("the sources in PostgreSQL have not been read yet")

    async def look(self) -> None:
        """See what has changed. Raises UnavailableError; ConfigError if secrets cannot be opened."""
        # The stamp comes first: what changes meanwhile is seen again, never missed.
        stamp = await self._store.stamp()
        if stamp == self._stamp:
            return
        stored = await self._store.load()
        self._known = {one.name: one.source for one in stored if one.source is not None}
        self._faults = {one.name: one.fault for one in stored if one.source is None}
        self._stamp = stamp
        _log.info("ingest.sources_stored", names=sorted(self._known))
        for name, fault in self._faults.items():
            _log.error("ingest.source_unusable", source=name, error=fault)

    async def follow_forever(self) -> None:
        """Until cancelled. What cannot be read leaves what was read before in force."""
        away = False
        while True:
            try:
                await self.look()
                away = False
            except (UnavailableError, ConfigError) as error:
                if not away:
                    _log.error("ingest.sources_not_read", error=str(error))
                away = True
            await asyncio.sleep(LOOK_S)

    @contextlib.asynccontextmanager
    async def followed(self) -> AsyncIterator[asyncio.Task[None]]:
        """Looked at once, then for the length of the block. Raises ConfigError at once, not in the log."""
        with contextlib.suppress(UnavailableError):
            await self.look()
        task = asyncio.create_task(self.follow_forever())
        try:
            yield task
        finally:
            await cancel_all(task)


class JoinedSources:
    """The file's sources and the table's. A name in both is the file's."""

    def __init__(self, file: Sources, table: SourcesSnapshot) -> None:
        self.file = file
        self.table = table

    def find(self, name: str) -> Source | None:
        found = self.file.find(name)
        if found is not None:
            return found
        stored = self.table.find(name)
        if stored is not None and not self._declared(stored):
            raise UnavailableError(f"source {name}: no file declares the provider {stored.provider} any more")
        return stored

    def all(self) -> Collection[Source]:
        stored = {source.name: source for source in self.table.all() if self._declared(source)}
        return (stored | {source.name: source for source in self.file.all()}).values()

    def provider(self, name: str) -> Provider:
        return self.file.provider(name)

    def _declared(self, source: Source) -> bool:
        try:
            self.file.provider(source.provider)
        except KeyError:
            return False
        return True
