"""Prometheus metrics of ingest. Labels are codes: never a secret, an address or a customer."""

from collections.abc import Mapping
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from libs.runtime.metrics import LATENCY_BUCKETS


class IngestMetrics:
    """All of ingest's metrics in one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, about: str, *labels: str) -> Counter:
            return Counter(f"greenline_ingest_{name}", about, labels, registry=registry)

        def gauge(name: str, about: str, *labels: str) -> Gauge:
            return Gauge(f"greenline_ingest_{name}", about, labels, registry=registry)

        self.latency = Histogram(
            "greenline_ingest_request_seconds",
            "From the request's first byte to our answer",
            ["source"],
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self.requests = counter("requests", "Webhook requests by source and outcome", "source", "outcome")
        self.events = counter("events", "Events made durable, by type", "type")
        self.ignored = counter("ignored", "Understood, but nothing about health", "provider", "reason")
        self.dead_letters = counter("dead_letters", "Signed but not understood", "provider", "reason")
        self.letters_waiting = gauge("dead_letters_waiting", "Neither redriven nor dropped yet", "reason")
        self.identities = counter("identity_lookups", "Lookups: cached, found, created, unknown", "result")
        self.conflicts = counter("identity_conflicts", "Contact details that two people share")
        self.merges = counter("identity_merges", "Customers merged into another")
        self.anchors_lost = counter("anchors_lost", "Objects not remembered: PostgreSQL was away too long")
        self.profiles_skipped = counter("profiles_skipped", "Changed profiles left out: PostgreSQL was away")
        self.enrichments = counter(
            "enrichments",
            "Objects asked of providers' APIs: found, unknown to them, left out for time or an outage",
            "provider",
            "object",
            "result",
        )
        self.reconciled = counter(
            "reconciled",
            "Objects that an API listed: arrived, gap or lost (told now), not_understood",
            "source",
            "result",
        )
        self.hooks_mended = counter("subscriptions_mended", "Webhooks switched on or made again", "source")
        self.reconciled_at = gauge(
            "reconciled_timestamp_seconds", "When this process last finished reconciling, Unix time", "source"
        )
        self.in_flight = gauge("in_flight", "Deliveries in work")
        self.spool_depth = gauge("spool_depth", "Records that wait for Kafka")
        self.spool_oldest = gauge("spool_oldest_seconds", "Age of the oldest waiting record, wall seconds")
        self.spooling = gauge("spooling", "1 while events go to the spool")
        # The client looks a label up under a lock each time; these are asked for with every delivery.
        self._request, self._wait = cache(self.requests.labels), cache(self.latency.labels)
        self.event, self.identity = cache(self.events.labels), cache(self.identities.labels)

    def answered(self, source: str, outcome: str, seconds: float) -> None:
        """A request has had its answer."""
        self._request(source, outcome).inc()
        self._wait(source).observe(seconds)

    def letters_wait(self, by_reason: Mapping[str, int]) -> None:
        """Reasons that nothing waits for any more go."""
        self.letters_waiting.clear()
        for reason, number in by_reason.items():
            self.letters_waiting.labels(reason).set(number)
