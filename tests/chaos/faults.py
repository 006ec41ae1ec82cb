"""What can go wrong, and when: drawn from a seed, played against running processes."""

import asyncio
import signal
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from functools import partial
from random import Random
from typing import NamedTuple

from aiokafka.errors import KafkaConnectionError

from libs.runtime.kafka import with_patience
from libs.runtime.logging import get_logger
from libs.runtime.stack import Supervisor
from libs.runtime.stream.transaction import PartitionProducer
from tests.chaos.job import PARTITIONS, SESSION_S, Job
from tests.fixtures.broker import Broker

_log = get_logger(__name__)


class Kind(StrEnum):
    """The values are what the counts at the end are called."""

    KILL = "kill"
    KILL_ALL = "kill-all"
    STOP = "stop"  # SIGTERM: gives its partitions back in order
    PAUSE = "pause"  # SIGSTOP, shorter than the session
    ZOMBIE = "zombie"  # SIGSTOP, past the session; awake again it still believes it owns its partitions
    GONE = "gone"  # away past the session, and then a new process
    REWIND = "rewind"  # its consumer reads on from offsets it has read before
    SKIP = "skip"  # its consumer loses records
    USURP = "usurp"  # somebody outside the group opens a partition's transactional id
    BROKER_RESTART = "broker-restart"  # kill -9, and started again
    BROKER_FREEZE = "broker-freeze"  # SIGSTOP, past the session and past the producers' patience of 10 s


# How long a fault lasts, s.
_LASTS = {
    Kind.PAUSE: (0.3, 3.0),
    Kind.ZOMBIE: (SESSION_S + 1, SESSION_S + 4),
    Kind.GONE: (SESSION_S + 1, SESSION_S + 4),
    Kind.BROKER_RESTART: (0.0, 2.0),
    Kind.BROKER_FREEZE: (10.0, 12.0),
}
# From one fault to the next, s: into the middle of its recovery, or after it.
_GAPS = ((0.2, 1.5), (5.0, 11.0))
_TARGETS = 12  # a multiple of two and of three workers, and of the partitions
_TRANSACTION_S = 15.0


class Fault(NamedTuple):
    at: float  # s after the first
    kind: Kind
    target: int  # which worker or partition, modulo how many there are
    seconds: float = 0.0


def schedule(seed: int, kinds: Sequence[Kind]) -> list[Fault]:
    """These kinds in an order, at moments, of lengths and against workers that the seed draws."""
    random, at, faults = Random(seed), 0.0, []
    for kind in random.sample(kinds, len(kinds)):
        faults.append(Fault(at, kind, random.randrange(_TARGETS), random.uniform(*_LASTS.get(kind, (0, 0)))))
        at += random.uniform(*random.choice(_GAPS))
    return faults


class Faults:
    """Plays a schedule; ``done`` counts them."""

    def __init__(self, job: Job, supervisor: Supervisor, names: Sequence[str], broker: Broker | None) -> None:
        self._job, self._supervisor, self._names, self._broker = job, supervisor, names, broker
        self._broker_alone = asyncio.Lock()  # one thing at a time is done to it
        self.done: Counter[Kind] = Counter()

    async def play(self, faults: Sequence[Fault]) -> None:
        """Returns when the last of them is over. They may overlap."""
        began = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            for fault in sorted(faults):
                late = asyncio.get_running_loop().time() - began
                await asyncio.sleep(fault.at - late)  # the moment of a fault is the point
                _log.info(
                    "chaos.fault", kind=fault.kind, target=fault.target, seconds=round(fault.seconds, 1)
                )
                group.create_task(self._inflict(fault))

    async def _inflict(self, fault: Fault) -> None:
        name = self._names[fault.target % len(self._names)]
        match fault.kind:
            case Kind.KILL:
                (await self._alive(name)).kill()
            case Kind.KILL_ALL:
                for each in self._names:
                    (await self._alive(each)).kill()
            case Kind.STOP:
                (await self._alive(name)).terminate()
            case Kind.REWIND:
                (await self._alive(name)).send_signal(signal.SIGUSR1)
            case Kind.SKIP:
                (await self._alive(name)).send_signal(signal.SIGUSR2)
            case Kind.PAUSE | Kind.ZOMBIE:
                await self._freeze(name, fault.seconds, signal.SIGCONT)
            case Kind.GONE:
                await self._freeze(name, fault.seconds, signal.SIGKILL)
            case Kind.USURP:
                await with_patience(partial(self._usurp, fault.target % PARTITIONS), "usurper")
            case Kind.BROKER_RESTART | Kind.BROKER_FREEZE:
                await self._hit_broker(fault)
        self.done[fault.kind] += 1

    async def _alive(self, name: str) -> asyncio.subprocess.Process:
        """The process of that name, once it runs: its pid is its own as long as nobody has reaped it."""
        supervisor = self._supervisor
        async with supervisor._changed:
            await supervisor._changed.wait_for(lambda: supervisor._processes[name].returncode is None)
        return supervisor._processes[name]

    async def _freeze(self, name: str, seconds: float, then: signal.Signals) -> None:
        process = await self._alive(name)
        process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        if process.returncode is None:  # nobody killed it meanwhile
            process.send_signal(then)

    async def _usurp(self, partition: int) -> None:
        usurper = PartitionProducer(self._job.kafka, self._job.app, partition, _TRANSACTION_S)
        try:
            await usurper.open()
        except AssertionError as error:  # aiokafka's, when its last answer named no broker
            raise KafkaConnectionError from error
        finally:
            await usurper.close()

    async def _hit_broker(self, fault: Fault) -> None:
        assert self._broker is not None
        async with self._broker_alone:
            if fault.kind is Kind.BROKER_FREEZE:
                self._broker.signal(signal.SIGSTOP)
                await asyncio.sleep(fault.seconds)
                self._broker.signal(signal.SIGCONT)
                return
            await asyncio.to_thread(self._broker.kill)
            await asyncio.sleep(fault.seconds)
            await asyncio.to_thread(self._broker.start)
