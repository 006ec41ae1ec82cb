"""A file of history, whichever of the four kinds it is, as entries in their order."""

import hashlib
from collections.abc import Callable, Hashable, Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from libs.runtime.csv_file import Advance, CsvFile, Problems, Row, opened
from libs.runtime.errors import ConfigError
from libs.runtime.event_file import BLOCK, Block, EventFile
from libs.runtime.event_rows import BadLineError, Origin, Place
from services.ingest.domain.history import shopify, woocommerce
from services.ingest.domain.history.entry import Cells, Entry, Export
from services.ingest.domain.people import Anchor, Person

EXPORTS = (shopify.EXPORT, woocommerce.EXPORT)
_PIECE = 1 << 20  # bytes
_REPORT = frozenset({"order #", "customer type"})
_ORDERS = frozenset({"order.placed", "order.updated"})


class Chunk(NamedTuple):
    """Entries, and where the file is read on after them."""

    entries: list[Entry]
    next: Place
    wire: bool = False
    """Read by the very decoder that services read the topic with."""


class HistoryFile:
    """Built by `open_history`."""

    def __init__(self, path: Path, origin: Origin, export: Export | None, chunk: int, *, wire: bool) -> None:
        self.path, self.size = path, path.stat().st_size
        self.faults = Problems()
        self.kind = export.platform if export else "events"
        self._origin, self._export, self._chunk, self._wire = origin, export, chunk, wire

    def person(self, who: Hashable) -> Person:
        """Who an entry's `who` is."""
        if self._export is not None:
            return self._export.person(who)
        found = str(who)
        # Their number at the source's provider; an address where a shop has no numbers.
        return (
            Person(email=found)
            if "@" in found
            else Person(ids=((f"{self._origin.platform}.customer", found),))
        )

    def read(self, start: Place, advance: Advance = lambda _: None) -> Iterator[Chunk]:
        """From a place on that a chunk named. Raises ConfigError."""
        if self._export is not None:
            return self._orders(self._export, start, advance)
        file = EventFile(self.path, self._origin, self._chunk)
        file.faults = self.faults
        return (Chunk(self._entries(block), block.next, self._wire) for block in file.read(start, advance))

    def _entries(self, block: Block) -> list[Entry]:
        anchor = self._anchor
        return [
            Entry(line, event.subject, (event,), anchor(event) if event.event_type in _ORDERS else None)
            for event, line in zip(block.events, block.lines, strict=True)
        ]

    def _anchor(self, event: Any) -> Anchor | None:
        """An order that later payloads may name; one without a number of its own nobody can name."""
        order = event.data.order_id
        if order.startswith(self._origin.ids):
            return None
        return Anchor(f"{self._origin.platform}/order", order, f"{event.data.amount} {event.data.currency}")

    def _orders(self, export: Export, start: Place, advance: Advance) -> Iterator[Chunk]:
        file = CsvFile(self.path, self.faults)
        entries: list[Entry] = []
        after = start
        for rows, line, after in _grouped(file.rows(start, advance), export, file):
            try:
                entries.append(export.read(rows, line, self._origin))
            except BadLineError as error:
                self.faults.add(line, str(error))
            if len(entries) == self._chunk:
                yield Chunk(entries, after)
                entries = []
        yield Chunk(entries, after)


def _grouped(rows: Iterator[Row], export: Export, file: CsvFile) -> Iterator[tuple[list[Cells], int, Place]]:
    """The rows of one order that stand together, the line of the first, and where the next order begins."""
    cells_of = _cutter(export, file)
    group: list[Cells] = []
    line, after = 0, Place()
    for row in rows:
        cells = cells_of(row)
        if group and cells[export.order] != group[0][export.order]:
            yield group, line, after
            group = []
        if not group:
            line = row.line
        group.append(cells)
        after = row.next
    if group:
        yield group, line, after


def _cutter(export: Export, file: CsvFile) -> Callable[[Row], Cells]:
    """A row's cells by column; a column that is not there, or a row that is too short, says nothing."""
    names, width = sorted(export.used), max(file.columns.values()) + 1
    # A column that is not there lies behind the others, on an empty cell that is added.
    pick = itemgetter(*(file.columns.get(name, width) for name in names))
    empty = [""] * (width + 1)

    def cut(row: Row) -> Cells:
        cells = row.cells[:width]
        return dict(zip(names, map(str.strip, pick(cells + empty[len(cells) :])), strict=True))

    return cut


def open_history(path: Path, origin: Origin, chunk: int = BLOCK) -> HistoryFile:
    """Recognise the file by how it begins. Raises ConfigError."""
    with opened(path) as file:
        json_lines = file.read(1) == b"{"
    columns = frozenset() if json_lines else frozenset(CsvFile(path, Problems()).columns)
    if columns >= _REPORT:
        raise ConfigError(
            f"{path}: this is the report of WooCommerce's Analytics, which names no customer by number or "
            "address; export the orders with the extension Customer/Order/Coupon Export"
        )
    export = next((one for one in EXPORTS if columns >= one.needed), None)
    if export is not None and export.platform != origin.platform:
        raise ConfigError(
            f"{path}: an export of {export.platform}, but the source's provider is {origin.platform}; "
            f"name a source of provider {export.platform}, so that its orders are the ones of live deliveries"
        )
    return HistoryFile(path, origin, export, chunk, wire=json_lines)


def digest_of(path: Path, advance: Advance = lambda _: None) -> str:
    """SHA-256 of the bytes: by it a file is known again. Raises ConfigError."""
    found = hashlib.sha256()
    with opened(path) as file:
        while piece := file.read(_PIECE):
            found.update(piece)
            advance(len(piece))
    return found.hexdigest()
