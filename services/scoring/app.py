"""The composition root: real scorecard, clock, metrics and Kafka around the two pure functions."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from libs.events.topics import (
    CUSTOMER_EVENTS,
    CUSTOMER_HEALTH,
    HEALTH_CHANGES,
    INGEST_STATUS,
    SCORING_DEAD_LETTERS,
    SCORING_STATE,
    SCORING_STATUS,
    SCORING_TRANSFERS,
)
from libs.runtime.clock import make_clock
from libs.runtime.health import Readiness, serve_health
from libs.runtime.hold import Relay
from libs.runtime.lifecycle import calm_collector, stop_on_signals
from libs.runtime.logging import get_logger
from libs.runtime.metrics import make_registry
from libs.runtime.settings import RuntimeSettings
from libs.runtime.status import Listener, Word, announcing
from libs.runtime.stream.settings import StreamSettings
from libs.runtime.stream.takeover import never_held
from libs.runtime.stream.worker import StreamWorker
from services.scoring.adapters.scorecard_file import STARTER, load_scorecard
from services.scoring.domain.money import Money
from services.scoring.domain.row import LAYOUT, MIGRATE, ROW
from services.scoring.metrics import ScoringMetrics
from services.scoring.service import Scorer
from services.scoring.settings import ScoringSettings
from services.scoring.warm import warm_up

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Wiring:
    """Names on Kafka: the real ones, or a test's own."""

    app_id: str = "scoring"
    source: str = CUSTOMER_EVENTS.name
    state: str = SCORING_STATE.name
    dead_letters: str = SCORING_DEAD_LETTERS.name
    transfers: str = SCORING_TRANSFERS.name
    heard: str = INGEST_STATUS.name
    said: str = SCORING_STATUS.name


REAL = Wiring()


def make_worker(
    runtime: RuntimeSettings,
    stream: StreamSettings,
    settings: ScoringSettings,
    registry: CollectorRegistry,
    wiring: Wiring = REAL,
    *,
    held: Callable[[], bool] = never_held,
) -> StreamWorker:
    """Raises ConfigError when the scorecard cannot be used: nothing has been opened then."""
    path = settings.scorecard_file or STARTER
    scorecard = load_scorecard(path)
    _log.info("scoring.scorecard", file=str(path), version=scorecard.version)
    clock = make_clock(runtime.clock_file)
    money = Money(settings.currency, settings.currencies, settings.rates)
    rhythm = {"sweep_s": settings.sweep_s, "sweep_wall_s": settings.sweep_min_wall_s}
    return StreamWorker(
        app_id=wiring.app_id,
        source=wiring.source,
        state=wiring.state,
        dead_letters=wiring.dead_letters,
        row=ROW,
        layout=LAYOUT,
        migrate=MIGRATE,
        service=Scorer(scorecard, money, ScoringMetrics(registry), clock.wall),
        settings=runtime,
        stream=stream.model_copy(update=rhythm),
        clock=clock,
        metrics=registry,
        outputs=(CUSTOMER_HEALTH.name, HEALTH_CHANGES.name),
        transfers=wiring.transfers,
        held=held,
    )


async def run(
    runtime: RuntimeSettings,
    stream: StreamSettings,
    settings: ScoringSettings,
    stop: asyncio.Event | None = None,
    wiring: Wiring = REAL,
) -> None:
    """Until asked to stop: compile, then join the group."""
    stop = stop or stop_on_signals()
    registry, clock = make_registry(), make_clock(runtime.clock_file)
    ingest = Listener(
        runtime.kafka, wiring.heard, clock, registry, app=wiring.app_id, longest_s=stream.hold_max_s
    )
    worker = make_worker(runtime, stream, settings, registry, wiring, held=ingest.held)
    warm, relay = asyncio.Event(), Relay()

    def word() -> Word | None:
        """Nothing where ingest has never been: triggers would wait for us as long as we wait for nobody."""
        if not ingest.known:
            return None
        return Word(relay.waiting(held=ingest.held(), settled=worker.settled()))

    def readiness() -> Readiness:
        return worker.readiness() if warm.is_set() else Readiness(False, "compiling")

    async with (
        serve_health(runtime.host, settings.port, registry, readiness),
        ingest.following(),
        announcing(runtime.kafka, wiring.said, clock, word),
    ):
        await _warm(stop)
        warm.set()
        if not stop.is_set():
            await worker.run(stop)


async def _warm(stop: asyncio.Event) -> None:
    """Compile in a thread, so that /healthz answers meanwhile; a compilation cannot be cut short."""
    began = time.perf_counter()
    await asyncio.to_thread(warm_up)
    calm_collector()
    if not stop.is_set():
        _log.info("scoring.warm", seconds=round(time.perf_counter() - began, 1))
