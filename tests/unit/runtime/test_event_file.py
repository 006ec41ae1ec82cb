"""A file of events is read to its end; what cannot be used is counted and named with its line."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from libs.events import build, encode
from libs.events.families.commerce import OrderPlaced
from libs.runtime import event_file
from libs.runtime.csv_file import NAMED
from libs.runtime.errors import ConfigError
from libs.runtime.event_file import EventFile
from libs.runtime.event_rows import START, Origin

AT = datetime(2026, 1, 1, tzinfo=UTC)
PLACED = OrderPlaced(order_id="1", amount="20.00", currency="USD")
ORDER = encode(build(PLACED, id="1", source="x", tenant="t", subject="c1", time=AT, receivedat=AT))
HEADER = "customer_id,time,type,amount,currency\n"


def file_of(tmp_path: Path, text: str | bytes) -> EventFile:
    path = tmp_path / "events"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return EventFile(path)


def read(file: EventFile) -> list[object]:
    return [event for block in file.blocks() for event in block]


def test_a_csv_line_is_a_purchase_in_utc(tmp_path: Path) -> None:
    file = file_of(
        tmp_path, HEADER + "7,1997-01-01,order,11.77,USD\n7,1997-01-02T03:00:00+02:00,order.placed,5,eur\n"
    )
    first, second = read(file)
    assert (first.event_type, first.subject, first.data.amount) == ("order.placed", "7", "11.77")
    assert first.time == first.receivedat == datetime(1997, 1, 1, tzinfo=UTC)
    assert (second.time, second.data.currency) == (datetime(1997, 1, 2, 1, tzinfo=UTC), "EUR")
    assert first.id != second.id
    assert file.refused == 0


def test_columns_may_stand_in_any_order_beside_others(tmp_path: Path) -> None:
    file = file_of(tmp_path, "amount,note,Time,customer_id\n3,hello,2026-01-01,a\n")
    (event,) = read(file)
    assert (event.subject, event.data.amount, event.data.currency) == ("a", "3", "USD")


def test_visits_clicks_and_tickets_may_stand_among_the_orders(tmp_path: Path) -> None:
    lines = "".join(f"a,2026-01-01,{name},,\n" for name in ("site.visited", "email.clicked", "ticket.opened"))
    assert [event.event_type for event in read(file_of(tmp_path, HEADER + lines))] == [
        *("site.visited", "email.clicked", "ticket.opened")
    ]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (",2026-01-01,order,5,USD", "customer_id is empty"),
        ("a,yesterday,order,5,USD", "'yesterday' is no ISO 8601"),
        ("a,1066-10-14,order,5,USD", "not between 1970 and 2099"),
        ("a,2026-01-01,order,,USD", "amount '' is no number"),
        ("a,2026-01-01,order,-5,USD", "'-5' is not a sum"),
        ("a,2026-01-01,order,NaN,USD", "'NaN' is not a sum"),
        ("a,2026-01-01,order,5,dollars", "'DOLLARS' is no ISO 4217"),
        ("a,2026-01-01,order.refunded,5,USD", "others need JSON Lines"),
        ("a,2026-01-01", "2 fields, the header has 5"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_and_the_rest_is_used(
    tmp_path: Path, line: str, what: str
) -> None:
    good = "a,2026-01-02,order,5,USD\n"
    file = file_of(tmp_path, f"{HEADER}{good}{line}\n{good}")
    assert len(read(file)) == 2
    (problem,) = file.problems
    assert problem.line == 3
    assert what in problem.what
    assert file.refused == 1


def test_all_are_counted_and_some_are_named(tmp_path: Path) -> None:
    file = file_of(tmp_path, HEADER + "a,never,order,5,USD\n" * (NAMED + 5))
    assert read(file) == []
    assert (file.refused, len(file.problems)) == (NAMED + 5, NAMED)


def test_json_lines_are_the_envelope_and_a_broken_one_is_named(tmp_path: Path) -> None:
    good = ORDER + b"\n"
    file = file_of(tmp_path, good + b"{\n\n" + good.replace(b'"amount":"20.00"', b'"amount":20') + good)
    assert [event.subject for event in read(file)] == ["c1", "c1"]
    assert [problem.line for problem in file.problems] == [2, 4]
    assert "truncated" in file.problems[0].what
    assert "amount" in file.problems[1].what


def test_a_header_without_the_columns_is_refused_and_says_which_are_meant(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"events:1: no column customer_id, time; .*customer_id,time,type"):
        read(file_of(tmp_path, "who,when,amount\n"))


def test_an_empty_file_has_no_header(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no column customer_id, time, amount"):
        read(file_of(tmp_path, ""))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere: No such file"):
        EventFile(tmp_path / "nowhere")


def test_progress_is_told_in_bytes(tmp_path: Path) -> None:
    file, told = file_of(tmp_path, HEADER + "a,2026-01-01,order,5,USD\n" * 3), [0]
    list(file.blocks(told.append))
    assert sum(told) == file.size


def test_lines_are_counted_from_one_block_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_file, "BLOCK", 2)
    good = ORDER + b"\n"
    file = file_of(tmp_path, good * 3 + b"{\n" + good)
    assert len(read(file)) == 4
    assert [problem.line for problem in file.problems] == [4]


def test_reading_goes_on_at_any_block(tmp_path: Path) -> None:
    rows = "".join(f'"c{n}\nx",2026-01-01,order,5,USD\n' for n in range(7))
    for text in (HEADER + rows, (ORDER + b"\n") * 7):
        path = file_of(tmp_path, text).path
        file = EventFile(path, block=3)
        blocks = list(file.read(START))
        assert [len(block.events) for block in blocks] == [3, 3, 1]
        for done, block in enumerate(blocks):
            later = [event for rest in file.read(block.next) for event in rest.events]
            assert later == [event for rest in blocks[done + 1 :] for event in rest.events]


def test_times_without_a_zone_are_of_the_one_that_is_named(tmp_path: Path) -> None:
    path = file_of(tmp_path, HEADER + "a,2026-07-01T12:00:00,order,5,USD\n").path
    (block,) = EventFile(path, Origin(zone=ZoneInfo("Europe/Berlin"))).read(START)
    assert block.events[0].time == datetime(2026, 7, 1, 10, tzinfo=UTC)


def test_an_orders_own_number_is_used_and_makes_the_id(tmp_path: Path) -> None:
    path = file_of(tmp_path, "customer_id,time,amount,order_id\na,2026-01-01,5,901\na,2026-01-01,5,\n").path
    (block,) = EventFile(path, Origin("import:1", "shopify")).read(START)
    assert [event.id for event in block.events] == ["shopify:order:901:placed", "import:1:3"]
    assert [event.data.order_id for event in block.events] == ["901", "import:1:3"]


def test_an_amount_is_told_as_the_contract_has_it(tmp_path: Path) -> None:
    file = file_of(tmp_path, HEADER + "a,2026-01-01,order,5.123456,USD\na,2026-01-01,order,1e13,USD\n")
    assert [event.data.amount for event in read(file)] == ["5.1235"]
    assert "more than 12 digits" in file.problems[0].what


def test_what_is_no_csv_is_named_and_reading_goes_on_behind_it(tmp_path: Path) -> None:
    file = file_of(
        tmp_path, HEADER + "a,2026-01-01,order,5,USD\nb,2026-01-01,or\rder,5,USD\nc,2026-01-01,order,5,USD\n"
    )
    assert [event.subject for event in read(file)] == ["a", "c"]
    assert file.problems[0].line == 3
