"""The shop's clock stands while mails wait, and goes on; but not for ever."""

from dataclasses import dataclass, field
from pathlib import Path

from libs.runtime.clock import ClockPlan
from sandbox.domain.log import LIVE_END
from sandbox.domain.pace import running
from sandbox.pacing import MOST, keep_pace

LIVE_S = 40.0


@dataclass
class World:
    """A wall clock that moves as one sleeps. `waits` says how long a mail has waited at a moment."""

    file: Path
    waits: dict[tuple[float, float], float]
    at: float = 1000.0
    seen: list[tuple[float, ClockPlan]] = field(default_factory=list)

    def wall(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds
        if self.file.exists():
            self.seen.append((self.at, ClockPlan.read(self.file)))

    async def waited(self) -> float:
        return next((age for (begin, end), age in self.waits.items() if begin <= self.at < end), 0.0)


async def played(folder: Path, waits: dict[tuple[float, float], float]) -> World:
    world = World(folder / "clock.json", waits)
    plan = running(world.at, LIVE_S)
    plan.write(world.file)
    await keep_pace(plan, world.file, world.waited, wall=world.wall, sleep=world.sleep)
    return world


async def test_nothing_changes_while_no_mail_waits(tmp_path: Path) -> None:
    world = await played(tmp_path, {(1005, 1010): 0.9})
    assert len({plan.wall_start for _, plan in world.seen}) == 1
    assert world.at < 1000 + 1 + LIVE_S


async def test_the_clock_stands_while_mails_wait_and_then_runs_as_before(tmp_path: Path) -> None:
    world = await played(tmp_path, {(1010, 1015): 3.0, (1015, 1016): 0.8})
    first, last = world.seen[0][1], world.seen[-1][1]
    standing = [plan.at(at) for at, plan in world.seen if 1011.5 < at < 1016]
    assert (standing[-1] - standing[0]).total_seconds() < 10
    assert last.scale == first.scale
    assert last.at(world.at + 1) >= LIVE_END


async def test_the_clock_does_not_stand_for_ever(tmp_path: Path) -> None:
    world = await played(tmp_path, {(1010, 9999): 60.0})
    plan = world.seen[-1][1]
    assert world.at < 1010 + MOST * LIVE_S + 1
    final = ClockPlan.read(world.file)
    assert final.at(world.at + 1 + LIVE_S) >= LIVE_END
    assert final.wall_start != plan.wall_start
