"""Whether silence means anything: it does not while events wait before us, or nobody says that none do. Pure.

The stage before says every two seconds whether events wait there (`libs.events.status`). Wall time, in
seconds: business time may run fast, and how long somebody has said nothing is a matter of the wall.
"""

from enum import StrEnum

from libs.events.status import Status

EVERY_S = 2.0  # between two words of a process
STALE_S = 10.0  # a word is worth nothing after five that have not come
# Words that nothing waits must span so long: what was drained before the first has been fetched by then. Less
# than EVERY_S, so that two of one process do; more than a fetch's wait, and than END_S.
SETTLE_S = 1.5
END_S = 1.0  # the age at which an end of the log that was heard of is too old to judge by


class Reason(StrEnum):
    """Why silence is held."""

    UNREAD = "unread"  # what has been said so far is not known yet
    WAITING = "waiting"  # somebody said that events wait
    STALE = "stale"  # somebody said something once, and nobody does now: they may be cut off with events
    SETTLING = "settling"  # nothing waits, for less time than it takes to fetch what did


class Hold:
    """Holds from the first word on, until no word that counts says `waiting` and the others span SETTLE_S.

    Nobody ever said a word: never held. Nobody has for `longest_s`: whoever did is gone for good.
    """

    def __init__(self, longest_s: float) -> None:
        self._longest_s = longest_s
        self._read = False
        self._words: dict[str, tuple[float, bool]] = {}  # by process: when it was said, whether events wait
        self._newest: float | None = None
        self._clear_since: float | None = None

    @property
    def known(self) -> bool:
        """Whether anybody has ever said anything."""
        return self._newest is not None

    def read(self) -> None:
        """All that had been said so far has been heard."""
        self._read = True

    def heard(self, status: Status, wall: float) -> None:
        """One word. A clock that is ahead of ours must not outlast everybody else's words."""
        at = min(status.at.timestamp(), wall)
        last = at if self._newest is None else self._newest
        if at < self._words.get(status.process, (at, False))[0] or at < last - STALE_S:
            return
        self._words[status.process] = (at, status.waiting)
        self._newest = newest = max(at, last)
        self._words = {name: word for name, word in self._words.items() if word[0] >= newest - STALE_S}
        if any(waiting for _, waiting in self._words.values()):
            self._clear_since = None
        elif self._clear_since is None or at > last + STALE_S:
            self._clear_since = at

    def reason(self, wall: float) -> Reason | None:
        """Why silence is held now; None: it is not."""
        if not self._read:
            return Reason.UNREAD
        if self._newest is None or wall - self._newest > self._longest_s:
            return None
        if wall - self._newest > STALE_S:
            return Reason.STALE
        if self._clear_since is None:
            return Reason.WAITING
        return Reason.SETTLING if self._newest - self._clear_since < SETTLE_S else None


class Relay:
    """What a stage says to the next: events wait while its own silence is held, and from then on until it has
    told all that had waited. It begins so: nobody knows what waits before a process that has just started.
    """

    def __init__(self) -> None:
        self._waiting = True

    def waiting(self, *, held: bool, settled: bool) -> bool:
        self._waiting = held or (self._waiting and not settled)
        return self._waiting
