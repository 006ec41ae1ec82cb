"""In-memory fake of the SourceStore."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from libs.runtime.errors import ConfigError
from services.ingest.domain.sources import MOST_SECRETS, Secret, Source
from services.ingest.ports_sources import StoredSource
from services.ingest.testing_outage import Outage


class MemorySources(Outage):
    """A SourceStore."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, StoredSource] = {}
        self.changes = 0
        self.loads = 0

    async def stamp(self) -> str:
        self.check()
        return str(self.changes)

    async def load(self) -> Sequence[StoredSource]:
        self.check()
        self.loads += 1
        return [self.rows[name] for name in sorted(self.rows)]

    async def add(self, source: Source) -> bool:
        self.check()
        if source.name in self.rows:
            return False
        self.put(StoredSource(source.name, datetime.now(UTC), source))
        return True

    async def rotate(self, name: str, secret: Secret, old_until: datetime) -> bool:
        self.check()
        if name not in self.rows:
            return False
        now = secret.added_at or datetime.now(UTC)
        alive = [one for one in self._of(name).secrets if one.live(now.timestamp())]
        ending = [
            one.model_copy(update={"retires_at": min(one.retires_at or old_until, old_until)})
            for one in alive
        ]
        if len(ending) >= MOST_SECRETS:
            raise ConfigError(f"source {name} has {MOST_SECRETS} live secrets: wait until some have ended")
        self._change(name, secrets=(*ending, secret))
        return True

    async def switch(self, name: str, *, enabled: bool) -> bool:
        self.check()
        if name not in self.rows:
            return False
        self._change(name, enabled=enabled)
        return True

    async def change(self, name: str, changes: Mapping[str, object]) -> bool:
        self.check()
        if name not in self.rows:
            return False
        self._change(name, **changes)
        return True

    async def remove(self, name: str) -> bool:
        self.check()
        self.changes += 1
        return self.rows.pop(name, None) is not None

    def put(self, row: StoredSource) -> None:
        self.rows[row.name] = row
        self.changes += 1

    def _of(self, name: str) -> Source:
        source = self.rows[name].source
        assert source is not None
        return source

    def _change(self, name: str, **changes: object) -> None:
        changed = self._of(name).model_copy(update=changes)
        self.put(StoredSource(name, self.rows[name].created_at, changed))
