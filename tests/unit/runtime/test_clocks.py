from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from libs.runtime.clock import ClockPlan, FakeClock, ScaledClock, SystemClock, make_clock

START = datetime(1997, 10, 1, tzinfo=UTC)
DAY = 86_400.0


def test_a_plan_without_a_start_stands_still() -> None:
    plan = ClockPlan(START, None, 5 * DAY)
    assert plan.at(0.0) == plan.at(1e9) == START
    assert not plan.running(1e9)


def test_a_plan_runs_scaled_from_its_start() -> None:
    plan = ClockPlan(START, 100.0, 5 * DAY)
    assert plan.at(99.0) == START
    assert plan.at(102.0) == START + timedelta(days=10)
    assert plan.running(102.0)


def test_after_its_end_time_goes_on_at_the_speed_of_the_wall() -> None:
    end = START + timedelta(days=10)
    plan = ClockPlan(START, 100.0, 5 * DAY, end)
    assert plan.at(102.0) == end
    assert plan.at(105.0) == end + timedelta(seconds=3)
    assert not plan.running(105.0)


@given(st.floats(0, 1000), st.floats(0, 1000))
def test_business_time_never_goes_back(one: float, other: float) -> None:
    plan = ClockPlan(START, 10.0, 5 * DAY, START + timedelta(days=273))
    assert (plan.at(one) <= plan.at(other)) == (one <= other) or plan.at(one) == plan.at(other)


def test_a_plan_survives_the_file(tmp_path: Path) -> None:
    plan = ClockPlan(START, 100.5, 432_000.0, START + timedelta(days=273))
    plan.write(tmp_path / "clock.json")
    assert ClockPlan.read(tmp_path / "clock.json") == plan


def test_a_scaled_clock_follows_its_file_and_is_real_without_one(tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    assert abs(ScaledClock(path).now().timestamp() - SystemClock().wall()) < 60
    ClockPlan(START, None, 1.0).write(path)
    assert ScaledClock(path).now() == START


def test_a_business_span_takes_less_wall_time_while_scaled(tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    ClockPlan(START, SystemClock().wall() - 1, 10.0).write(path)
    assert ScaledClock(path).wall_seconds(timedelta(seconds=60)) == 6.0
    assert SystemClock().wall_seconds(timedelta(seconds=60)) == 60.0


def test_a_fake_clock_moves_when_told() -> None:
    clock = FakeClock(START)
    clock.advance(timedelta(hours=1))
    assert clock.now() == START + timedelta(hours=1)
    assert clock.wall() == clock.now().timestamp()


def test_settings_choose_the_clock(tmp_path: Path) -> None:
    assert isinstance(make_clock(None), SystemClock)
    assert isinstance(make_clock(tmp_path / "clock.json"), ScaledClock)
