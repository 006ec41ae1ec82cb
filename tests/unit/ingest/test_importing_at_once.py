"""An import reads, resolves and writes at once, in order and within bounds; what it makes is checked."""

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from libs.runtime.csv_file import NAMED, Problems
from libs.runtime.event_rows import Problem
from services.ingest.adapters.history_file import HistoryFile
from services.ingest.domain.record import Record
from services.ingest.testing_history import MemoryHistoryLog
from tests.unit.ingest.test_importing import Desk, lines

EXPORT = "Name,Email,Financial Status,Created at,Total,Lineitem quantity,Currency\n"


class HeldLog(MemoryHistoryLog):
    """Appends wait until they are let."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.may = 0, asyncio.Event()

    async def append(self, records: Sequence[Record]) -> dict[int, int]:
        self.asked += 1
        await self.may.wait()
        return await super().append(records)


async def test_two_batches_are_on_their_way_at_most_and_they_land_in_order(tmp_path):
    desk = Desk(tmp_path, lines(20))
    desk.log = log = HeldLog()
    read: list[int] = []
    usual = desk.file

    def counted(chunk: int = 2) -> HistoryFile:
        file = usual(chunk)
        entries = file._entries
        file._entries = lambda block: read.append(len(block.events)) or entries(block)  # type: ignore[method-assign,func-returns-value]
        return file

    desk.file = counted  # type: ignore[method-assign]
    running = asyncio.create_task(desk.run())
    for _ in range(200):
        await asyncio.sleep(0)
    assert log.asked == 1, "what happened first lands first"
    assert sum(read) <= 2 * 5, "two are written, one waits, one is told and one read"
    log.may.set()
    assert (await running).events == {"order.placed": 20}
    amounts = [event["data"]["amount"] for event in desk.events()]
    assert amounts == [f"{n + 1}.00" for n in range(20)]


@pytest.mark.parametrize(("wire", "refused"), [(False, 1), (True, 0)])
async def test_an_event_that_no_service_could_read_is_named_unless_it_was_read_as_one(
    tmp_path, wire, refused
):
    desk = Desk(tmp_path, EXPORT + "#1,a@shopper.example,paid,2024-05-30,5.00,1,USD\n", "shopify")
    file = desk.file()
    usual = file.read

    def spoilt(*given):
        for chunk in usual(*given):
            for entry in chunk.entries:
                event = entry.events[0]
                entry.events[0] = msgspec.structs.replace(
                    event, data=msgspec.structs.replace(event.data, items=-1)
                )
            yield chunk._replace(wire=wire)

    file.read = spoilt  # type: ignore[method-assign]
    desk.file = lambda chunk=2: file  # type: ignore[method-assign]
    done = await desk.run()
    assert done.refused == refused
    assert [line for line, _ in done.named] == [2] * refused


async def test_cells_of_an_export_are_trimmed_and_those_behind_its_columns_say_nothing(tmp_path):
    row = "#1, ada@shopper.example ,paid, 2024-05-30 ,5.00,1,USD,pos,surplus\n"
    desk = Desk(tmp_path, EXPORT + row, "shopify")
    assert (await desk.run()).refused == 0
    (event,) = desk.events()
    assert "channel" not in event["data"] or event["data"]["channel"] == "online"
    assert event["data"]["order_id"] == "1"


def test_faults_that_are_taken_over_are_all_counted_and_the_first_are_named():
    ours, theirs = Problems(), Problems()
    ours.add(1, "first")
    for line in range(2, 30):
        theirs.add(line, "more")
    ours.take(theirs)
    assert (ours.count, len(ours.named), theirs.count, theirs.named) == (29, NAMED, 0, [])
    assert ours.named[:2] == [Problem(1, "first"), Problem(2, "more")]
