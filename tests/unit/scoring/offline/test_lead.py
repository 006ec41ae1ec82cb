"""An alarm counts when it comes before the next purchase; silence with as many alarms is the yardstick."""

import numpy as np
import pytest

from services.scoring.domain.fitting.lead import NEVER, Lives, lead, silent_days

HORIZON = 100
# last purchase, next purchase, lost
LIVES = Lives(
    np.array([0, 10, 20, 30]), np.array([NEVER, NEVER, 60, NEVER]), np.array([True, True, False, True])
)
LOOKS = np.arange(35, 131, 5)


def test_the_lead_is_the_time_from_alarm_to_the_end_of_the_horizon() -> None:
    found = lead(np.array([40, 60, NEVER, NEVER]), LIVES, HORIZON)
    assert found.alarms == 2
    assert found.precision == 1.0
    assert found.at == {30: pytest.approx(2 / 3), 60: pytest.approx(1 / 3), 90: 0.0}


def test_an_alarm_after_the_next_purchase_is_none() -> None:
    assert lead(np.array([NEVER, NEVER, 65, NEVER]), LIVES, HORIZON).alarms == 0
    assert lead(np.array([NEVER, NEVER, 55, NEVER]), LIVES, HORIZON).precision == 0.0


def test_without_alarms_or_without_anybody_lost_the_figures_do_not_exist() -> None:
    none = np.full(4, NEVER)
    assert lead(none, LIVES, HORIZON).precision is None
    kept = LIVES._replace(lost=np.zeros(4, np.bool_))
    assert lead(none, kept, HORIZON).at[30] is None


@pytest.mark.parametrize("alarms", [1, 2, 3, 4])
def test_silence_is_raised_for_no_more_customers_than_asked_and_as_many_as_can_be(alarms: int) -> None:
    def raised(n: int) -> list[int]:
        """The first look at which each has been silent for n days, if it comes before they buy again."""
        firsts = [next((look for look in LOOKS if look - last >= n), NEVER) for last in LIVES.last]
        return [at for at, then in zip(firsts, LIVES.next, strict=True) if at != NEVER and at < then]

    fewest = next(n for n in range(1, 200) if len(raised(n)) <= alarms)
    n, days = silent_days(LIVES, LOOKS, alarms)
    assert n == fewest
    assert sorted(days[(days != NEVER) & (days < LIVES.next)].tolist()) == sorted(raised(n))
