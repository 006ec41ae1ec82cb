"""In-memory fakes of ingest's ports to the providers' APIs. They pass the same cases as the real ones."""

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec

from libs.events.ids import split_key
from libs.events.topics import CUSTOMER_EVENTS
from services.ingest.domain.gaps import Told
from services.ingest.domain.hooks import Hook, Repair
from services.ingest.domain.people import Anchor
from services.ingest.domain.plan import Wanted
from services.ingest.domain.reading import Node
from services.ingest.domain.sources import Source
from services.ingest.testing import MemoryIdentities, MemoryLog
from services.ingest.testing_outage import Outage


class MemoryProviderApi(Outage):
    """A ProviderApi in which every source with a key has what a test puts in."""

    def __init__(self) -> None:
        super().__init__()
        self.objects: dict[tuple[str, str], Any] = {}  # kind and number
        self.changed: list[tuple[datetime, Any]] = []
        self.subscriptions: list[Hook] = []
        self.asked: list[Wanted] = []

    def serves(self, source: Source, what: str) -> bool:  # noqa: ARG002 (the port's signature)
        return source.api_key is not None

    async def fetch(self, source: Source, wanted: Wanted, wait_s: float) -> Node | None:  # noqa: ARG002 (the port's signature)
        self.asked.append(wanted)
        self.check()
        found = self.objects.get((wanted.what, wanted.id))
        return None if found is None else Node(found)

    async def listed(self, source: Source, since: datetime, until: datetime) -> AsyncIterator[Sequence[Node]]:  # noqa: ARG002 (the port's signature)
        self.check()
        found = [Node(raw) for at, raw in self.changed if since <= at < until]
        for start in range(0, len(found), 2):
            yield found[start : start + 2]

    async def hooks(self, source: Source) -> list[Hook] | None:  # noqa: ARG002 (the port's signature)
        self.check()
        return list(self.subscriptions)

    async def mend(self, source: Source, repair: Repair, address: str) -> None:  # noqa: ARG002 (the port's signature)
        self.check()
        rest = [hook for hook in self.subscriptions if hook.id != repair.id]
        number = repair.id or str(len(self.subscriptions) + 1)
        self.subscriptions = [*rest, Hook(number, repair.topic, address)]


class MemoryTold:
    """A ToldEvents over the fake of the log, all of which was told just now."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    async def told(self, tenant: str, since: datetime) -> Told:
        self._log.check()
        mine = (one for one in self._log.on(CUSTOMER_EVENTS.name) if split_key(one.key)[0] == tenant)
        return Told(since, {msgspec.json.decode(one.value or b"")["id"] for one in mine})


class MemoryArrivals:
    """Arrivals over the fake of the identities, who were all met at one time; None: whenever it is asked."""

    def __init__(self, identities: MemoryIdentities, met_at: datetime | None = None) -> None:
        self._identities = identities
        self.met_at = met_at

    async def arrived(self, tenant: str, objects: Collection[Anchor]) -> set[tuple[str, str]]:
        self._identities.check()
        owners = self._identities.book.owners
        return {(one.kind, one.value) for one in objects if (tenant, one.kind, one.value) in owners}

    async def nameless(
        self, tenant: str, kind: str, window: tuple[datetime, datetime], after: str, limit: int
    ) -> list[str]:
        self._identities.check()
        if self.met_at is not None and not window[0] <= self.met_at < window[1]:
            return []
        book = self._identities.book
        mine = (
            (value, book.profiles.get((tenant, owner), {}))
            for (of, its_kind, value), owner in book.owners.items()
            if (of, its_kind) == (tenant, kind) and value > after
        )
        return sorted(value for value, known in mine if not known.keys() & {"email", "phone"})[:limit]
