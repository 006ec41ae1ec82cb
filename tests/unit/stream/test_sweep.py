from datetime import UTC, datetime, timedelta

from libs.runtime.stream.sweep import LARGEST, SliceSize, SweepTimer, sweep_now

T0 = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_caught_up_a_sweep_looks_at_the_clock():
    assert sweep_now(T0, T0 - MINUTE, caught_up=True) == T0


def test_behind_time_stands_at_the_last_event_taken_in():
    assert sweep_now(T0, T0 - MINUTE, caught_up=False) == T0 - MINUTE


def test_behind_a_watermark_from_the_future_does_not_run_ahead_of_the_clock():
    assert sweep_now(T0, T0 + MINUTE, caught_up=False) == T0


def test_behind_with_nothing_taken_in_there_is_no_time_to_sweep_at():
    assert sweep_now(T0, None, caught_up=False) is None


def test_a_sweep_is_due_after_its_business_time_and_not_sooner():
    timer = SweepTimer(MINUTE, wall=1.0, behind=10.0)
    assert timer.due(T0, 0.0, behind=False)
    timer.swept(T0, 0.0, behind=False)
    assert not timer.due(T0 + MINUTE / 2, 30.0, behind=False)
    assert timer.due(T0 + MINUTE, 60.0, behind=False)


def test_scaled_time_does_not_make_sweeps_follow_at_once():
    timer = SweepTimer(MINUTE, wall=1.0, behind=10.0)
    timer.swept(T0, 0.0, behind=False)
    assert not timer.due(T0 + 60 * MINUTE, 0.5, behind=False)
    assert timer.due(T0 + 60 * MINUTE, 1.0, behind=False)


def test_a_clock_that_stands_makes_no_sweeps():
    timer = SweepTimer(MINUTE, wall=1.0, behind=10.0)
    timer.swept(T0, 0.0, behind=False)
    assert not timer.due(T0, 1000.0, behind=False)


def test_while_behind_sweeps_follow_the_wall_because_business_time_rushes_by():
    timer = SweepTimer(MINUTE, wall=1.0, behind=10.0)
    timer.swept(T0, 0.0, behind=True)
    assert not timer.due(T0 + 600 * MINUTE, 9.0, behind=True)
    assert timer.due(T0 + 600 * MINUTE, 10.0, behind=True)


def test_one_sweep_comes_at_once_when_a_backlog_has_been_taken_in():
    timer = SweepTimer(MINUTE, wall=1.0, behind=10.0)
    timer.swept(T0, 0.0, behind=True)
    assert timer.due(T0, 0.1, behind=False)
    timer.swept(T0, 0.1, behind=False)
    assert not timer.due(T0, 0.2, behind=False)


def test_slices_shrink_at_once_and_grow_by_steps():
    size = SliceSize(1000)
    size.took(1000, 0.2)
    assert size.rows == 100
    size.took(100, 0.000001)
    assert size.rows == 400


def test_no_slice_is_larger_than_what_may_speak_at_once():
    size = SliceSize(1000)
    size.took(1000, 0.000001)
    assert size.rows == LARGEST


def test_a_slice_without_rows_says_nothing_about_its_size():
    size = SliceSize(1000)
    size.took(0, 0.5)
    assert size.rows == 1000
