"""The full job's data are what a shop's would be: in bytes, in mix, in who does how much."""

from collections import Counter
from itertools import islice

from benchmarks.full_job.data import MIX, PARTITIONS, make_events
from libs.events import decode, encode
from libs.runtime.kafka import partition_of

EVENTS = list(make_events(20_000, customers=2_000))


def test_every_value_is_what_ingest_would_have_written() -> None:
    for _, key, value in EVENTS[:3_000]:
        event = decode(value)
        assert encode(event) == value
        assert event.key == key


def test_an_imported_event_is_the_same_but_for_its_mark() -> None:
    for plain, imported in zip(
        EVENTS[:200], make_events(20_000, customers=2_000, backfill=True), strict=False
    ):
        assert decode(imported.value) == decode(plain.value).model_copy(update={"backfill": True})


def test_the_same_seed_gives_the_same_events_and_another_seed_others() -> None:
    again = list(islice(make_events(20_000, customers=2_000), 1_000))
    assert again == EVENTS[:1_000]
    assert list(islice(make_events(20_000, seed=8, customers=2_000), 1_000)) != again


def test_a_customers_events_are_in_the_partition_where_a_producer_puts_them_and_in_order() -> None:
    numbers = list(range(PARTITIONS))
    assert all(number == partition_of(key, numbers, numbers) for number, key, _ in EVENTS)
    times = [decode(value).time for _, _, value in EVENTS[:3_000]]
    assert times == sorted(times)


def test_all_twelve_types_come_as_often_as_they_should() -> None:
    assert len(MIX) == 12
    assert sum(kind.share for kind in MIX) == 100
    found = Counter(decode(value).type for _, _, value in EVENTS[:10_000])
    for kind in MIX:
        assert abs(found[kind.name] / 100 - kind.share) < 1.5, kind.name


def test_a_few_customers_do_much_and_many_do_little() -> None:
    """Zipf 1.1: the second does 2^-1.1 of what the first does, the tenth 10^-1.1."""
    counts = [count for _, count in Counter(key for _, key, _ in EVENTS).most_common()]
    assert 0.4 < counts[1] / counts[0] < 0.54
    assert 0.065 < counts[9] / counts[0] < 0.095
    assert len(counts) > 1_000
