"""Upcasters: an event of an older version is read as one of today's."""

from collections.abc import Callable, Mapping
from typing import Any

from libs.events.errors import DecodeError
from libs.events.registry import VERSIONS

Data = dict[str, Any]
Upcaster = Callable[[Data], Data]

UPCASTERS: dict[tuple[str, int], Upcaster] = {
    ("outreach.feedback", 1): dict,  # version 2 can also say "right"
}
"""(type, from version) to the function that makes the next version's `data`."""


def version_of(dataschema: object) -> int:
    """The number at the end of a dataschema. Raises DecodeError when there is none."""
    tail = str(dataschema).rpartition(":")[2]
    if not tail.isascii() or not tail.isdigit() or int(tail) < 1:
        raise DecodeError(
            f"dataschema {dataschema!r} has no version: expected urn:greenline:<type>:<version>"
        )
    return int(tail)


def upcast(
    event_type: str,
    version: int,
    data: Data,
    upcasters: Mapping[tuple[str, int], Upcaster] = UPCASTERS,
    versions: Mapping[str, int] = VERSIONS,
) -> Data:
    """Step by step to today's version. A version from the future is read as today's: fields only grow."""
    for step in range(version, versions.get(event_type, 1)):
        upcaster = upcasters.get((event_type, step))
        if upcaster is None:
            raise DecodeError(f"no upcaster for {event_type} version {step}")
        data = upcaster(data)
    return data
