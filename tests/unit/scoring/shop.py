"""A customer's life in a few words: say what happens and when, then look at the last snapshot."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from libs.events import AnyEvent, build, decode, encode
from libs.events.families.commerce import OrderPlaced
from libs.events.types import Frozen
from libs.runtime.stream import InputRecord, LocalRunner, Record
from services.scoring.adapters.scorecard_file import STARTER, load_scorecard
from services.scoring.domain.money import Money
from services.scoring.domain.row import ROW
from services.scoring.service import Scorer

T0 = datetime(2026, 1, 1, 12, tzinfo=UTC)


def day(n: float) -> datetime:
    return T0 + timedelta(days=n)


def order(number: int | str, amount: str = "50.00", **more: Any) -> OrderPlaced:
    return OrderPlaced(order_id=str(number), amount=amount, currency=more.pop("currency", "USD"), **more)


class Shop:
    """One partition of scoring, fed by hand."""

    def __init__(self, money: Money | None = None, wall: float = 0.0) -> None:
        self.wall = wall
        self.runner = LocalRunner(Scorer(load_scorecard(STARTER), money, wall=lambda: self.wall), ROW)
        self._ids = 0

    def event(self, data: Frozen, at: float, customer: str = "c1", **more: Any) -> AnyEvent:
        """`at` in days after T0; received when it happens, unless told."""
        self._ids += 1
        return build(
            data,
            id=more.pop("id", f"e{self._ids}"),
            source="shopify/demo",
            tenant=more.pop("tenant", "demo"),
            subject=customer,
            time=day(at),
            receivedat=day(more.pop("received", at)),
            **more,
        )

    def send(self, *events: AnyEvent) -> list[Record]:
        """All of them as one chunk."""
        return self.runner.send([(e.key, encode(e)) for e in events], events[-1].receivedat)

    def waits(self, *events: AnyEvent) -> list[Record]:
        """All of them as one chunk that has waited, with more behind it."""
        pairs = [(e.key, encode(e)) for e in events]
        return self.runner.send(pairs, events[-1].receivedat, behind=True)

    def happens(self, data: Frozen, at: float, customer: str = "c1", **more: Any) -> list[Record]:
        return self.send(self.event(data, at, customer, **more))

    def raw(self, value: bytes | None) -> list[Record]:
        return self.runner.feed([InputRecord(self.runner.next, b"demo/c1", value)], T0)

    def sweep(self, at: float) -> list[Record]:
        return self.runner.sweep(day(at))

    def health(self, customer: str = "c1") -> Any:
        """The last snapshot of a customer."""
        return snapshots(self.runner.outputs, customer)[-1].data

    @property
    def ledger(self) -> dict[str, int]:
        return self.runner.rows.ledger.as_dict()


def snapshots(records: Iterable[Record], customer: str = "c1") -> list[Any]:
    return _of(records, "customer.health", customer)


def changes(records: Iterable[Record], customer: str = "c1") -> list[Any]:
    return _of(records, "customer.health-changes", customer)


def _of(records: Iterable[Record], topic: str, customer: str) -> list[Any]:
    events = [decode(r.value) for r in records if r.topic == topic and r.value is not None]
    return [event for event in events if event.subject == customer]


def signal(health: Any, name: str) -> Any:
    """One contribution of a snapshot, None if the signal was left out."""
    return next((c for c in health.contributions if c.signal == name), None)
