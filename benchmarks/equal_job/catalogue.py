"""Which engines there are, how each is started, and how much it is given."""

import sys
from dataclasses import dataclass

from benchmarks.equal_job.setup import QUIX_PYTHON, kafka_streams_classpath
from libs.runtime.stack.jars import java as find_java

# What is best for Kafka Streams on two cores: the parallel collector has no threads beside the program's.
_JVM = ("-Xms512m", "-Xmx1g", "-XX:+UseParallelGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
_MOST_CUSTOMERS = 20_000
_EVENTS_EACH = 20  # of a customer, at least: with fewer there are hardly any tenth events to measure by


@dataclass(frozen=True)
class Engine:
    """How to start it, and how many events keep it busy for 10 to 20 s."""

    name: str
    about: str
    argv: tuple[str, ...]
    events: int = 2_000_000
    quick_events: int = 2_000_000  # a JVM needs its seconds to warm up; the slow ones get fewer
    times_itself: bool = False
    extra: bool = False  # run only when named

    def size(self, *, quick: bool) -> tuple[int, int]:
        """Events and customers."""
        events = self.quick_events if quick else self.events
        return events, min(_MOST_CUSTOMERS, events // _EVENTS_EACH)


def all_engines() -> list[Engine]:
    quix = _python("quix", str(QUIX_PYTHON))
    return [
        Engine("greenline", "ours, exactly once", _python("greenline")),
        *_streams(),
        Engine("quix", "Quix Streams, RocksDB", quix, 400_000, 100_000),
        Engine("faust-stock", "Faust, memory store", _python("faust_stock"), 80_000, 20_000),
        Engine("limit", "read and decode only", _python("limit"), times_itself=True),
    ]


def _python(module: str, executable: str = sys.executable) -> tuple[str, ...]:
    return executable, "-m", f"benchmarks.equal_job.engines.{module}"


def _streams() -> list[Engine]:
    """In memory and uncached is what is fastest for this job; the extra ones show by how much."""
    java, classpath = find_java(), kafka_streams_classpath()

    def engine(name: str, guarantee: str, *options: str, extra: bool = False) -> Engine:
        about = " ".join(("Java", guarantee, *options))
        flags = (f"-Dguarantee={guarantee}", *(f"-D{option}=true" for option in options))
        argv = (java, *_JVM, *flags, "-cp", classpath, "EqualJob")
        return Engine(f"kafka-streams{name}", about, argv, extra=extra)

    return [
        engine("-eos", "exactly_once_v2"),
        engine("", "at_least_once"),
        engine("-cached", "at_least_once", "cached", extra=True),
        engine("-rocksdb", "at_least_once", "rocksdb", extra=True),
        engine("-rocksdb-cached", "at_least_once", "rocksdb", "cached", extra=True),
        engine("-rocksdb-cached-eos", "exactly_once_v2", "rocksdb", "cached", extra=True),
    ]
