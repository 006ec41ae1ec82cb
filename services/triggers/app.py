"""The composition root: real rules, clock, metrics and Kafka around the two pure functions."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry

from libs.events.topics import (
    CUSTOMER_HEALTH,
    CUSTOMER_TRIGGERS,
    SCORING_STATUS,
    TRIGGERS_DEAD_LETTERS,
    TRIGGERS_REQUESTS,
    TRIGGERS_STATE,
)
from libs.runtime.clock import make_clock
from libs.runtime.health import serve_health
from libs.runtime.lifecycle import calm_collector
from libs.runtime.metrics import make_registry
from libs.runtime.settings import RuntimeSettings
from libs.runtime.status import Listener
from libs.runtime.stream.settings import StreamSettings
from libs.runtime.stream.worker import StreamWorker
from services.triggers.adapters.rule_file import locate
from services.triggers.adapters.rule_source import RuleSource, following
from services.triggers.domain.guard import Limits
from services.triggers.domain.rows import LAYOUT, TriggersRow
from services.triggers.metrics import TriggersMetrics
from services.triggers.service import Triggers
from services.triggers.settings import TriggersSettings

KEPT = Path("triggers") / "rules.yaml"  # the last good rule set, under the data folder


@dataclass(frozen=True, slots=True)
class Wiring:
    """Names on Kafka: the real ones, or a test's own."""

    app_id: str = "triggers"
    source: str = CUSTOMER_HEALTH.name
    state: str = TRIGGERS_STATE.name
    dead_letters: str = TRIGGERS_DEAD_LETTERS.name
    requests: str = TRIGGERS_REQUESTS.name
    heard: str = SCORING_STATUS.name


REAL = Wiring()


def make_worker(
    runtime: RuntimeSettings,
    stream: StreamSettings,
    settings: TriggersSettings,
    service: Triggers,
    *,
    registry: CollectorRegistry,
    wiring: Wiring,
    held: Callable[[], bool],
) -> StreamWorker:
    rhythm = {"sweep_s": settings.sweep_s, "sweep_wall_s": settings.sweep_min_wall_s}
    return StreamWorker(
        app_id=wiring.app_id,
        source=wiring.source,
        state=wiring.state,
        dead_letters=wiring.dead_letters,
        row=TriggersRow,
        layout=LAYOUT,
        service=service,
        settings=runtime,
        stream=stream.model_copy(update=rhythm),
        clock=make_clock(runtime.clock_file),
        metrics=registry,
        outputs=(CUSTOMER_TRIGGERS.name,),
        transfers=wiring.requests,
        held=held,
    )


async def run(
    runtime: RuntimeSettings,
    stream: StreamSettings,
    settings: TriggersSettings,
    stop: asyncio.Event | None = None,
    wiring: Wiring = REAL,
) -> None:
    """The service with its health endpoints, until asked to stop.

    Raises RuleFileError when there are no rules to start with: nothing has been opened then.
    """
    registry = make_registry()
    metrics = TriggersMetrics(registry)
    source = RuleSource(locate(settings.rules_file), runtime.data_dir / KEPT, metrics.rule_file)
    service = Triggers(source.first(), metrics, Limits(settings.storm_share, settings.storm_least))
    scoring = Listener(
        runtime.kafka,
        wiring.heard,
        make_clock(runtime.clock_file),
        registry,
        app=wiring.app_id,
        longest_s=stream.hold_max_s,
    )
    worker = make_worker(
        runtime, stream, settings, service, registry=registry, wiring=wiring, held=scoring.held
    )
    calm_collector()
    async with (
        serve_health(runtime.host, settings.port, registry, worker.readiness),
        following(source, service.adopt, settings.rules_poll_s),
        scoring.following(),
    ):
        await worker.run(stop)
