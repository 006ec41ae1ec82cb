"""The naive count: one pass over the source, record by record, by somebody who never crashes."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from aiokafka.structs import ConsumerRecord

from libs.runtime.kafka import partition_of
from tests.chaos.job import PARTITIONS

_EVERYWHERE = list(range(PARTITIONS))


class Purse(NamedTuple):
    """What a key's row must hold."""

    n: int = 0
    sum: int = 0
    got_n: int = 0
    got: int = 0


Where = tuple[int, bytes]  # partition and key: a purse in two places is two purses


@dataclass
class Reference:
    purses: dict[Where, Purse] = field(default_factory=dict)
    outputs: Counter[tuple[int, bytes, bytes]] = field(default_factory=Counter)
    transfers: Counter[tuple[int, bytes, bytes]] = field(default_factory=Counter)
    dead: Counter[str] = field(default_factory=Counter)
    records: int = 0

    def add(self, record: ConsumerRecord) -> None:
        self.records += 1
        digits, _, to = record.value.partition(b" ")
        if not digits.isdigit():
            self.dead[f"{record.topic}/{record.partition}/{record.offset}"] += 1
            return
        purse = self._earn(record, 0 if to else int(digits))
        if to:
            self._give(to, b"%d %d/%d" % (int(digits), record.partition, record.offset))
        if purse.n % 3 == 0:
            self.outputs[record.partition, record.key, b"%d %d" % (purse.n, purse.sum)] += 1

    def _earn(self, record: ConsumerRecord, amount: int) -> Purse:
        where = record.partition, record.key
        old = self.purses.get(where, Purse())
        self.purses[where] = new = old._replace(n=old.n + 1, sum=old.sum + amount)
        return new

    def _give(self, to: bytes, value: bytes) -> None:
        where = partition_of(to, _EVERYWHERE, _EVERYWHERE), to
        old = self.purses.get(where, Purse())
        self.purses[where] = old._replace(got_n=old.got_n + 1, got=old.got + int(value.partition(b" ")[0]))
        self.transfers[*where, value] += 1
        self.outputs[*where, b"got " + value] += 1


def count(source: Iterable[ConsumerRecord]) -> Reference:
    reference = Reference()
    for record in source:
        reference.add(record)
    return reference
