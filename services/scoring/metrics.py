"""Prometheus metrics of scoring. Labels are event types and bands: never a customer."""

from collections import Counter as Tally
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge


class ScoringMetrics:
    """The observer in production. Counted before the commit: the ledger is exact, these are for graphs."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.events = Counter("greenline_scoring_events", "Events decoded", ["type"], registry=registry)
        self.duplicates = Counter("greenline_scoring_duplicates", "Events seen before", registry=registry)
        self.snapshots = Counter(
            "greenline_scoring_snapshots",
            "Health snapshots, by the band they say",
            ["band"],
            registry=registry,
        )
        self.changes = Counter(
            "greenline_scoring_changes",
            "Health changes, by the band they lead to",
            ["band"],
            registry=registry,
        )
        self.rateless = Gauge(
            "greenline_scoring_amounts_without_rate", "Amounts left out for want of a rate, since start",
            registry=registry,
        )  # fmt: skip
        self.robots = Gauge(
            "greenline_scoring_robot_visits", "Visits of robots left out, since start", registry=registry
        )
        self.merges = Gauge(
            "greenline_scoring_merges",
            "Rows of two customers joined, since start",
            registry=registry,
        )

    def took(self, types: Sequence[str], duplicates: int) -> None:
        for name, count in Tally(types).items():
            self.events.labels(name).inc(count)
        self.duplicates.inc(duplicates)

    def said(self, snapshots: Sequence[str], changes: Sequence[str]) -> None:
        for band, count in Tally(snapshots).items():
            self.snapshots.labels(band).inc(count)
        for band, count in Tally(changes).items():
            self.changes.labels(band).inc(count)

    def left_out(self, *, rateless: int, robots: int, merges: int) -> None:
        self.rateless.set(rateless)
        self.robots.set(robots)
        self.merges.set(merges)
