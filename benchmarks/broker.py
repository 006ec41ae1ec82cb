"""A broker of one benchmark alone, with empty topics; it and its data are gone afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from libs.runtime.stack import Stack, StackConfig, StackState
from libs.runtime.topics import PARTITIONS

LOCAL = Path(__file__).resolve().parents[1] / ".greenline"
FOLDER = LOCAL / "bench"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of one run."""

    name: str
    config: dict[str, str] = field(default_factory=dict)


@contextmanager
def running_stack(partitions: int = PARTITIONS) -> Iterator[StackState]:
    """Kafka with every topic of the contract, and PostgreSQL."""
    stack = _stack(partitions)
    stack.reset()
    try:
        yield stack.up()
    finally:
        stack.reset()


def _stack(partitions: int = PARTITIONS) -> Stack:
    jars = LOCAL / "kafka" / "libs"  # shared with `make demo`: fetched once a clone
    ports = {"kafka_port": 0, "postgres_port": 0}
    return Stack(StackConfig(FOLDER, **ports, kafka_heap_mb=1024, partitions=partitions, kafka_jars=jars))


def stop_kafka(state: StackState) -> None:
    """As a stop of its machine would: it may finish what it writes. What runs beside it goes on."""
    _stack().nodes(state)["kafka"].stop()


def start_kafka(state: StackState) -> None:
    node = _stack().nodes(state)["kafka"]
    node.prepare()
    node.start()


@contextmanager
def broker() -> Iterator[str]:
    """Kafka's address alone."""
    with running_stack() as state:
        yield state.kafka.url
