"""What a thin payload leaves out, asked of the provider's API: never longer than an answer may wait."""

import asyncio
from collections.abc import Callable
from typing import Literal

from services.ingest.domain.errors import NotUnderstoodError, UnavailableError
from services.ingest.domain.people import Person, completed
from services.ingest.domain.plan import Item, Objects, Wanted, wanted
from services.ingest.domain.reading import Node
from services.ingest.domain.sources import Source
from services.ingest.metrics import IngestMetrics
from services.ingest.provider_api import PATIENT_S, ProviderApi

_Result = Literal["found", "unknown", "left_out"]


class Enricher:
    """Asks for what is wanted. What cannot be had in time is counted; reconciliation comes for it later."""

    def __init__(self, api: ProviderApi, metrics: IngestMetrics, wait_s: float) -> None:
        self._api = api
        self._metrics = metrics
        self._wait_s = wait_s

    def until(self, *, patient: bool) -> float:
        """When a delivery that came now must go on without, by the loop's clock."""
        return asyncio.get_running_loop().time() + (PATIENT_S if patient else self._wait_s)

    def asks(self, item: Item, objects: Objects | None, source: Source) -> Wanted | None:
        """Whose this is, if it leaves that out and somebody can be asked."""
        asked = wanted(item, objects)
        return asked if asked is not None and self._api.serves(source, asked.what) else None

    async def whole(self, asked: Wanted, source: Source, until: float) -> Node:
        """The object that a delivery only names. Raises NotUnderstoodError (thin_payload) without it."""
        if not self._api.serves(source, asked.what):
            raise _thin(asked, "what it is about needs an API key")
        try:
            found = await self._fetch(asked, source, until)
        except UnavailableError:
            raise _thin(asked, "the API did not answer in time") from None
        if found is None:
            raise _thin(asked, "the API knows no such thing")
        return found

    async def person(
        self,
        asked: Wanted,
        said: Person,
        read: Callable[[Wanted, Node], Person],
        source: Source,
        until: float,
    ) -> Person:
        """What is said of a person and what the API knows of them; without it, what is said."""
        try:
            found = await self._fetch(asked, source, until)
            return said if found is None else completed(said, read(asked, found))
        except (UnavailableError, NotUnderstoodError):
            return said

    async def _fetch(self, asked: Wanted, source: Source, until: float) -> Node | None:
        left = until - asyncio.get_running_loop().time()
        result: _Result = "left_out"
        try:
            async with asyncio.timeout_at(until):
                found = await self._api.fetch(source, asked, max(left, 0.0))
        except TimeoutError:
            raise UnavailableError("the API took too long") from None
        else:
            result = "unknown" if found is None else "found"
            return found
        finally:
            self._metrics.enrichments.labels(source.provider, asked.what, result).inc()


def _thin(asked: Wanted, why: str) -> NotUnderstoodError:
    return NotUnderstoodError("thin_payload", f"the delivery names a {asked.what} by its id only, and {why}")
