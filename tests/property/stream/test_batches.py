"""Whole columns become the record batches that the client's own builder would make, byte for byte."""

import numpy as np
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from libs.runtime.stream.batches import Columns, EncodedBatch, encode, warm_up

warm_up()  # compiled before the first example is timed
STAMP = 1_767_225_600_000
sizes = st.one_of(st.integers(0, 40), st.sampled_from([63, 64, 8191, 8192]))
pieces = sizes.flatmap(lambda size: st.binary(min_size=size, max_size=size))
pairs = st.lists(st.tuples(pieces, st.none() | pieces), max_size=90)


def built(batch: EncodedBatch, sequence: int = 7) -> bytes:
    batch._set_producer_state(1234567890123, 5, sequence)
    return bytes(batch._build())


def by_the_client(told: list[tuple[bytes, bytes | None]]) -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=1,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=0,
        batch_size=10**9,
    )
    for i, (key, value) in enumerate(told):
        builder.append(i, timestamp=STAMP, key=key, value=value, headers=[])
    builder.set_producer_state(1234567890123, 5, 7)
    return bytes(builder.build())


@given(pairs.filter(bool))
def test_a_batch_is_what_the_clients_own_builder_makes(told):
    [batch] = encode(Columns.of_pairs(told), STAMP, 10**9)
    assert batch.record_count() == len(told)
    assert built(batch) == by_the_client(told)


@given(pairs, st.integers(1, 20_000))
def test_however_small_the_batches_nothing_is_lost_and_none_is_larger_than_asked(told, most):
    read = []
    for batch in encode(Columns.of_pairs(told), STAMP, most):
        raw = built(batch)
        assert len(raw) <= most or batch.record_count() == 1
        found = MemoryRecords(raw).next_batch()
        assert found.validate_crc()
        read += [(record.key, record.value) for record in found]
    assert read == told


@given(st.lists(pieces, min_size=1, max_size=30), st.integers(1, 200))
def test_rows_are_values_of_one_width(keys, width):
    rows = np.arange(len(keys) * width, dtype=np.uint32).astype(np.uint8).reshape(len(keys), width)
    told = [(key, rows[i].tobytes()) for i, key in enumerate(keys)]
    assert list(Columns.of_rows(keys, rows)) == told
    [batch] = encode(Columns.of_rows(keys, rows), STAMP, 10**9)
    assert built(batch) == by_the_client(told)


@given(pairs)
def test_columns_give_their_pairs_back(told):
    assert list(Columns.of_pairs(told)) == told


def test_nothing_makes_no_batch():
    assert list(encode(Columns.of_pairs([]), STAMP, 1000)) == []


def test_a_retry_sends_the_same_bytes():
    [batch] = encode(Columns.of_pairs([(b"k", b"v")]), STAMP, 1000)
    assert built(batch) == bytes(batch._build())
