"""Customers on several partitions who become one: wherever and whenever rows and events are on their way,
partitions move and chunks are cut, the facts are those of one customer who had all of it.
"""

from zlib import crc32

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.events import AnyEvent, encode
from libs.events.families.customer import CustomerMerged
from libs.runtime.stream import LocalRunner, Transfer
from tests.property.scoring.lives import ALL, START, event, facts, feed, lives, runner, split

PARTITIONS = 3
# Who becomes whom; in the end everything is customer 1's.
CHAINS = [((2, 1), (3, 1)), ((3, 2), (2, 1)), ((2, 1), (3, 2))]


class Cluster:
    """Partitions of one service; what they send each other waits until it is handed over."""

    def __init__(self) -> None:
        self.runners = [runner() for _ in range(PARTITIONS)]
        self.records = 0

    def owner(self, key: bytes) -> LocalRunner:
        return self.runners[crc32(key) % PARTITIONS]

    def send(self, events: list[AnyEvent]) -> None:
        """One chunk for each partition."""
        self.records += len(events)
        for partition in self.runners:
            mine = [(e.key, encode(e)) for e in events if self.owner(e.key) is partition]
            partition.send(mine, START)

    def hand_over(self) -> bool:
        """What has been sent so far; whether there was anything."""
        waiting: list[Transfer] = []
        for partition in self.runners:
            waiting += partition.transfers
            partition.transfers = []
        for partition in self.runners:
            partition.receive([t for t in waiting if self.owner(t.key) is partition], START)
        return bool(waiting)

    def ledger(self, name: str) -> int:
        return sum(partition.rows.ledger[name] for partition in self.runners)


def merges(chain: tuple[tuple[int, int], ...]) -> list[AnyEvent]:
    return [
        event(CustomerMerged(into=f"c{into}"), 0, f"merge-{gone}", subject=f"c{gone}") for gone, into in chain
    ]


def played(data: st.DataObject, told: list[AnyEvent]) -> Cluster:
    """The events in any chunks; between them transfers arrive, or partitions move to another worker."""
    cluster, rest = Cluster(), list(told)
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        cluster.send(rest[:size])
        rest = rest[size:]
        if data.draw(st.booleans()):
            cluster.hand_over()
        if data.draw(st.booleans()):
            cluster.runners[data.draw(st.integers(0, PARTITIONS - 1))].restart()
    while cluster.hand_over():
        pass
    return cluster


@settings(max_examples=150, deadline=None)
@given(st.data(), lives(*ALL, least=4, most=20), st.sampled_from(CHAINS))
def test_any_course_of_merges_ends_with_the_facts_of_one_customer(
    data: st.DataObject, life: list[AnyEvent], chain: tuple[tuple[int, int], ...]
) -> None:
    owners = data.draw(st.lists(st.integers(1, 3), min_size=len(life), max_size=len(life)))
    told = data.draw(st.permutations([*split(life, owners), *merges(chain)]))
    cluster = played(data, told)
    assert facts(cluster.owner(b"demo/c1")) == facts(feed(life))
    assert [b"demo/c2" in cluster.owner(b"demo/c2").rows, b"demo/c3" in cluster.owner(b"demo/c3").rows] == [
        False,
        False,
    ]


@settings(max_examples=100, deadline=None)
@given(st.data(), lives(*ALL, least=4, most=16), st.sampled_from(CHAINS))
def test_every_record_is_counted_once_and_what_is_sent_arrives(
    data: st.DataObject, life: list[AnyEvent], chain: tuple[tuple[int, int], ...]
) -> None:
    owners = data.draw(st.lists(st.integers(1, 3), min_size=len(life), max_size=len(life)))
    distinct = [*split(life, owners), *merges(chain)]
    again = data.draw(st.lists(st.sampled_from(distinct), max_size=6))
    cluster = played(data, data.draw(st.permutations([*distinct, *again])))
    assert cluster.ledger("applied") + cluster.ledger("duplicate") == cluster.records
    assert cluster.ledger("applied") == len(distinct)
    assert cluster.ledger("forwarded") == cluster.ledger("arrived")
    assert cluster.ledger("rows_sent") == cluster.ledger("rows_received")
