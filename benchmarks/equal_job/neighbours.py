"""What else the machine was doing: a rate taken beside a busy neighbour is worth less."""

import time

import psutil

from benchmarks.broker import FOLDER
from libs.runtime.stack import Stack, StackConfig


class Neighbours:
    """CPU used by whoever is neither the harness, nor its children, nor the broker."""

    def __init__(self) -> None:
        broker = Stack(StackConfig(FOLDER)).state().kafka.process
        assert broker is not None
        self._harness, self._broker = psutil.Process(), psutil.Process(broker.pid)
        self._since, self._used = time.monotonic(), self._others()

    def cores(self) -> float:
        """On average since this object was made. Call it while the engine still lives."""
        return max(0.0, (self._others() - self._used) / (time.monotonic() - self._since))

    def _others(self) -> float:
        return (
            _busy()
            - sum(map(_seconds, [*self._harness.children(recursive=True), self._broker]))
            - self._own()
        )

    def _own(self) -> float:
        """The harness and those of its children that have ended."""
        times = self._harness.cpu_times()
        return times.user + times.system + times.children_user + times.children_system


def _busy() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)


def _seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)
