"""Moments to webhooks, and the shares of them that go wrong on the way as they do in real life."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from random import Random
from typing import Literal

from sandbox.domain.moments import Kind, Moment
from sandbox.domain.shapes import Message, batch, message
from sandbox.domain.shapes.shopify import unknown

Fault = Literal["none", "twice", "late", "forged", "broken", "unknown_topic", "oversized"]
Expected = Literal["accepted", "dead_letter", "refused"]
_EXPECTED: dict[Fault, Expected] = {
    "none": "accepted",
    "twice": "accepted",
    "late": "accepted",
    "forged": "refused",
    "broken": "dead_letter",
    "unknown_topic": "dead_letter",
    "oversized": "refused",
}
BATCH = 20  # events in one webhook of the e-mail tool
MAIL: frozenset[Kind] = frozenset({"mail_sent", "mail_opened", "mail_clicked", "mail_unsubscribed"})
OVERSIZED = 3_000_000  # bytes; shops' webhooks stay well under one megabyte
# A ticket that is solved before it is known to be open, or a refund before its order, is another experiment.
MAY_BE_LATE: frozenset[Kind] = frozenset({"order", "page", "product", "mail_opened", "mail_clicked"})
LATEST = timedelta(days=3.5)  # earlier than any refund of the same order


@dataclass(frozen=True, slots=True)
class Shares:
    """How many deliveries in a hundred have which fault; `oversized` is a number, not a share."""

    twice: float = 0.02
    late: float = 0.02
    forged: float = 0.005
    broken: float = 0.003
    unknown_topic: float = 0.003
    oversized: int = 3


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook to be sent once `send_at` has come. Deliveries of one lane keep their order."""

    id: str
    lane: int
    send_at: datetime
    moments: tuple[Moment, ...]
    fault: Fault = "none"

    @property
    def expected(self) -> Expected:
        return _EXPECTED[self.fault]

    @property
    def kind(self) -> Kind:
        return self.moments[0].kind

    def message(self) -> Message:
        """What goes over the wire, the body already spoilt where it is to be."""
        if self.fault == "unknown_topic":
            return unknown(replace(self.moments[0], ref=str(self.lane)))
        sound = message(self.moments[0]) if len(self.moments) == 1 else batch(self.moments)
        if self.fault == "broken":
            return replace(sound, body=sound.body[: -len(sound.body) // 3])
        if self.fault == "oversized":
            return replace(sound, body=sound.body[:-1] + b" " * OVERSIZED + sound.body[-1:])
        return sound


def deliveries(moments: Sequence[Moment], seed: int, shares: Shares | None = None) -> list[Delivery]:
    """Everything to be sent about these moments as they happen, in the order of sending."""
    return _spoilt([*_singly(moments), *_campaigns(moments)], moments, seed, shares or Shares())


def exported(moments: Sequence[Moment], seed: int, shares: Shares) -> list[Delivery]:
    """The same for what lies in the past: the e-mail tool sends a day's events together."""
    plain = [*(deliver(moment) for moment in moments if moment.kind not in MAIL), *_days_of_mail(moments)]
    return _spoilt(plain, moments, seed, shares)


def _spoilt(
    plain: Iterable[Delivery], moments: Sequence[Moment], seed: int, shares: Shares
) -> list[Delivery]:
    planned = [spoilt for delivery in plain for spoilt in _with_faults(delivery, seed, shares)]
    planned += _oversized(moments, seed, shares.oversized)
    return sorted(planned, key=lambda delivery: (delivery.send_at, delivery.id, delivery.fault))


def deliver(moment: Moment) -> Delivery:
    """One moment as one sound webhook."""
    return Delivery(f"sim-{moment.id}", moment.person.number, moment.at, (moment,))


def _singly(moments: Sequence[Moment]) -> Iterator[Delivery]:
    return (deliver(moment) for moment in moments if moment.kind != "mail_sent")


def _campaigns(moments: Sequence[Moment]) -> Iterator[Delivery]:
    """One campaign goes to many at the same moment."""
    campaign = [moment for moment in moments if moment.kind == "mail_sent"]
    for at, group in groupby(campaign, key=lambda moment: moment.at):
        for number, chunk in enumerate(_chunks(group)):
            yield Delivery(f"sim-campaign-{chunk[0].ref}-{number}", number, at, chunk)


def _days_of_mail(moments: Sequence[Moment]) -> Iterator[Delivery]:
    mail = [moment for moment in moments if moment.kind in MAIL]
    for day, group in groupby(mail, key=lambda moment: moment.at.date()):
        for number, chunk in enumerate(_chunks(group)):
            yield Delivery(f"sim-mail-{day}-{number}", number, chunk[-1].at, chunk)


def _chunks(moments: Iterable[Moment]) -> Iterator[tuple[Moment, ...]]:
    everything = tuple(moments)
    for start in range(0, len(everything), BATCH):
        yield everything[start : start + BATCH]


def _with_faults(delivery: Delivery, seed: int, shares: Shares) -> Iterator[Delivery]:
    """The delivery, perhaps late, and what else the outside world makes of it."""
    rng = Random(f"fault:{seed}:{delivery.id}")
    late = delivery.kind in MAY_BE_LATE and rng.random() < shares.late
    sent = delivery.send_at + (LATEST * rng.uniform(0.3, 1.0) if late else timedelta())
    actual = replace(delivery, send_at=sent, fault="late" if late else "none")
    yield actual
    for fault, share in _extra(shares):
        if rng.random() < share:
            later = sent + timedelta(minutes=rng.uniform(1, 60))
            again = delivery.id if fault == "twice" else f"{delivery.id}-{fault}"
            yield replace(actual, id=again, send_at=later, fault=fault)


def _extra(shares: Shares) -> tuple[tuple[Fault, float], ...]:
    return (
        ("twice", shares.twice),
        ("forged", shares.forged),
        ("broken", shares.broken),
        ("unknown_topic", shares.unknown_topic),
    )


def _oversized(moments: Sequence[Moment], seed: int, count: int) -> list[Delivery]:
    chosen = Random(f"oversized:{seed}").sample(range(len(moments)), min(count, len(moments)))
    plain = [deliver(moments[position]) for position in sorted(chosen)]
    return [replace(delivery, id=f"{delivery.id}-oversized", fault="oversized") for delivery in plain]
