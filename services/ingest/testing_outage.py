"""What the fakes of PostgreSQL have in common: they can be away, and refuse what it refuses."""

from collections.abc import Iterator

import msgspec

from services.ingest.domain.errors import UnavailableError, UnstorableError


class Outage:
    """A switch: while it is off, every call fails as the real thing would."""

    def __init__(self) -> None:
        self.away = False

    def check(self, *written: object) -> None:
        """Also whether the texts in what is written or looked for are such as PostgreSQL takes."""
        if self.away:
            raise UnavailableError("switched off by the test")
        if not all(_is_text(found) for found in _texts(msgspec.to_builtins(written))):
            raise UnstorableError


def _texts(plain: object) -> Iterator[str]:
    if isinstance(plain, str):
        yield plain
    elif isinstance(plain, dict):
        yield from _texts([*plain.keys(), *plain.values()])
    elif isinstance(plain, list | tuple):
        for one in plain:
            yield from _texts(one)


def _is_text(found: str) -> bool:
    return "\0" not in found and not any("\ud800" <= one <= "\udfff" for one in found)
