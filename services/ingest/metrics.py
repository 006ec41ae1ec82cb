"""Prometheus metrics of ingest. Labels are codes: never a secret, an address or a customer."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from libs.runtime.metrics import LATENCY_BUCKETS


class IngestMetrics:
    """All of ingest's metrics in one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "greenline_ingest_requests",
            "Webhook requests by source and outcome",
            ["source", "outcome"],
            registry=registry,
        )
        self.latency = Histogram(
            "greenline_ingest_request_seconds",
            "From the request's first byte to our answer",
            ["source"],
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self.events = Counter(
            "greenline_ingest_events", "Events made durable, by type", ["type"], registry=registry
        )
        self.ignored = Counter(
            "greenline_ingest_ignored",
            "Understood, but nothing about health",
            ["provider", "reason"],
            registry=registry,
        )
        self.dead_letters = Counter(
            "greenline_ingest_dead_letters",
            "Signed but not understood",
            ["provider", "reason"],
            registry=registry,
        )
        self.identities = Counter(
            "greenline_ingest_identity_lookups",
            "Identity lookups: cached, found, created, unknown",
            ["result"],
            registry=registry,
        )
        self.conflicts = Counter(
            "greenline_ingest_identity_conflicts", "Contact details that two people share", registry=registry
        )
        self.merges = Counter(
            "greenline_ingest_identity_merges", "Customers merged into another", registry=registry
        )
        self.anchors_lost = Counter(
            "greenline_ingest_anchors_lost",
            "Objects not remembered: PostgreSQL was away too long",
            registry=registry,
        )
        self.profiles_skipped = Counter(
            "greenline_ingest_profiles_skipped",
            "Changed profiles left out: PostgreSQL was away",
            registry=registry,
        )
        self.in_flight = Gauge("greenline_ingest_in_flight", "Deliveries in work", registry=registry)
        self.spool_depth = Gauge(
            "greenline_ingest_spool_depth", "Records that wait for Kafka", registry=registry
        )
        self.spool_oldest = Gauge(
            "greenline_ingest_spool_oldest_seconds",
            "Age of the oldest waiting record, wall seconds",
            registry=registry,
        )
        self.spooling = Gauge(
            "greenline_ingest_spooling", "1 while events go to the spool", registry=registry
        )
