"""Customers who become one, and customers who are erased: what is sent, and what stays behind.

A merge takes the row of the customer who goes out of its partition, and leaves an *alias* that forwards what
still comes for them. An erasure leaves a *marker* that holds off what still comes for 30 days. Both are
sparse records, so they are stored in the transaction of the rows they replace:

    alias 0x00 <customer>         -> Alias     where the row went, and which event ids it had
    joined 0x00 <into> 0x00 <from> -> nothing   who became this customer: an erasure must find them
    erased 0x00 <customer>        -> Marker
"""

from datetime import datetime, timedelta

import msgspec

from libs.runtime.stream import Rows, Transfer

# Providers deliver late for days, not weeks; a shop's own re-import of old data is stopped by ingest.
MARKER = timedelta(days=30)
_ALIAS, _JOINED, _ERASED = b"alias\x00", b"joined\x00", b"erased\x00"
_SEPARATOR = b"\x00"


class Alias(msgspec.Struct, frozen=True):
    """Whoever this customer became."""

    into: str
    ids: bytes  # 64-bit hashes of event ids: the merge's own, and those that the row's rings held

    def knows(self, identity: int) -> bool:
        """Whether an event of this hash has been taken in."""
        return identity in memoryview(self.ids).cast("Q")


class Marker(msgspec.Struct, frozen=True):
    """An erasure that still holds off what comes late."""

    until: int  # seconds since 1970
    identity: int  # hash of the erasure's own event id


class MovedRow(msgspec.Struct, frozen=True, tag="row"):
    """The row of a customer who became another one. `path`: every customer it was meant for so far."""

    path: tuple[str, ...]
    layout: int
    row: bytes
    segment: str
    feeds: tuple[int, int, int]
    event: bytes  # customer.merged, as it came


class MovedEvent(msgspec.Struct, frozen=True, tag="event"):
    """An event that came for an alias."""

    path: tuple[str, ...]
    event: bytes


class Erase(msgspec.Struct, frozen=True, tag="erase"):
    """An erasure of somebody who is, or became, this customer."""

    event: bytes


Move = MovedRow | MovedEvent | Erase

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Move).decode
_decode_alias = msgspec.json.Decoder(Alias).decode
_decode_marker = msgspec.json.Decoder(Marker).decode


def send(key: str | bytes, move: Move) -> Transfer:
    return Transfer(key.encode() if isinstance(key, str) else key, _encode(move))


def read(value: bytes) -> Move:
    """Raises msgspec.DecodeError."""
    move: Move = _decode(value)
    return move


class Moves:
    """The aliases and markers among a partition's sparse records."""

    def __init__(self, rows: Rows) -> None:
        self._sparse = rows.sparse

    @property
    def any(self) -> bool:
        """Nearly always there are none, and nothing has to be looked up."""
        return len(self._sparse) > 0

    def alias(self, key: bytes) -> Alias | None:
        found = self._sparse.get(_ALIAS + key)
        return None if found is None else _decode_alias(found)

    def put_alias(self, key: bytes, alias: Alias) -> None:
        self._sparse.put(_ALIAS + key, _encode(alias))

    def drop_alias(self, key: bytes) -> None:
        self._sparse.delete(_ALIAS + key)

    def put_joined(self, into: bytes, gone: bytes) -> None:
        self._sparse.put(_JOINED + into + _SEPARATOR + gone, b"")

    def take_joined(self, into: bytes) -> list[bytes]:
        """Who became this customer; they are forgotten here."""
        prefix = _JOINED + into + _SEPARATOR
        found = [key for key, _ in self._sparse.items_with_prefix(prefix)]
        for key in found:
            self._sparse.delete(key)
        return [key.removeprefix(prefix) for key in found]

    def marker(self, key: bytes, at: datetime) -> Marker | None:
        """The one that holds at that moment."""
        found = self._sparse.get(_ERASED + key)
        marker = None if found is None else _decode_marker(found)
        return marker if marker is not None and at.timestamp() < marker.until else None

    def put_marker(self, key: bytes, at: datetime, identity: int) -> None:
        marker = Marker(int((at + MARKER).timestamp()), identity)
        self._sparse.put(_ERASED + key, _encode(marker))

    def drop_expired(self, now: datetime) -> None:
        """Markers that have done their time."""
        for key, value in self._sparse.items_with_prefix(_ERASED):
            if now.timestamp() >= _decode_marker(value).until:
                self._sparse.delete(key)
