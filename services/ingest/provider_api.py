"""What ingest asks of the providers' own APIs, and of its store about what has arrived.

Fakes of both are in services/ingest/testing_apis.py; they pass the same cases (tests/contract/ingest).
"""

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime
from typing import Protocol

from services.ingest.domain.gaps import Told
from services.ingest.domain.hooks import Hook, Repair
from services.ingest.domain.people import Anchor
from services.ingest.domain.plan import Wanted
from services.ingest.domain.reading import Node
from services.ingest.domain.sources import Source

PATIENT_S = 120.0  # nobody waits for an answer: a provider that says "in a minute" is waited for


class ProviderApi(Protocol):
    """The APIs of all providers. Every method raises UnavailableError when one is away, slow or says no."""

    def serves(self, source: Source, what: str) -> bool:
        """Whether objects of this kind can be asked for: the source has a key, its provider an API of it."""
        ...

    async def fetch(self, source: Source, wanted: Wanted, wait_s: float) -> Node | None:
        """One object within so long, or None if the provider knows no such thing."""
        ...

    def listed(self, source: Source, since: datetime, until: datetime) -> AsyncIterator[Sequence[Node]]:
        """What changed in between, in pages; Stripe's events as they happened."""
        ...

    async def hooks(self, source: Source) -> list[Hook] | None:
        """The subscriptions there are; None if this provider's API does not tell."""
        ...

    async def mend(self, source: Source, repair: Repair, address: str) -> None: ...


class ToldEvents(Protocol):
    """What stands on customer.events. Raises UnavailableError when Kafka is away."""

    async def told(self, tenant: str, since: datetime) -> Told:
        """The ids of a tenant's events from this moment on, or from as early as the topic reaches back."""
        ...


class Arrivals(Protocol):
    """What of a provider's objects is known here. Raises UnavailableError when the store is away.

    An object has arrived once its row is in `identities`: it is written when somebody is found to own it,
    before the events of that delivery are published (or, for a customer in memory, shortly after).
    """

    async def arrived(self, tenant: str, objects: Collection[Anchor]) -> set[tuple[str, str]]:
        """Which of these have: kind and value."""
        ...

    async def nameless(
        self, tenant: str, kind: str, window: tuple[datetime, datetime], after: str, limit: int
    ) -> list[str]:
        """Ids of this kind of people met in this window who have no address: in order, after this one."""
        ...
