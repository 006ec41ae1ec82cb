"""Workers with one safeguard taken out, to see that a round would notice. The product has no such switch."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from aiokafka.admin import AIOKafkaAdminClient

from libs.runtime.kafka import with_patience
from libs.runtime.stream import Chunk
from libs.runtime.stream.coverage import Place
from libs.runtime.stream.engine import Engine
from libs.runtime.stream.position import Fit, Verdict
from libs.runtime.stream.state import Restored
from libs.runtime.stream.takeover import Takeover
from libs.runtime.stream.transaction import PartitionProducer
from libs.runtime.stream.worker import StreamWorker, _Log


class _BlindEngine(Engine):
    """Takes whatever is delivered, seen before or not."""

    def _fit(self, chunk: Chunk, expected: int) -> Fit:
        return Fit(Verdict.TAKE, chunk)


class NoGuard(StreamWorker):
    engine_type = _BlindEngine


class _OwnIds(_Log):
    """A transactional id of each process alone: opening it shuts nobody out."""

    async def _open_producer(self, partition: int) -> PartitionProducer:
        name = f"{self._app_id}-{uuid4().hex[:8]}"
        made = PartitionProducer(self._bootstrap, name, partition, self._settings.transaction_s)
        await made.open()
        return made


class NoFence(StreamWorker):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._log = _OwnIds(self._settings.kafka, self._app_id, self._lanes, self._state, self._stream)


class _FromTheGroup(Takeover):
    """Rows from the state topic, but positions from the group's offsets, as consumers do by default."""

    async def read_back(
        self, numbers: list[int], bases: Mapping[int, Restored], current: Callable[[], bool]
    ) -> dict[int, Restored]:
        found = await super().read_back(numbers, bases, current)
        offsets = await with_patience(self._group_offsets, "the group's offsets")
        return {
            number: at._replace(
                positions={lane: offsets.get(Place(lane, number), 0) for lane in at.positions}
            )
            for number, at in found.items()
        }

    async def _group_offsets(self) -> dict[Place, int]:
        log: Any = self._log
        lanes = {topic: lane for lane, topic in log._lanes.items()}
        admin = AIOKafkaAdminClient(bootstrap_servers=log._bootstrap)
        try:
            await admin.start()
            found = await admin.list_consumer_group_offsets(log._app_id)
        finally:
            await admin.close()
        return {Place(lanes[tp.topic], tp.partition): at.offset for tp, at in found.items()}


class _ForgetfulEngine(Engine):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._takeover = _FromTheGroup(self._job, self._log, self._metrics)


class NoCheckpoint(StreamWorker):
    engine_type = _ForgetfulEngine


WORKERS: dict[str, type[StreamWorker]] = {
    "": StreamWorker,
    "guard": NoGuard,
    "fence": NoFence,
    "checkpoint": NoCheckpoint,
}
