"""A short round of what `make chaos` does for minutes."""

from pathlib import Path

import pytest

from tests.chaos.faults import Kind, schedule
from tests.chaos.rounds import lone_round

SEED = 7
KINDS = (Kind.KILL, Kind.PAUSE, Kind.ZOMBIE, Kind.USURP, Kind.REWIND, Kind.BROKER_RESTART)


@pytest.mark.timeout(240)
async def test_two_workers_and_their_broker_are_hurt_six_times_and_every_event_counts_once(tmp_path: Path):
    report = await lone_round(tmp_path / "round", SEED, 2, schedule(SEED, KINDS))
    assert report.exact, str(report)
    assert report.faults.total() == len(KINDS), str(report)
    assert report.restarts > 0, str(report)


def test_a_seed_gives_the_same_faults_again_and_another_one_others():
    assert schedule(1, KINDS) == schedule(1, KINDS) != schedule(2, KINDS)
