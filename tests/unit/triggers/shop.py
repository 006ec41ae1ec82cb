"""A shop on paper: snapshots by hand, days that pass, and what fired."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np

from libs.events import AnyEvent, Facts, build, decode, encode
from libs.events.codec import decode_hot
from libs.events.families.health import Contribution, HealthSnapshot, TriggerCleared, TriggerFired
from libs.runtime.stream import LocalRunner
from services.triggers.adapters.rule_file import STANDARD, load, parse
from services.triggers.domain import rows as layout
from services.triggers.domain.language import Condition
from services.triggers.domain.rows import LAYOUT, TriggersRow
from services.triggers.domain.rules import Rule
from services.triggers.service import Triggers

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
WHY = Contribution(signal="recency", value=40.0, weight=0.3, evidence=0.9, points=-12.5, text="Quiet")
OWN = ("score", "band", "stage", "segment", "tier", "confidence", "p_buy")


def rule_text(when: str, clear: str | None = None, **fields: str) -> str:
    """A file with one rule `probe`."""
    lines = ["rules:", "  - id: probe", "    level: red", "    title: Probe", f"    when: {when}"]
    lines += [f"    clear: {clear}"] if clear else []
    lines += [f"    {name}: {value}" for name, value in fields.items()]
    return "\n".join([*lines, "    labels: {team: tests}", '    annotations: {reason: "score {score}"}', ""])


def probe(when: str, clear: str | None = None, **fields: str) -> tuple[Rule, ...]:
    fields.setdefault("cooldown", "0s")
    return parse(rule_text(when, clear, **fields), "probe.yaml")


@cache
def standard() -> tuple[Rule, ...]:
    return load(STANDARD)


def snapshot(
    customer: str, at: datetime, *, backfill: bool = False, cause: str = "event-1", **known: Any
) -> AnyEvent:
    """A health snapshot; keywords are facts, or the snapshot's own fields."""
    own: dict[str, Any] = {"score": 50.0, "band": "yellow", "stage": "mid", "confidence": 0.5}
    own |= {name: known.pop(name) for name in OWN if name in known}
    data = HealthSnapshot(
        base=60.0, scorecard="starter", cause=cause, contributions=(WHY,), facts=Facts(**known), **own
    )
    return build(
        data,
        id=f"health:{customer}:{at.timestamp()}",
        source="greenline/scoring",
        tenant="demo",
        subject=customer,
        time=at,
        receivedat=at,
        backfill=backfill,
        simulated=True,
    )


def answers(condition: Condition, *snapshots: AnyEvent) -> list[bool | None]:
    """The condition on customers: true, false or null."""
    labels = layout.Labels()
    rows = layout.encode([decode_hot(encode(one), "health.snapshot") for one in snapshots], labels)
    with np.errstate(all="ignore"):
        found = condition.part(layout.columns(rows, labels, START))
    sides = (np.broadcast_to(side, len(rows)).tolist() for side in (found.true, found.false))
    return [True if true else False if false else None for true, false in zip(*sides, strict=True)]


class Shop:
    """Triggers on one partition in memory. `now` moves by `days`; each day ends with a sweep."""

    def __init__(self, rules: Sequence[Rule], slice_rows: int | None = None) -> None:
        self.now = START
        self.runner = LocalRunner(Triggers(rules), TriggersRow, layout=LAYOUT, slice_rows=slice_rows)

    def see(self, customer: str = "ann", *, backfill: bool = False, **known: Any) -> list[AnyEvent]:
        """One snapshot arrives."""
        return self.send(snapshot(customer, self.now, backfill=backfill, **known))

    def send(self, *events: AnyEvent) -> list[AnyEvent]:
        """Snapshots in one chunk."""
        return [
            decode(r.value or b"") for r in self.runner.send([(e.key, encode(e)) for e in events], self.now)
        ]

    def forget(self, customer: str) -> None:
        self.runner.send([(f"demo/{customer}".encode(), None)], self.now)

    def pass_days(self, days: float) -> list[AnyEvent]:
        """Silence: a sweep each day, and one at the end."""
        end, events = self.now + days * DAY, []
        while self.now < end:
            self.now = min(self.now + DAY, end)
            events += self.sweep()
        return events

    def sweep(self) -> list[AnyEvent]:
        return [decode(record.value or b"") for record in self.runner.sweep(self.now)]

    def adopt(self, rules: Sequence[Rule]) -> None:
        """The service starts again with other rules, state as it was."""
        self.runner.service = Triggers(rules)
        self.runner.restart()

    @property
    def ledger(self) -> dict[str, int]:
        return self.runner.rows.ledger.as_dict()


def fired(events: Sequence[AnyEvent]) -> list[str]:
    """The rules that fired."""
    return [event.data.rule for event in events if isinstance(event.data, TriggerFired)]


def cleared(events: Sequence[AnyEvent]) -> list[str]:
    return [event.data.rule for event in events if isinstance(event.data, TriggerCleared)]
