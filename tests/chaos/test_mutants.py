"""A harness that cannot fail proves nothing: each safeguard taken out must show under a fault made for it."""

from pathlib import Path
from uuid import uuid4

import pytest

from tests.chaos.faults import Fault, Kind
from tests.chaos.job import SESSION_S, Job
from tests.chaos.rounds import SETTLE_S, Report, Round

pytestmark = pytest.mark.timeout(180)

# The consumer is moved under load: chunks come that the rows hold already, and others never come.
MOVED = [Fault(2.0, Kind.REWIND, 0), Fault(4.0, Kind.SKIP, 0)]
# Partitions are fenced and taken again while chunks that were fetched before wait in line.
USURPED = [Fault(1.5 * turn, Kind.USURP, turn) for turn in range(6)]
SLOW_S = 0.05  # a step: with four partitions the line is never empty
# One worker of two awakes as the owner it no longer is, with a commit it had begun.
ZOMBIE = [Fault(1.0, Kind.ZOMBIE, 0, SESSION_S + 1.5)]
# The group's offsets are up to 5 s older than the checkpoint.
KILLED = [Fault(4.0, Kind.KILL, 0)]
BROKEN_SETTLE_S = 10.0  # a broken worker may never come to the end: what it wrote twice is written
SEED = 11


async def hurt(
    kafka: str, folder: Path, mutant: str, faults: list[Fault], *, workers: int = 1, step_s: float = 0.0
) -> Report:
    job = Job(kafka, f"chaos-{uuid4().hex[:8]}", mutant, step_s)
    settle_s = BROKEN_SETTLE_S if mutant else SETTLE_S
    killed = sum(fault.kind is Kind.KILL for fault in faults)
    return await Round(job, folder, SEED, workers).play(faults, settle_s, killed)


def twice(report: Report) -> int:
    return report.verdict.wrong("outputs twice")


async def test_without_the_position_guard_a_consumer_that_is_moved_counts_records_twice_or_not_at_all(
    kafka: str, tmp_path: Path
):
    report = await hurt(kafka, tmp_path, "guard", MOVED)
    assert twice(report), str(report)


async def test_with_it_chunks_that_come_late_again_or_never_count_once(kafka: str, tmp_path: Path):
    report = await hurt(kafka, tmp_path, "", [*USURPED, *MOVED], step_s=SLOW_S)
    assert report.exact, str(report)


async def test_without_the_fence_a_worker_that_awakes_past_its_session_writes_what_others_wrote(
    kafka: str, tmp_path: Path
):
    report = await hurt(kafka, tmp_path, "fence", ZOMBIE, workers=2)
    assert twice(report), str(report)


async def test_without_the_checkpoint_a_killed_worker_goes_on_at_an_old_offset_and_counts_again(
    kafka: str, tmp_path: Path
):
    report = await hurt(kafka, tmp_path, "checkpoint", KILLED)
    assert twice(report), str(report)
