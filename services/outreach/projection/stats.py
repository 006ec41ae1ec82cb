"""What is known of the projection while it runs: speed, lag, and how soon an event changes a score."""

from collections import deque
from statistics import quantiles

from prometheus_client import CollectorRegistry, Counter, Gauge

REMEMBERED_EVENTS = 50_000  # events whose change may still come; a few MB
SAMPLES = 1_000  # the last of them make the p50


class ChangeLatency:
    """Wall seconds from an event's record on customer.events to the record of the change it caused.

    Both stamps are the broker clients' own, so reading late does not count.
    """

    def __init__(self) -> None:
        self._events: dict[str, int] = {}
        self._samples: deque[float] = deque(maxlen=SAMPLES)

    def saw_event(self, event_id: str, stamp_ms: int) -> None:
        self._events[event_id] = stamp_ms
        if len(self._events) > REMEMBERED_EVENTS:
            del self._events[next(iter(self._events))]

    def saw_change(self, cause: str, stamp_ms: int) -> None:
        begun = self._events.pop(cause, None)
        if begun is not None and stamp_ms >= begun:
            self._samples.append((stamp_ms - begun) / 1000)

    def p50(self) -> float | None:
        return self._quantile(50)

    def p99(self) -> float | None:
        return self._quantile(99)

    def _quantile(self, percent: int) -> float | None:
        if len(self._samples) < 2:
            return None
        return quantiles(self._samples, n=100, method="inclusive")[percent - 1]


class ProjectionMetrics:
    """Prometheus' view."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.records = Counter(
            "greenline_outreach_projection_records_total",
            "Records read into the timeline and health",
            registry=registry,
        )
        self.unreadable = Counter(
            "greenline_outreach_projection_unreadable_total",
            "Records that no line could be made of",
            registry=registry,
        )
        self.behind = Gauge(
            "greenline_outreach_projection_behind_seconds",
            "Wall age of the last record stored",
            registry=registry,
        )
