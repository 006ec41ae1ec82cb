"""Every night, by the business clock, each source with an API key is reconciled, by one process of all."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from libs.runtime.clock import Clock
from libs.runtime.logging import get_logger
from services.ingest.domain.errors import OverloadedError, UnavailableError
from services.ingest.domain.sources import Source
from services.ingest.metrics import IngestMetrics
from services.ingest.ports import AnswerStore
from services.ingest.ports_sources import Sources
from services.ingest.reconciling import Reconciler, Window

_log = get_logger(__name__)
LOOK_BACK = timedelta(days=2)  # so that a night that failed is made good by the next
SETTLING = timedelta(minutes=15)  # what changed since may still be on its way to us
_NAP_S = 60.0  # between looks at a clock that may be set anew


def next_night(now: datetime, hour: int) -> datetime:
    """The next full hour of this number, UTC."""
    today = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    return today if today > now else today + timedelta(days=1)


class Nightly:
    """One per process. Whoever takes a night's key of a source first does its work; keys last for a day."""

    def __init__(
        self,
        *,
        reconciler: Reconciler,
        sources: Sources,
        keys: AnswerStore,
        metrics: IngestMetrics,
        clock: Clock,
        hour: int,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._reconciler = reconciler
        self._sources = sources
        self._keys = keys
        self._metrics = metrics
        self._clock = clock
        self._hour = hour
        self._sleep = sleep
        self._process = secrets.token_hex(8)  # unlike any other's, so that nobody takes over what is in work

    async def work_forever(self) -> None:
        """Until cancelled."""
        while True:
            night = next_night(self._clock.now(), self._hour)
            while (left := night - self._clock.now()) > timedelta(0):
                await self._sleep(min(self._clock.wall_seconds(left), _NAP_S))
            await self.work(night)

    async def work(self, night: datetime) -> None:
        """All sources of one night; one that fails does not keep the others from their turn."""
        try:
            served = [source for source in self._sources.all() if self._reconciler.serves(source)]
        except UnavailableError:
            _log.warning("ingest.reconciliation_waits", reason="sources")
            return
        for source in served:
            try:
                await self._one(source, night)
            except (UnavailableError, OverloadedError) as error:
                _log.warning("ingest.reconciliation_failed", source=source.name, error=str(error))

    async def _one(self, source: Source, night: datetime) -> None:
        name, key = f"reconcile/{source.name}", f"{night:%Y-%m-%d}"
        if await self._keys.begin(name, key, self._process) is not None:
            return
        report = await self._reconciler.run(source, Window(night - LOOK_BACK, night - SETTLING))
        await self._keys.finish(
            name, key, {"gaps": report.gaps, "lost": report.lost, "events": report.events}
        )
        self._metrics.reconciled_at.labels(source.name).set(self._clock.wall())
        _log.info(
            "ingest.reconciled",
            source=source.name,
            listed=report.listed,
            gaps=report.gaps,
            lost=report.lost,
            refused=sum(report.refused.values()),
            letters=report.letters,
            people=report.people,
            subscriptions=report.subscriptions,
        )
