"""Whatever stands in a file of history: a line is used or named, and reading can stop and go on anywhere."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.events import decode_many, encode_hot
from libs.runtime.errors import ConfigError
from libs.runtime.event_rows import START, Origin
from services.ingest.adapters.history_file import EXPORTS, HistoryFile, open_history
from services.ingest.domain.history.entry import Entry
from services.ingest.domain.people import claim_of
from tests.unit.ingest.shop import source

EVENTS = ("customer_id", "time", "type", "amount", "currency", "order_id")
LIKELY = """
#1|4501|7001|0|ada@shopper.example|2024-05-30|2024-05-30 08:00:00 -0400|2024-05-30 08:00:00|9999-12-31|
0001-01-01|5.00|-5|1e999|NaN|0.00001|USD|eur|paid|voided|completed|wc-cancelled|yes|order|order.placed|site.visited|bogus|
id:5$amount:1.00$date:2024-05-30 08:00:00;id:6|[{"id": 5, "amount": 1}]|[{}]|[1]|[|id|\\|
"""
_cell = st.one_of(
    st.sampled_from([cell.strip().replace("$", "|") for cell in LIKELY.split("|")]),
    st.text(max_size=12),
)
_headers = st.sampled_from([(None, EVENTS), *((one, tuple(sorted(one.used))) for one in EXPORTS)])
BOUNDED = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("history") / "history"


def opened(path: Path, content: bytes, platform: str) -> HistoryFile | None:
    path.write_bytes(content)
    try:
        return open_history(path, Origin("import:1", platform, "demo", "x/demo"), chunk=3)
    except ConfigError:
        return None


def entries(file: HistoryFile, start=START) -> list[Entry]:
    return [entry for chunk in file.read(start) for entry in chunk.entries]


def check(file: HistoryFile) -> list[Entry]:
    """Nothing raises but what the operator is told; and from each chunk on the rest is the same."""
    try:
        chunks = list(file.read(START))
    except ConfigError:
        return []
    found = [entry for chunk in chunks for entry in chunk.entries]
    for done, chunk in enumerate(chunks):
        assert entries(file, chunk.next) == [one for later in chunks[done + 1 :] for one in later.entries]
    for entry in found:
        claim_of(file.person(entry.who), source("shopify"))
        decode_many([encode_hot(event) for event in entry.events])
    return found


@BOUNDED
@given(content=st.binary(max_size=400), platform=st.sampled_from(["shopify", "woocommerce", "standard"]))
def test_any_bytes(path: Path, content: bytes, platform: str) -> None:
    file = opened(path, content, platform)
    if file is not None:
        check(file)


@BOUNDED
@given(data=st.data(), header=_headers)
def test_any_cells_under_the_columns_of_each_format(path: Path, data: st.DataObject, header) -> None:
    export, columns = header
    rows = data.draw(st.lists(st.lists(_cell, max_size=len(columns) + 1), max_size=6))
    text = io.StringIO()
    sheet = csv.writer(text)
    sheet.writerow(columns)
    sheet.writerows(rows)
    file = opened(path, text.getvalue().encode("utf-8", "replace"), export.platform if export else "standard")
    assert file is not None
    check(file)
    for problem in file.faults.named:
        assert problem.line > 1


@BOUNDED
@given(lines=st.lists(st.one_of(st.binary(max_size=60), st.just(b'{"id": "1"}')), max_size=6))
def test_any_json_lines(path: Path, lines: list[bytes]) -> None:
    file = opened(path, b"{\n" + b"\n".join(lines), "standard")
    assert file is not None
    assert len(check(file)) + file.faults.count >= 1
