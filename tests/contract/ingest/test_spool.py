"""What a spool promises."""

from services.ingest.domain.record import Record

MANY = 1_000_000  # bytes


def record(number: int) -> Record:
    return Record("customer.events", b"demo/c_1", str(number).encode())


async def test_records_come_back_in_the_order_they_were_put_in(spool):
    await spool.add([[record(1), record(2)], [record(3)]])
    await spool.add([[record(4)]])
    waiting = await spool.oldest(10, MANY)
    assert [spooled.record.value for spooled in waiting] == [b"1", b"2", b"3", b"4"]
    assert [spooled.record.value for spooled in await spool.oldest(2, MANY)] == [b"1", b"2"]


async def test_the_numbers_that_are_given_out_are_those_in_line(spool):
    numbers = await spool.add([[record(1), record(2)], [], [record(3)]])
    assert [(spooled.number, spooled.record.value) for spooled in await spool.oldest(10, MANY)] == list(
        zip(numbers, [b"1", b"2", b"3"], strict=True)
    )


async def test_no_more_bytes_are_read_than_asked_for_but_one_record_always(spool):
    await spool.add([[Record("customer.events", b"demo/c_1", b"x" * 100) for _ in range(5)]])
    assert len(await spool.oldest(10, 250)) == 2
    assert len(await spool.oldest(10, 300)) == 3
    assert len(await spool.oldest(10, 50)) == 1


async def test_a_tombstone_stays_one(spool):
    await spool.add([[Record("customer.profiles", b"demo/c_1", None)]])
    assert (await spool.oldest(1, MANY))[0].record.value is None


async def test_what_is_removed_is_gone_and_the_rest_stays(spool):
    await spool.add([[record(number) for number in range(5)]])
    waiting = await spool.oldest(3, MANY)
    await spool.remove([spooled.number for spooled in waiting])
    assert [spooled.record.value for spooled in await spool.oldest(10, MANY)] == [b"3", b"4"]


async def test_depth_counts_what_waits(spool):
    assert (await spool.depth()).records == 0
    await spool.add([[record(1), record(2)]])
    depth = await spool.depth()
    assert depth.records == 2
    assert 0 <= depth.oldest_s < 60
