"""What a partition remembers beside its rows: its tenants and their feeds, segment names, imports."""

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from services.scoring.domain.row import TENANT

CONSUMER = "consumer"
_SEGMENTS = 255  # a row's segment is one byte
_EDITIONS = 256  # so is the edition of the scorecard it was last said with


class Memo(msgspec.Struct):
    """Kept in the checkpoint. Lists are indexed by what stands in the rows; they only grow."""

    tenants: list[str] = msgspec.field(default_factory=list)
    feeds: list[tuple[int, int, int]] = msgspec.field(default_factory=list)
    segments: list[str] = msgspec.field(default_factory=lambda: [CONSUMER])
    importing: bool = False  # the last chunk held imported events
    import_wall: float = 0.0  # wall clock when the last of them was taken in
    card: str = ""  # the scorecard in force, by its content
    edition: int = 0  # changes with it; a byte, so it comes round: by then all rows have been said anew
    markers_looked_at: int = 0  # the day on which expired markers of erasures were last dropped


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Memo).decode


class Partition:
    """A memo opened for work: lookups by name, feeds as the loops want them."""

    def __init__(self, blob: bytes) -> None:
        self.memo = _decode(blob) if blob else Memo()
        self._tenants = {name: i for i, name in enumerate(self.memo.tenants)}
        self._segments = {name: i for i, name in enumerate(self.memo.segments)}

    def indexes(self, tenants: Sequence[str]) -> list[int]:
        """Where each tenant of a run stands; a new one gets the next place."""
        for name in dict.fromkeys(tenants):
            if name not in self._tenants:
                self._tenants[name] = len(self._tenants)
                self.memo.tenants.append(name)
                self.memo.feeds.append((0, 0, 0))
        return list(map(self._tenants.__getitem__, tenants))

    def segment(self, name: str | None) -> int:
        if name is None:
            return 0
        index = self._segments.get(name)
        if index is None and len(self._segments) < _SEGMENTS:
            index = self._segments[name] = len(self._segments)
            self.memo.segments.append(name)
        return index or 0

    def use(self, card: str) -> bool:
        """Take a scorecard into force; False if it was."""
        before, self.memo.card = self.memo.card, card
        self.memo.edition = (self.memo.edition + (before not in ("", card))) % _EDITIONS
        return before != card

    def feeds(self) -> npt.NDArray[np.void]:
        return np.array(self.memo.feeds or [(0, 0, 0)], TENANT)

    def keep_feeds(self, feeds: npt.NDArray[np.void]) -> None:
        self.memo.feeds = [tuple(row) for row in feeds.tolist()][: len(self.memo.tenants)]

    def join_feeds(self, tenant: int, others: tuple[int, int, int]) -> None:
        """What another partition heard of a tenant's sources: the earliest beginning, the latest signs."""
        (since, *last), (their_since, *their_last) = self.memo.feeds[tenant], others
        began = min((at for at in (since, their_since) if at), default=0)
        site, mail = map(max, last, their_last)
        self.memo.feeds[tenant] = (began, site, mail)

    def blob(self) -> bytes:
        return _encode(self.memo)
