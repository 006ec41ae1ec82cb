"""What an operator sees of outreach on /metrics."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from libs.runtime.metrics import LATENCY_BUCKETS

_GAUGES = {
    "oldest_trigger_age_seconds": "How long the oldest unread trigger has waited, wall seconds",
    "outbox_age_seconds": "How long the oldest effect has waited to leave, wall seconds",
    "outbox_pending": "Effects that have not left",
    "step_age_seconds": "How long the oldest due step has waited, business seconds",
    "open_tasks": "Tasks in the queue",
    "overdue_tasks": "Tasks past their due time",
    "open_interventions": "Interventions and control windows that are open",
}


class Metrics:
    """Counters since the start of the process; the exact ledger is in PostgreSQL."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._decisions = Counter(
            "greenline_outreach_decisions",
            "Triggers decided",
            ["decision", "reason", "rule"],
            registry=registry,
        )
        self._dead = Counter(
            "greenline_outreach_dead_letters", "Triggers that could not be read", registry=registry
        )
        self._messages = Counter(
            "greenline_outreach_messages",
            "Messages by what came of them",
            ["status", "reason"],
            registry=registry,
        )
        self._tasks = Counter(
            "greenline_outreach_tasks_created", "Tasks put into the queue", ["playbook"], registry=registry
        )
        self._closed = Counter(
            "greenline_outreach_interventions_closed",
            "Interventions and control windows closed",
            ["playbook", "arm", "result"],
            registry=registry,
        )
        self._feedback = Counter(
            "greenline_outreach_feedback",
            "What people said of a rule's calls: right, wrong, missed",
            ["verdict", "rule"],
            registry=registry,
        )
        self._published = Counter(
            "greenline_outreach_events_published", "Events that left the outbox", registry=registry
        )
        self._batch = Histogram(
            "greenline_outreach_decide_seconds",
            "Wall time to decide and store one batch of triggers",
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self._incidents_opened = Counter(
            "greenline_outreach_incidents_opened",
            "Common causes found, by rule and kind of cause",
            ["rule", "kind"],
            registry=registry,
        )
        self._open_incidents = Gauge(
            "greenline_outreach_open_incidents",
            "Incidents that firings still join, by rule and kind of cause",
            ["rule", "kind"],
            registry=registry,
        )
        self._gauges = {
            name: Gauge(f"greenline_outreach_{name}", about, registry=registry)
            for name, about in _GAUGES.items()
        }

    def decided(self, decision: str, reason: str, rule: str) -> None:
        self._decisions.labels(decision, reason, rule).inc()

    def dead_lettered(self) -> None:
        self._dead.inc()

    def message(self, status: str, reason: str) -> None:
        self._messages.labels(status, reason).inc()

    def task_created(self, playbook: str) -> None:
        self._tasks.labels(playbook).inc()

    def closed(self, playbook: str, arm: str, result: str) -> None:
        self._closed.labels(playbook, arm, result).inc()

    def feedback(self, verdict: str, rule: str) -> None:
        self._feedback.labels(verdict, rule).inc()

    def published(self, count: int) -> None:
        self._published.inc(count)

    def incident_opened(self, rule: str, kind: str) -> None:
        self._incidents_opened.labels(rule, kind).inc()

    def show_incidents(self, counts: Mapping[tuple[str, str], int]) -> None:
        """By rule and kind. Which product or carrier it is stays out of the labels."""
        self._open_incidents.clear()
        for labels, count in counts.items():
            self._open_incidents.labels(*labels).set(count)

    def batch_took(self, wall_s: float) -> None:
        self._batch.observe(wall_s)

    def show(self, name: str, value: float) -> None:
        self._gauges[name].set(value)
