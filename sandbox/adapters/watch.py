"""Follows the topics while the play runs: latency of changes, bands, triggers, decisions, addresses."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiokafka import ConsumerRecord

from libs.events.topics import CUSTOMER_PROFILES, CUSTOMER_TRIGGERS, HEALTH_CHANGES, OUTREACH_OUTCOMES
from libs.runtime.kafka import make_consumer, with_patience
from sandbox.adapters.topics import CHANGED, DECISION, FIRED, HEAD, PROFILE, Head
from sandbox.domain.ledger import DECISIONS

SILENCE = "silence"


@dataclass(slots=True)
class Watch:
    """What was seen so far. Counts are for the eye; the ledger reads the topics again at the end."""

    bands: dict[str, str] = field(default_factory=dict)
    fired: set[str] = field(default_factory=set)
    decided: set[str] = field(default_factory=set)
    undecided: dict[str, float] = field(
        default_factory=dict
    )  # trigger -> wall time it was seen, oldest first
    outcomes: Counter[str] = field(default_factory=Counter)
    addresses: dict[str, str] = field(default_factory=dict)
    changes: list[tuple[str, float]] = field(default_factory=list)  # causing event id, wall time it was seen

    def distribution(self) -> Counter[str]:
        return Counter(self.bands.values())

    def latencies(self, sent_at: Mapping[str, float]) -> list[float]:
        """Seconds from the webhook's first attempt to the change it caused, as any other consumer sees it."""
        return [seen - sent_at[cause] for cause, seen in self.changes if cause in sent_at]

    def undecided_s(self, now: float) -> float:
        """How long the oldest trigger without a decision has waited."""
        return now - next(iter(self.undecided.values()), now)

    def take(self, record: ConsumerRecord, now: float) -> None:
        if record.value is None:
            return
        head = HEAD(record.value)
        if record.topic == HEALTH_CHANGES.name:
            changed = CHANGED(head.data)
            self.bands[head.subject] = changed.after.band
            if changed.cause != SILENCE:
                self.changes.append((changed.cause, now))
        elif record.topic == CUSTOMER_PROFILES.name:
            if email := PROFILE(head.data).email:
                self.addresses[head.subject] = email.lower()
        elif record.topic == CUSTOMER_TRIGGERS.name:
            if head.type == "trigger.fired":
                trigger = FIRED(head.data).trigger_id
                self.fired.add(trigger)
                if trigger not in self.decided:  # another topic: its decision may be read first
                    self.undecided[trigger] = now
        else:
            self._outcome(head)

    def _outcome(self, head: Head) -> None:
        outcome = head.type.removeprefix("outreach.")
        self.outcomes[outcome] += 1
        if outcome in DECISIONS:
            trigger = DECISION(head.data).trigger_id
            self.decided.add(trigger)
            self.undecided.pop(trigger, None)


async def follow(bootstrap: str, watch: Watch) -> None:
    """Feed `watch` until cancelled; waits while Kafka is away."""
    topics = (HEALTH_CHANGES, CUSTOMER_PROFILES, CUSTOMER_TRIGGERS, OUTREACH_OUTCOMES)
    consumer = make_consumer(*(topic.name for topic in topics), bootstrap=bootstrap)
    await with_patience(consumer.start, "the sandbox's watch")
    try:
        while True:
            found = await consumer.getmany(timeout_ms=100)
            now = time.time()
            for records in found.values():
                for record in records:
                    watch.take(record, now)
            await asyncio.sleep(0)
    finally:
        await consumer.stop()
