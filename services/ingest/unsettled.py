"""Records that are in the spool although Kafka may have them, until that is known."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from services.ingest.acks import Fate
from services.ingest.domain.record import Record
from services.ingest.ports import UnacknowledgedError


@dataclass(slots=True, eq=False)
class Parcel:
    """Records on their way together."""

    records: Sequence[Record]
    fates: Sequence[Fate] = ()
    """Of the first of them, which Kafka's client took."""
    numbers: Sequence[int] | None = None
    """In the spool, once they are there."""

    @classmethod
    def left_of(cls, records: Sequence[Record], sent: Iterator[Fate]) -> "Parcel":
        """What Kafka is not known to have; `sent` gives the fates of the first ones, if any."""
        fates = list(islice(sent, len(records)))
        open_ones = [one for one in zip(records, fates, strict=False) if not _landed(one[1])]
        left = [record for record, _ in open_ones]
        return cls([*left, *records[len(fates) :]], [fate for _, fate in open_ones])

    @property
    def known(self) -> bool:
        """Whether no fate is open and the place in the spool is known."""
        return self.numbers is not None and all(fate.done() for fate in self.fates)

    def landed(self) -> list[int]:
        """The numbers in the spool of those that Kafka has."""
        return [number for number, fate in zip(self.numbers or (), self.fates, strict=False) if _landed(fate)]


class Unsettled:
    """What the client has not accounted for. Bounded by it: nothing is sent while something hangs."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._parcels: list[Parcel] = []
        self._landed: list[int] = []

    def __bool__(self) -> bool:
        return bool(self._parcels or self._landed)

    @property
    def known(self) -> bool:
        return all(parcel.known for parcel in self._parcels)

    def follow(self, *parcels: Parcel) -> None:
        for parcel in parcels:
            if parcel.fates:
                self._parcels.append(parcel)
            for fate in parcel.fates:
                fate.add_done_callback(lambda _: self._changed())

    def landed(self, numbers: Sequence[int]) -> None:
        """Kafka has these of the spool."""
        self._landed += numbers

    def settle(self) -> list[int]:
        """The numbers to take out of the spool, when all is known; `removed` once they are."""
        for parcel in self._parcels:
            self._landed += parcel.landed()
        self._parcels.clear()
        return self._landed

    def removed(self) -> None:
        self._landed = []


def sent_of(error: Exception) -> Sequence[Fate]:
    """The fates of the records that the client took before an append failed."""
    return error.sent if isinstance(error, UnacknowledgedError) else ()


def _landed(fate: Fate) -> bool:
    return fate.done() and not fate.cancelled() and fate.exception() is None
