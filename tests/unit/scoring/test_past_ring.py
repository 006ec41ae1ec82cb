"""An event that may have been told before and forgotten is called unsure; none else is."""

from itertools import count
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from services.scoring.adapters.scorecard_file import STARTER, load_scorecard
from services.scoring.domain import kinds as k
from services.scoring.domain.buckets import nibble_get
from services.scoring.domain.merge import merge_rows
from services.scoring.domain.row import BACKFILL, BEHAVIOURAL_RING, DAY, EVENT, ROW, TENANT
from services.scoring.domain.update import BEHAVES, PAST_RING, Columns, apply_events

NUMBERS = load_scorecard(STARTER).numbers()
T0 = 1_800_000_000
MINUTE = 60
RING = BEHAVIOURAL_RING
_ids = count(1)


class Told(NamedTuple):
    """One delivery; times in seconds after T0."""

    ident: int
    at: int
    received: int
    kind: int = k.SITE
    flags: int = 0


def event(at: int, received: int | None = None, kind: int = k.SITE, flags: int = 0) -> Told:
    """A new one, received when it happens unless told."""
    return Told(next(_ids), at, at if received is None else received, kind, flags)


def visits(number: int, since: int = 0) -> list[Told]:
    """One a minute, each received two seconds after it happened."""
    return [event(since + i * MINUTE, since + i * MINUTE + 2) for i in range(number)]


class Row:
    """One customer's row."""

    def __init__(self) -> None:
        self.rows = np.zeros(1, ROW)

    def tell(self, *events: Told) -> npt.NDArray[np.bool_]:
        """A chunk; returns which of them are unsure."""
        table = np.zeros(len(events), EVENT)
        table["at"], table["received"] = [T0 + e.at for e in events], [T0 + e.received for e in events]
        table["kind"], table["flags"] = [e.kind for e in events], [e.flags for e in events]
        hints = np.array([BEHAVES * (e.kind > k.LAST_ORDER) for e in events], np.uint8)
        columns = Columns(table, hints, np.array([e.ident for e in events], np.uint64))
        world = NUMBERS.world(np.zeros(1, TENANT), ["consumer"])
        apply_events(self.rows, columns, world, 0, np.zeros(len(events), np.uint8))
        return hints & PAST_RING != 0


def test_events_that_come_soon_after_they_happened_are_never_unsure() -> None:
    assert not Row().tell(*visits(5 * RING)).any()


def test_a_retry_that_the_ring_has_forgotten_is_unsure_and_counts() -> None:
    row, sent = Row(), event(0, kind=k.EMAIL_SENT)
    row.tell(sent, *visits(2 * RING))
    assert row.tell(sent).tolist() == [True]
    assert nibble_get(row.rows[0]["sends"], T0 // DAY) == 2


def test_all_that_was_forgotten_over_many_turns_is_unsure_when_told_again() -> None:
    row, log = Row(), visits(5 * RING)
    row.tell(*log)
    assert row.tell(*log[: 4 * RING]).all()


def test_of_a_burst_within_one_second_the_first_is_unsure_when_told_again() -> None:
    row, burst = Row(), [event(0) for _ in range(2 * RING)]
    row.tell(*burst)
    assert row.tell(burst[0]).tolist() == [True]


def test_what_was_received_before_its_turn_is_unsure_too_once_it_is_forgotten() -> None:
    row, ahead = Row(), visits(RING // 2, since=DAY)
    row.tell(*ahead, *visits(2 * RING))  # these were received a day before
    assert row.tell(*ahead).all()


def test_a_late_event_is_unsure_only_if_the_ring_has_forgotten_something_of_its_time() -> None:
    row = Row()
    row.tell(*visits(2 * RING, since=DAY))
    in_the_night = event(DAY // 2, received=2 * DAY)
    just_now = event(DAY + 40 * MINUTE, received=2 * DAY)
    assert row.tell(in_the_night, just_now).tolist() == [True, False]


def test_a_ring_that_has_not_turned_has_forgotten_nothing() -> None:
    row = Row()
    row.tell(*visits(RING - 1, since=DAY))
    assert not row.tell(event(-300 * DAY, received=2 * DAY)).any()


def test_a_browsing_session_makes_no_order_unsure() -> None:
    row = Row()
    row.tell(*visits(5 * RING, since=DAY))
    assert not row.tell(event(DAY // 2, received=2 * DAY, kind=k.ORDER_PLACED)).any()


def test_imported_history_is_not_called_unsure() -> None:
    row = Row()
    history = [event(-i * DAY, received=0, flags=BACKFILL) for i in range(3 * RING)]
    assert not row.tell(*history).any()
    row.rows["pending_import"] = 0  # it has been said
    live = event(-DAY, received=DAY)  # the history may have held it
    assert row.tell(live).all()


def merged() -> tuple[Row, list[Told], list[Told]]:
    """Two customers with a full ring each, one after the other, are one."""
    a, b = Row(), Row()
    ours, theirs = visits(RING), visits(RING, since=DAY // 10)
    a.tell(*ours)
    b.tell(*theirs)
    merge_rows(a.rows[0], b.rows[0], NUMBERS.cards[0])
    return a, ours, theirs


def test_what_a_merge_finds_no_place_for_is_unsure_when_told_again() -> None:
    row, ours, theirs = merged()
    assert row.tell(*ours[: RING // 2], *theirs[: RING // 2]).all()


def test_after_a_merge_the_newest_ids_of_both_go_last_and_all_that_went_is_unsure() -> None:
    row, ours, theirs = merged()
    row.tell(*visits(RING - 2, since=DAY))
    before = row.rows["behavioural"].copy()
    assert not row.tell(ours[-1], theirs[-1]).any()
    assert (row.rows["behavioural"] == before).all()  # both were still there
    assert row.tell(*ours[:-1], *theirs[:-1]).all()
