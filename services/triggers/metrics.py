"""Prometheus metrics of triggers. Labels are rule ids and phases: never a customer."""

from collections.abc import Mapping
from contextlib import AbstractContextManager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from libs.runtime.logging import get_logger
from libs.runtime.metrics import LATENCY_BUCKETS
from services.triggers.domain.lifecycle import Phase

_log = get_logger(__name__)


class TriggersMetrics:
    """The observer in production. Counted before the commit: the ledger is exact, these are for graphs."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.triggers = Counter(
            "greenline_triggers_said", "Rules that fired or cleared", ["rule", "action"], registry=registry
        )
        self.phases = Counter(
            "greenline_triggers_moved",
            "Customers whose rule came to stand in a phase; pending now = pending less what left it",
            ["rule", "phase"],
            registry=registry,
        )
        self.evaluated = Counter("greenline_triggers_evaluated", "Customers evaluated", registry=registry)
        self.rule_files = Counter(
            "greenline_triggers_rule_files",
            "Rule files taken, or refused as wrong",
            ["outcome"],
            registry=registry,
        )
        self.stale = Gauge(
            "greenline_triggers_rules_stale",
            "1 while the rule file is wrong and the last good set is in force",
            registry=registry,
        )
        self.seconds = Histogram(
            "greenline_triggers_evaluation_seconds",
            "All rules, one batch",
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )

        self.held = Gauge(
            "greenline_triggers_rule_held",
            "1 while a storm of a rule is held on a partition and nobody has decided",
            ["rule", "partition"],
            registry=registry,
        )
        self.firings_held = Gauge(
            "greenline_triggers_firings_held",
            "Customers whose firing is held",
            ["rule", "partition"],
            registry=registry,
        )
        self._stormy: set[tuple[str, int]] = set()  # rules and partitions that have been held

    def evaluation(self, customers: int) -> AbstractContextManager[object]:
        self.evaluated.inc(customers)
        return self.seconds.time()

    def rule_file(self, *, good: bool) -> None:
        self.rule_files.labels("loaded" if good else "refused").inc()
        self.stale.set(not good)

    def moved(self, rule: str, phase: Phase, customers: int = 1) -> None:
        self.phases.labels(rule, phase.name.lower()).inc(customers)

    def said(self, rule: str, action: str) -> None:
        self.triggers.labels(rule, action).inc()

    def storm_began(self, rule: str, customers: int) -> None:
        _log.warning("triggers.rule_held", rule=rule, customers=customers)

    def storms(self, partition: int, held: Mapping[str, int]) -> None:
        self._stormy |= {(rule, partition) for rule in held}
        for rule, number in self._stormy:
            if number == partition:
                self.held.labels(rule, partition).set(rule in held)
                self.firings_held.labels(rule, partition).set(held.get(rule, 0))
