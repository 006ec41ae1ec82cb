"""What people said of calls: read from a file, and found again among the customers and days of the frames."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from libs.events import decode
from libs.events.errors import DecodeError
from libs.events.families.customer import OutreachFeedback
from libs.runtime.csv_file import CsvFile, Problems, opened
from libs.runtime.errors import ConfigError
from libs.runtime.event_rows import BadLineError, moment
from services.triggers.offline.silences import Alarms

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Word = Literal["right", "wrong", "missed"]
WORDS: tuple[Word, ...] = ("right", "wrong", "missed")
_DAY = timedelta(days=1)
_NEEDS = "a line names verdict and trigger_id, or verdict, rule, customer_id and at"


class Verdict(NamedTuple):
    """`at`: when the call came, or by when a missed one was due. `said`: orders words on one trigger."""

    word: Word
    rule: str | None
    trigger_id: str | None
    tenant: str | None
    customer: str | None
    at: datetime | None
    said: datetime | None = None


class Line(msgspec.Struct):
    """A line that is no event of ours."""

    verdict: Word
    trigger_id: str | None = None
    rule: str | None = None
    customer_id: str | None = None
    tenant: str | None = None
    at: str | None = None


class VerdictFile:
    """JSON Lines of events or of flat lines, or CSV. A line that cannot be used is counted and named."""

    def __init__(self, path: Path) -> None:
        """Raises ConfigError."""
        self.faults, self.verdicts = Problems(), list[Verdict]()
        with opened(path) as file:
            first = file.read(1)
        if not first:
            return  # nobody has said anything yet
        for line, found in self._json(path) if first == b"{" else self._csv(path):
            try:
                self.verdicts += _verdict(found)
            except BadLineError as error:
                self.faults.add(line, str(error))

    def _json(self, path: Path) -> Iterator[tuple[int, bytes | Mapping[str, Any]]]:
        with opened(path) as file:
            yield from ((number, raw) for number, raw in enumerate(file, 1) if not raw.isspace())

    def _csv(self, path: Path) -> Iterator[tuple[int, bytes | Mapping[str, Any]]]:
        file = CsvFile(path, self.faults)
        if "verdict" not in file.columns:
            raise ConfigError(f"{path}:1: no column verdict: {_NEEDS}")
        for row in file.rows():
            cells = {
                name: row.cells[place].strip()
                for name, place in file.columns.items()
                if place < len(row.cells)
            }
            yield row.line, {name: cell for name, cell in cells.items() if cell}


def _verdict(found: bytes | Mapping[str, Any]) -> list[Verdict]:
    """One, or none where the line is an event of another type. Raises BadLineError."""
    try:
        body = msgspec.json.decode(found) if isinstance(found, bytes) else found
        if isinstance(found, bytes) and isinstance(body, dict) and "specversion" in body:
            return _of_event(found) if body.get("type") == "outreach.feedback" else []
        return [_of_line(msgspec.convert(body, Line))]
    except (msgspec.MsgspecError, UnicodeDecodeError, DecodeError) as error:
        raise BadLineError(str(error)) from None


def _of_event(raw: bytes) -> list[Verdict]:
    event = decode(raw)
    data = event.data
    assert isinstance(data, OutreachFeedback)
    at = event.time if data.verdict == "missed" else data.fired_at
    return [Verdict(data.verdict, data.rule, data.trigger_id, event.tenant, event.subject, at, event.time)]


def _of_line(line: Line) -> Verdict:
    at = moment(line.at) if line.at else None
    named = bool(line.rule and line.customer_id and at)
    if not named and (line.trigger_id is None or line.verdict == "missed"):
        raise BadLineError(f"nobody can say which call is meant: {_NEEDS}")
    return Verdict(line.verdict, line.rule, line.trigger_id, line.tenant, line.customer_id, at)


# ---- among the frames


class Heard(NamedTuple):
    """Verdicts on one rule by customer and day, and what became of all others."""

    slots: Ints
    days: Ints
    words: npt.NDArray[np.str_]
    other_rules: int = 0
    unknown: int = 0  # no such customer, trigger or day in the frames
    same: int = 0  # said again, or taken back later

    def kept(self, alarms: Alarms, within: int) -> Bools:
        """Which of them the alarms have: so many days before or after; a missed one by its day at last."""
        span = int(max(alarms.days.max(initial=0), self.days.max(initial=0))) + 2 * within + 1
        theirs = np.sort(alarms.slots * span + alarms.days)
        low = self.slots * span + self.days - within
        high = low + np.where(self.words == "missed", within, 2 * within)
        at = np.searchsorted(theirs, low)
        return (at < len(theirs)) & (np.append(theirs, np.iinfo(np.int64).max)[at] <= high)

    def over(self, first: int, last: int) -> "Heard":
        mine = (self.days >= first) & (self.days <= last)
        return self._replace(slots=self.slots[mine], days=self.days[mine], words=self.words[mine])


class People:
    """Who stands in the frames, and what the rule as it is fired for them."""

    def __init__(
        self, who: list[tuple[str, str]], first: date, days: int, fired: Mapping[str, tuple[int, int]]
    ) -> None:
        """`fired`: customer and day by the trigger's id."""
        self._fired, self._days = fired, days
        self._start = datetime(first.year, first.month, first.day, tzinfo=UTC)
        self._exactly = {key: slot for slot, key in enumerate(who)}
        self._slots: dict[str, list[int]] = {}
        for slot, (_, customer) in enumerate(who):
            self._slots.setdefault(customer, []).append(slot)

    def hear(self, rule: str, verdicts: Iterable[Verdict]) -> Heard:
        """The last word on each call. In the order of the file where nothing says when it was said."""
        latest: dict[object, tuple[int, int, Word]] = {}
        others = unknown = count = 0
        for one in sorted(verdicts, key=lambda one: one.said or datetime.min.replace(tzinfo=UTC)):
            place = self._place(one)
            if one.rule not in (None, rule):
                others += 1
            elif place is None:
                unknown += 1
            else:
                count += 1
                latest[one.trigger_id or (*place, one.word == "missed")] = (*place, one.word)
        columns: Any = zip(*latest.values(), strict=True) if latest else ((), (), ())
        slots, days, words = columns
        ints = (np.array(slots, np.int64), np.array(days, np.int64))
        return Heard(*ints, np.array(words, np.str_), others, unknown, count - len(latest))

    def _place(self, one: Verdict) -> tuple[int, int] | None:
        if one.at is None or one.customer is None:
            return self._fired.get(one.trigger_id or "")
        if one.tenant is None:
            slots = self._slots.get(one.customer, [])
            slot = slots[0] if len(slots) == 1 else None
        else:
            slot = self._exactly.get((one.tenant, one.customer))
        day = -((self._start - one.at) // _DAY) - 1  # what comes with the end of a day is of that day
        return (slot, day) if slot is not None and 0 <= day < self._days else None
