"""Many moments at once as numbers, and back, by way of msgpack: a twelfth of the time of `datetime.timestamp`
for each, a sixth of that of `datetime.fromtimestamp`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from numba import njit

NOT_A_TIME = np.iinfo(np.int64).min
"""Stands for None; numpy's NaT in the same bits."""

_pack = msgspec.msgpack.Encoder().encode
_unpack_all = msgspec.msgpack.Decoder(list[datetime]).decode
_SECONDS = np.dtype([("tag", ">u2"), ("seconds", ">u4")])  # a timestamp of 32 bits
_MANY = b"\xdd"  # an array's head, before its length in 32 bits


def microseconds(moments: Sequence[datetime | None]) -> npt.NDArray[np.int64]:
    """(n,): since 1970. Raises ValueError for a moment without a zone."""
    packed = np.frombuffer(_pack(moments), np.uint8)
    out = np.empty(len(moments), np.int64)
    if _unpack(packed, out) < len(out):
        raise ValueError("a moment has no time zone")
    return out


def datetimes(seconds: npt.NDArray[Any]) -> list[datetime]:
    """From whole seconds since 1970, 0 to 2^32 - 1, in UTC."""
    packed = np.empty(len(seconds), _SECONDS)
    packed["tag"], packed["seconds"] = 0xD6FF, seconds
    return _unpack_all(_MANY + len(seconds).to_bytes(4) + packed.tobytes())


@njit("int64(Array(uint8, 1, 'C', readonly=True), uint64, uint64)", cache=True)
def _number(packed: Any, at: int, size: int) -> Any:
    """Most significant byte first."""
    found = np.uint64(0)
    for i in range(at, at + size):
        found = (found << np.uint64(8)) | np.uint64(packed[i])
    return np.int64(found)


@njit("int64(Array(uint8, 1, 'C', readonly=True), int64[::1])", cache=True)
def _unpack(packed: Any, out: Any) -> int:
    """How many of the array's values were moments or nil, from the first on.

    Of msgpack: an array's head, nil, and timestamps of 32, 64 and 96 bits (the two of the 64 hold
    nanoseconds above 34 bits of seconds).
    """
    at = 1 if len(out) < 16 else 3 if len(out) < 65_536 else 5
    for i in range(len(out)):
        tag = packed[at]
        if tag == 0xC0:
            out[i], at = NOT_A_TIME, at + 1
        elif tag == 0xD6:
            out[i], at = _number(packed, at + 2, 4) * 1_000_000, at + 6
        elif tag == 0xD7:
            both = _number(packed, at + 2, 8)
            nanos = (both >> 34) & 0x3FFFFFFF
            out[i], at = (both & 0x3FFFFFFFF) * 1_000_000 + nanos // 1_000, at + 10
        elif tag == 0xC7:
            seconds, nanos = _number(packed, at + 7, 8), _number(packed, at + 3, 4)
            out[i], at = seconds * 1_000_000 + nanos // 1_000, at + 15
        else:
            return i
    return len(out)
