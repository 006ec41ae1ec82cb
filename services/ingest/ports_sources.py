"""What is needed of sources: finding one at once, and keeping them. Fakes: FixedSources, MemorySources."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.ingest.domain.plan import Provider
from services.ingest.domain.sources import Secret, Source


class Sources(Protocol):
    """The endpoints that are configured, and the providers that they name: built in or declared.

    Asked for each request, so all of it is in memory.
    """

    def find(self, name: str) -> Source | None:
        """Raises UnavailableError while nobody can say which sources there are."""
        ...

    def provider(self, name: str) -> Provider: ...

    def all(self) -> Collection[Source]:
        """Raises UnavailableError as `find` does."""
        ...


@dataclass(frozen=True, slots=True)
class StoredSource:
    """A source as it is kept. `source` is None if it cannot be used, and `fault` says why."""

    name: str
    created_at: datetime
    source: Source | None
    fault: str = ""


class SourceStore(Protocol):
    """Where sources are kept. Every method raises UnavailableError when the store is away."""

    async def stamp(self) -> str:
        """Another one after every change, whoever made it."""
        ...

    async def load(self) -> Sequence[StoredSource]:
        """All of them by name. Raises ConfigError if there are secrets and no key to open any."""
        ...

    async def add(self, source: Source) -> bool:
        """False if there is one of this name."""
        ...

    async def rotate(self, name: str, secret: Secret, old_until: datetime) -> bool:
        """Add a secret; those before it end at `old_until` if not sooner. False if there is no such source.

        What has ended by then is deleted. Raises ConfigError if too many are alive.
        """
        ...

    async def switch(self, name: str, *, enabled: bool) -> bool:
        """False if there is no such source."""
        ...

    async def change(self, name: str, changes: Mapping[str, object]) -> bool:
        """Name, provider, tenant and secrets are kept. False if there is no such source.

        Raises ConfigError if what is kept cannot be opened.
        """
        ...

    async def remove(self, name: str) -> bool:
        """With its secrets. False if there is no such source."""
        ...
