"""What the core counts and times. One set a process."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from libs.runtime.metrics import LATENCY_BUCKETS

_PARTITION = ("app", "partition")
_SIZE_BUCKETS = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)


class StreamMetrics:
    """Registers the core's series; ``app`` tells two workers in one process apart."""

    def __init__(self, registry: CollectorRegistry, app: str) -> None:
        self.app = app

        def counter(name: str, about: str, labels: tuple[str, ...] = _PARTITION) -> Counter:
            return Counter(f"greenline_stream_{name}", about, labels, registry=registry)

        def gauge(name: str, about: str) -> Gauge:
            return Gauge(f"greenline_stream_{name}", about, _PARTITION, registry=registry)

        def histogram(name: str, about: str, buckets: tuple[float, ...] = LATENCY_BUCKETS) -> Histogram:
            return Histogram(f"greenline_stream_{name}", about, ("app",), registry=registry, buckets=buckets)

        self.records = counter("records_total", "Source records taken in")
        self.chunks = counter("chunks_total", "Chunks taken in")
        self.dropped = counter(
            "chunks_dropped_total", "Chunks not taken: old epoch, seen before, gap", ("app", "why")
        )
        self.dead_letters = counter("dead_letters_total", "Records sent to dead letters")
        self.quarantined = counter("quarantined_total", "Records that made step raise, set aside", ("app",))
        self.commit_seconds = histogram("commit_seconds", "One transaction from begin to commit")
        self.commit_size = histogram("commit_records", "Records written in one transaction", _SIZE_BUCKETS)
        self.sweep_seconds = histogram("sweep_seconds", "One sweep over a partition")
        self.slice_seconds = histogram("sweep_slice_seconds", "One slice of a sweep: it holds the loop")
        self.step_seconds = histogram("step_seconds", "One step: it holds the loop")
        self.restore_seconds = histogram("restore_seconds", "Reading state back", (*LATENCY_BUCKETS, 60.0))
        self.restored = counter("restored_records_total", "State records read back")
        self.oldest = gauge("oldest_unprocessed_seconds", "Age of the oldest unprocessed event, s")
        self.lag = gauge("lag_records", "Source records not yet taken in")
        self.rows = gauge("rows", "Rows held")
        self.rebalances = counter("rebalances_total", "Assignments received", ("app",))
        self.fenced = counter("fenced_total", "Partitions lost to another process", ("app",))

    def forget(self, partition: int) -> None:
        """A partition that is no longer ours has no age and no lag here."""
        for gauge in (self.oldest, self.lag, self.rows):
            gauge.remove(self.app, str(partition))
