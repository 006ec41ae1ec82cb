"""The composition root: real rules, clock, metrics and Kafka around the two pure functions."""

import asyncio
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from libs.events.topics import CUSTOMER_HEALTH, CUSTOMER_TRIGGERS, TRIGGERS_DEAD_LETTERS, TRIGGERS_STATE
from libs.runtime.clock import make_clock
from libs.runtime.health import serve_health
from libs.runtime.lifecycle import calm_collector
from libs.runtime.logging import get_logger
from libs.runtime.metrics import make_registry
from libs.runtime.settings import RuntimeSettings
from libs.runtime.stream.settings import StreamSettings
from libs.runtime.stream.worker import StreamWorker
from services.triggers.adapters.rule_file import load, locate
from services.triggers.domain.rows import LAYOUT, TriggersRow
from services.triggers.metrics import TriggersMetrics
from services.triggers.service import Triggers
from services.triggers.settings import TriggersSettings

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Wiring:
    """Names on Kafka: the real ones, or a test's own."""

    app_id: str = "triggers"
    source: str = CUSTOMER_HEALTH.name
    state: str = TRIGGERS_STATE.name
    dead_letters: str = TRIGGERS_DEAD_LETTERS.name


REAL = Wiring()


def make_worker(
    runtime: RuntimeSettings,
    stream: StreamSettings,
    settings: TriggersSettings,
    registry: CollectorRegistry,
    wiring: Wiring = REAL,
) -> StreamWorker:
    """Raises RuleFileError when the rule file cannot be used: nothing has been opened then."""
    path = locate(settings.rules_file)
    rules = load(path)  # read once; following changes of the file starts here
    _log.info("triggers.rules", file=str(path), rules={rule.id: rule.version for rule in rules})
    rhythm = {"sweep_s": settings.sweep_s, "sweep_wall_s": settings.sweep_min_wall_s}
    return StreamWorker(
        app_id=wiring.app_id,
        source=wiring.source,
        state=wiring.state,
        dead_letters=wiring.dead_letters,
        row=TriggersRow,
        layout=LAYOUT,
        service=Triggers(rules, TriggersMetrics(registry)),
        settings=runtime,
        stream=stream.model_copy(update=rhythm),
        clock=make_clock(runtime.clock_file),
        metrics=registry,
        outputs=(CUSTOMER_TRIGGERS.name,),
    )


async def run(
    runtime: RuntimeSettings,
    stream: StreamSettings,
    settings: TriggersSettings,
    stop: asyncio.Event | None = None,
    wiring: Wiring = REAL,
) -> None:
    """The service with its health endpoints, until asked to stop."""
    registry = make_registry()
    worker = make_worker(runtime, stream, settings, registry, wiring)
    calm_collector()
    async with serve_health(runtime.host, settings.port, registry, worker.readiness):
        await worker.run(stop)
