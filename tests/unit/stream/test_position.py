from libs.runtime.stream import Chunk, InputRecord, Lane
from libs.runtime.stream.coverage import Coverage, Place, Span
from libs.runtime.stream.position import Verdict, fit

PLACE = Place(Lane.EVENTS, 0)


def chunk(first: int, after: int, *offsets: int) -> Chunk:
    return Chunk(0, 1, first, after, [InputRecord(o, b"k", b"v") for o in offsets])


def test_a_chunk_that_begins_where_the_rows_stand_is_taken_whole():
    given = chunk(10, 13, 10, 11, 12)
    assert fit(given, 10) == (Verdict.TAKE, given)


def test_a_chunk_the_rows_already_hold_is_seen():
    assert fit(chunk(7, 10, 7, 8, 9), 10).verdict is Verdict.SEEN


def test_an_overlap_is_cut_off():
    verdict, cut = fit(chunk(7, 12, 7, 9, 10, 11), 10)
    assert verdict is Verdict.TAKE
    assert (cut.first, cut.next, [r.offset for r in cut.records]) == (10, 12, [10, 11])


def test_a_chunk_that_begins_later_is_a_gap():
    assert fit(chunk(11, 13, 11, 12), 10).verdict is Verdict.GAP


def test_holes_inside_what_was_read_are_no_gap():
    """Transaction markers before the first record: reading started at 10, the first record is 14."""
    assert fit(chunk(10, 16, 14, 15), 10).verdict is Verdict.TAKE


def test_reading_without_interruption_is_one_line_over_holes():
    coverage = Coverage()
    coverage.sought(PLACE, 100)
    coverage.before_fetch(PLACE, 100)
    coverage.read_nothing(PLACE, 103)  # markers only
    coverage.before_fetch(PLACE, 103)
    assert coverage.delivered(PLACE, 105, 110) == Span(100, 110)
    assert coverage.span(PLACE) == Span(110, 110)


def test_a_position_nobody_told_of_starts_a_new_line():
    coverage = Coverage()
    coverage.sought(PLACE, 100)
    coverage.before_fetch(PLACE, 500)
    assert coverage.delivered(PLACE, 500, 510) == Span(500, 510)


def test_a_seek_while_a_fetch_is_under_way_starts_a_new_line():
    coverage = Coverage()
    coverage.before_fetch(PLACE, 500)
    coverage.sought(PLACE, 100)
    assert coverage.delivered(PLACE, 100, 110) == Span(100, 110)


def test_a_log_set_back_shows_in_the_span():
    coverage = Coverage()
    coverage.sought(PLACE, 1000)
    assert coverage.delivered(PLACE, 0, 50) == Span(0, 50)
