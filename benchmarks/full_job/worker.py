"""The scoring worker as a process of a benchmark: `python -m benchmarks.full_job.worker '<spec>'`."""

import asyncio
import sys
from pathlib import Path

import msgspec
from prometheus_client import CollectorRegistry

from libs.runtime.logging import configure_logging
from libs.runtime.settings import RuntimeSettings
from libs.runtime.stream.settings import StreamSettings


class Spec(msgspec.Struct, frozen=True):
    """One run: the only argument, as JSON."""

    kafka: str
    app: str  # also the stem of its topics; new for each run
    cache: str  # folder for machine code

    @property
    def source(self) -> str:
        return f"{self.app}-events"

    @property
    def state(self) -> str:
        return f"{self.app}-state"

    @property
    def transfers(self) -> str:
        return f"{self.app}-transfers"

    @property
    def dead_letters(self) -> str:
        return f"{self.app}-dead-letters"


def main() -> None:
    """As `greenline scoring run`, with topics of its own and no HTTP server."""
    spec = msgspec.json.decode(sys.argv[1], type=Spec)
    configure_logging("scoring", as_json=True)
    from libs.runtime.lifecycle import calm_collector
    from services.scoring.warm import use_cache, warm_up

    use_cache(Path(spec.cache))  # before the domain is imported
    from services.scoring.app import Wiring, make_worker
    from services.scoring.settings import ScoringSettings

    warm_up()
    calm_collector()
    wiring = Wiring(spec.app, spec.source, spec.state, spec.dead_letters, spec.transfers)
    runtime = RuntimeSettings(kafka=spec.kafka)
    worker = make_worker(runtime, StreamSettings(), ScoringSettings(), CollectorRegistry(), wiring)
    asyncio.run(worker.run())


if __name__ == "__main__":
    main()
