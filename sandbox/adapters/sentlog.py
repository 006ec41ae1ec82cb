"""The shop's own log: one JSON line for each HTTP attempt that ended, buffered, read back for the ledger."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import msgspec

from sandbox.domain.deliveries import Expected, Fault
from sandbox.domain.ledger import Attempt

FLUSH_EVERY = 200  # lines; the rest is flushed on close, also after an error


class SentLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One attempt. `n` counts attempts begun, so an attempt without an end leaves a gap."""

    n: int
    delivery: str
    kind: str
    source: str
    phase: str
    attempt: int
    at: float  # wall seconds since 1970
    took: float  # seconds
    status: int | None
    expected: Expected
    fault: Fault = "none"
    events: tuple[str, ...] = ()
    durable: str | None = None


class SentLog:
    """Append only. A new one begins with an empty file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None
        self._waiting = 0
        self._encode = msgspec.json.Encoder().encode

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("wb")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, line: SentLine) -> None:
        assert self._file is not None
        self._file.write(self._encode(line) + b"\n")
        self._waiting += 1
        if self._waiting >= FLUSH_EVERY:
            self.flush()

    def flush(self) -> None:
        assert self._file is not None
        self._file.flush()
        self._waiting = 0


def read(path: Path) -> Iterator[SentLine]:
    """Every line of a log."""
    decode = msgspec.json.Decoder(SentLine).decode
    with path.open("rb") as lines:
        yield from (decode(line) for line in lines)


def attempts(path: Path) -> Iterator[Attempt]:
    """What the ledger needs of it."""
    return (Attempt(line.n, line.status, line.expected, line.events) for line in read(path))
