"""The composition root: real scorecard, clock, metrics and Kafka around the two pure functions."""

import asyncio
import time

from libs.events.topics import (
    CUSTOMER_EVENTS,
    CUSTOMER_HEALTH,
    HEALTH_CHANGES,
    SCORING_DEAD_LETTERS,
    SCORING_STATE,
)
from libs.runtime.clock import make_clock
from libs.runtime.health import Readiness, serve_health
from libs.runtime.lifecycle import stop_on_signals
from libs.runtime.logging import get_logger
from libs.runtime.metrics import make_registry
from libs.runtime.settings import RuntimeSettings
from libs.runtime.stream.settings import StreamSettings
from libs.runtime.stream.worker import StreamWorker
from services.scoring.adapters.scorecard_file import STARTER, load_scorecard
from services.scoring.domain.money import Money
from services.scoring.domain.row import LAYOUT, ROW
from services.scoring.metrics import ScoringMetrics
from services.scoring.service import Scorer
from services.scoring.settings import ScoringSettings
from services.scoring.warm import warm_up

_log = get_logger(__name__)


async def run(
    runtime: RuntimeSettings,
    stream: StreamSettings,
    settings: ScoringSettings,
    stop: asyncio.Event | None = None,
) -> None:
    """Until asked to stop. A bad scorecard raises ConfigError before anything is opened."""
    stop = stop or stop_on_signals()
    path = settings.scorecard_file or STARTER
    scorecard = load_scorecard(path)
    _log.info("scoring.scorecard", file=str(path), version=scorecard.version)
    registry, clock = make_registry(), make_clock(runtime.clock_file)
    money = Money(settings.currency, settings.currencies, settings.rates)
    rhythm = {"sweep_s": settings.sweep_s, "sweep_wall_s": settings.sweep_min_wall_s}
    worker = StreamWorker(
        app_id="scoring",
        source=CUSTOMER_EVENTS.name,
        state=SCORING_STATE.name,
        dead_letters=SCORING_DEAD_LETTERS.name,
        row=ROW,
        layout=LAYOUT,
        service=Scorer(scorecard, money, ScoringMetrics(registry), clock.wall),
        settings=runtime,
        stream=stream.model_copy(update=rhythm),
        clock=clock,
        metrics=registry,
        outputs=(CUSTOMER_HEALTH.name, HEALTH_CHANGES.name),
    )
    warming = Readiness(False, "compiling")
    state = {"warm": False}
    ready = lambda: worker.readiness() if state["warm"] else warming  # noqa: E731 (one expression, one use)
    async with serve_health(runtime.host, settings.port, registry, ready):
        await _warm(stop)
        state["warm"] = True
        if not stop.is_set():
            await worker.run(stop)


async def _warm(stop: asyncio.Event) -> None:
    """Compile in a thread, so that /healthz answers meanwhile; a compilation cannot be cut short."""
    began = time.perf_counter()
    await asyncio.to_thread(warm_up)
    if not stop.is_set():
        _log.info("scoring.warm", seconds=round(time.perf_counter() - began, 1))
