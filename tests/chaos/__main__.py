"""`make chaos`: long rounds with two and three workers in turn. SEED and ROUNDS say which and how many.

MUTANT=guard, fence or checkpoint plays the same rounds with that safeguard taken out: they must differ.
"""

import asyncio
import logging
import os
import sys
from collections import Counter
from random import SystemRandom

from libs.runtime.logging import configure_logging
from tests.chaos.faults import Kind, schedule
from tests.chaos.rounds import Report, lone_round
from tests.fixtures.stack import LOCAL

# Of one round: each kind at least once, what breaks most often in life more often.
KINDS = (
    *(Kind.KILL,) * 4,
    *(Kind.ZOMBIE,) * 2,
    *(Kind.PAUSE,) * 2,
    *(Kind.USURP,) * 2,
    *(Kind.REWIND,) * 2,
    Kind.SKIP,
    Kind.KILL_ALL,
    Kind.STOP,
    Kind.GONE,
    Kind.BROKER_RESTART,
    *(Kind.BROKER_FREEZE,) * 2,
)
_WORKERS = (2, 3)
_ROUNDS = 2


async def main() -> int:
    seed = int(os.environ.get("SEED") or SystemRandom().randrange(1_000_000))
    rounds = int(os.environ.get("ROUNDS") or _ROUNDS)
    mutant = os.environ.get("MUTANT", "")
    _say(f"SEED={seed} ROUNDS={rounds}{mutant and f' MUTANT={mutant}'}")
    reports = []
    for number in range(rounds):
        reports.append(await _round(seed + number, mutant))
        _say(f"round {number + 1}: {reports[-1]}")
    faults = sum((report.faults for report in reports), Counter[Kind]())
    exact = all(report.exact for report in reports)
    _say(f"chaos SEED={seed} rounds={rounds} faults={faults.total()} {'EXACT' if exact else 'DIFFERS'}")
    return 0 if exact else 1


async def _round(seed: int, mutant: str) -> Report:
    """The seed says all, so that one round can be played again alone."""
    workers = _WORKERS[seed % len(_WORKERS)]
    folder = LOCAL / "chaos" / f"seed-{seed}{mutant and f'-{mutant}'}"
    return await lone_round(folder, seed, workers, schedule(seed, KINDS), mutant)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    configure_logging("chaos")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what a broker's end looks like is known
    sys.exit(asyncio.run(main()))
