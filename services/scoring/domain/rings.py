"""Which event ids a row remembers, and what it can no longer know.

There are two rings of recent ids, so that a browsing session cannot push an order out. A ring is filled half
by half. When a half is begun again its ids are forgotten one by one, and each of them was received before the
other half was begun. So one moment, `*_forgot`, bounds all that a ring has forgotten; at least half a ring
of ids came after it.

An event that its ring does not hold is *new* if it happened after `*_forgot`: an earlier delivery of it would
have come later still, and be held. If it happened by then it is *unsure*: most likely late, perhaps told
before and forgotten. It counts. So an event is unsure only if it comes later than half a ring of others; and
every second telling that counts is among the unsure, in whatever order records come, as long as nothing is
received before it happens (`decode` holds event times to `receivedat`, so a clock that runs ahead makes an
event look new by as much). How many of the unsure are second tellings nobody can say: it is an upper bound.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from services.scoring.domain.buckets import whole

# What a row knows of an event's id
NEW, SEEN, UNSURE = 0, 1, 2


class Past(NamedTuple):
    """How far a ring has come. Times are of `receivedat`."""

    place: int  # where the next id goes
    forgot: int  # every id that the ring forgot was received by then; 0 = it forgot none
    begun: int  # when the half that is being filled was begun: what came before it was received by then


@njit(cache=True)
def _holds(ring: Any, identity: Any) -> bool:
    found = False
    for i in range(len(ring)):
        found |= ring[i] == identity
    return found


@njit(cache=True)
def _keep(ring: Any, past: Past, identity: Any, heard: int) -> Past:
    """Put an id in its place. A half that is begun again forgets what came before the other half."""
    place, forgot, begun = past.place, past.forgot, past.begun
    if place % (len(ring) // 2) == 0:
        forgot = begun if ring[place] else forgot
        begun = heard
    ring[place] = identity
    return Past((place + 1) % len(ring), forgot, begun)


@njit(cache=True)
def _commercial(row: Any) -> Past:
    return Past(whole(row.commercial_next), whole(row.commercial_forgot), whole(row.commercial_begun))


@njit(cache=True)
def _behavioural(row: Any) -> Past:
    return Past(whole(row.behavioural_next), whole(row.behavioural_forgot), whole(row.behavioural_begun))


@njit(cache=True)
def _set_commercial(row: Any, past: Past) -> None:
    row.commercial_next, row.commercial_forgot, row.commercial_begun = past.place, past.forgot, past.begun


@njit(cache=True)
def _set_behavioural(row: Any, past: Past) -> None:
    row.behavioural_next, row.behavioural_forgot, row.behavioural_begun = past.place, past.forgot, past.begun


@njit(cache=True)
def _heard(row: Any) -> int:
    """All that the row remembers was received by then."""
    return whole(max(row.scored_at, row.imported_at))


@njit(cache=True)
def _tell(ring: Any, past: Past, identity: Any, at: int, heard: int) -> Any:
    """What a ring knows of an id, and how far it has come when it has been told of it."""
    if _holds(ring, identity):
        return SEEN, past
    known = UNSURE if at <= past.forgot else NEW
    return known, _keep(ring, past, identity, heard)


@njit(cache=True)
def remember(row: Any, ev: Any, identity: Any, behaves: bool) -> Any:
    """What the row knows of an event's id: NEW, SEEN or UNSURE. From now on it is SEEN."""
    at, heard = whole(ev.at), max(whole(ev.received), _heard(row))
    if behaves:
        known, past = _tell(row.behavioural, _behavioural(row), identity, at, heard)
        _set_behavioural(row, past)
    else:
        known, past = _tell(row.commercial, _commercial(row), identity, at, heard)
        _set_commercial(row, past)
    return known


@njit(cache=True)
def _newest_first(ring: Any, place: int) -> Any:
    ids = np.zeros(len(ring), np.uint64)
    for i in range(len(ring)):
        ids[i] = ring[(place - 1 - i) % len(ring)]
    return ids


@njit(cache=True)
def _interleaved(ours: Any, theirs: Any) -> Any:
    """The newest of each in turn, each id once, as many as a ring holds; and whether any is left out."""
    mixed = np.zeros(len(ours), np.uint64)
    count, left_out = 0, False
    for i in range(2 * len(ours)):
        identity = theirs[i // 2] if i % 2 else ours[i // 2]
        if identity == 0 or _holds(mixed, identity):
            continue
        if count == len(mixed):
            left_out = True
            break
        mixed[count] = identity
        count += 1
    return mixed, count, left_out


@njit(cache=True)
def _join(ring: Any, past: Past, others: Any, others_past: Past, heard: int) -> Past:
    """`heard`: when the later of the two rows last heard of anything. Which id came when is not known, so
    after the join all of them may have come as late as that.
    """
    if others[0] == 0:
        return past
    if ring[0] == 0:
        ring[:] = others
        return others_past
    ours, theirs = _newest_first(ring, past.place), _newest_first(others, others_past.place)
    mixed, count, left_out = _interleaved(ours, theirs)
    ring[:] = 0
    for i in range(count):
        ring[count - 1 - i] = mixed[i]
    forgot = heard if left_out else max(past.forgot, others_past.forgot)
    return Past(count % len(ring), forgot, heard)


@njit(cache=True)
def join_rings(row: Any, other: Any) -> None:
    """Remember the newest ids of two rows, taken from each in turn, so that both keep their newest.

    What finds no place is forgotten: an event of before the join that is told after it is then unsure.
    """
    heard = max(_heard(row), _heard(other))
    past = _join(row.commercial, _commercial(row), other.commercial, _commercial(other), heard)
    _set_commercial(row, past)
    past = _join(row.behavioural, _behavioural(row), other.behavioural, _behavioural(other), heard)
    _set_behavioural(row, past)
