"""Moments as numbers and back are what datetime itself says of each."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.events.moments import NOT_A_TIME, datetimes, microseconds

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_zones = st.builds(lambda minutes: timezone(timedelta(minutes=minutes)), st.integers(-900, 900))
# Neither end of the calendar: there a zone could leave it.
_moments = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=_zones)
_usual = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
_whole = _usual.map(lambda moment: moment.replace(microsecond=0))


@given(st.lists(st.none() | _moments | _usual | _whole, max_size=40))
def test_each_moment_is_its_microseconds_since_1970(moments: list[datetime | None]) -> None:
    said = [NOT_A_TIME if m is None else (m - _EPOCH) // timedelta(microseconds=1) for m in moments]
    assert microseconds(moments).tolist() == said


@pytest.mark.parametrize("count", [0, 1, 15, 16, 65_535, 65_536])
def test_lists_of_any_length_are_read(count: int) -> None:
    moments = [_EPOCH + timedelta(seconds=i, microseconds=i % 7) for i in range(count)]
    assert microseconds(moments).tolist() == [i * 1_000_000 + i % 7 for i in range(count)]


@given(st.lists(st.integers(0, 2**32 - 1), max_size=40))
def test_seconds_become_the_moments_in_utc(seconds: list[int]) -> None:
    made = datetimes(np.array(seconds, np.float64))
    assert made == [datetime.fromtimestamp(second, UTC) for second in seconds]
    assert {moment.tzinfo for moment in made} <= {UTC}


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        microseconds([_EPOCH, datetime(2026, 1, 1)])
