"""The topics of one round, and the worker over them: as a process of its own."""

import sys
from pathlib import Path

import msgspec
from prometheus_client import CollectorRegistry

from libs.runtime.clock import SystemClock
from libs.runtime.settings import RuntimeSettings
from libs.runtime.stack import ChildSpec, ensure_topics
from libs.runtime.stream.settings import StreamSettings
from libs.runtime.stream.worker import StreamWorker
from tests.chaos.purses import ROW, Purses
from tests.fixtures.stack import FreshTopic

PARTITIONS = 4
SESSION_S = 6.0  # the product's: silent for longer, a worker loses its partitions
_SWEEP_S = 2.0
_DRAIN_S = 5.0
_ROOT = Path(__file__).resolve().parents[2]
_APPENDED = {"message.timestamp.type": "LogAppendTime"}  # the broker's clock tells pauses
_COMPACT = {"cleanup.policy": "compact"}


class Job(msgspec.Struct, frozen=True):
    """One application with its own topics.

    ``mutant`` names what is taken out of its workers; each step takes at least ``step_s`` seconds.
    """

    kafka: str
    app: str
    mutant: str = ""
    step_s: float = 0.0

    @property
    def source(self) -> str:
        return f"{self.app}-source"

    @property
    def transfers(self) -> str:
        return f"{self.app}-transfers"

    @property
    def state(self) -> str:
        return f"{self.app}-state"

    @property
    def out(self) -> str:
        return f"{self.app}-out"

    @property
    def dead(self) -> str:
        return f"{self.app}-dead"

    async def make_topics(self) -> None:
        plain = [FreshTopic(name) for name in (self.source, self.transfers, self.dead)]
        special = [FreshTopic(self.out, _APPENDED), FreshTopic(self.state, _COMPACT)]
        await ensure_topics(self.kafka, [*plain, *special], partitions=PARTITIONS)

    def child(self, name: str) -> ChildSpec:
        argv = (sys.executable, "-m", "tests.chaos.process", msgspec.json.encode(self).decode(), name)
        return ChildSpec(name, argv, {"PYTHONPATH": str(_ROOT)})

    def worker(self, kind: type[StreamWorker], instance: str) -> StreamWorker:
        return kind(
            app_id=self.app,
            source=self.source,
            state=self.state,
            dead_letters=self.dead,
            outputs=[self.out],
            transfers=self.transfers,
            row=ROW,
            layout=1,
            service=Purses(self.out, self.step_s),
            settings=RuntimeSettings(kafka=self.kafka, drain_s=_DRAIN_S),
            stream=StreamSettings(instance=instance, sweep_s=_SWEEP_S, session_s=SESSION_S),
            clock=SystemClock(),
            metrics=CollectorRegistry(),
        )
