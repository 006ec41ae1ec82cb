"""`python -m benchmarks.equal_job [--quick]`: all engines on one broker in one session, best of three."""

import argparse
import asyncio
import logging
import sys

from benchmarks import results
from benchmarks.broker import broker
from benchmarks.equal_job.catalogue import all_engines
from benchmarks.equal_job.report import figures, last_line, lines
from benchmarks.equal_job.session import Session
from benchmarks.equal_job.setup import SetupError

_ROUNDS, _QUICK_ROUNDS = 3, 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.equal_job", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of fewer events")
    parser.add_argument("--rounds", type=int, help="instead of three, or one with --quick")
    parser.add_argument("--only", nargs="+", metavar="ENGINE", help="these; results.csv stays as it is")
    return parser.parse_args()


def main() -> int:
    options = _options()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a new topic has no leader for a moment
    try:
        engines = [e for e in all_engines() if (e.name in options.only if options.only else not e.extra)]
    except SetupError as error:
        print(error, file=sys.stderr)
        return 2
    rounds = options.rounds or (_QUICK_ROUNDS if options.quick else _ROUNDS)
    with broker() as kafka:
        runs = asyncio.run(Session(engines, kafka, quick=options.quick).measure(rounds))
    print(*lines(engines, runs, quick=options.quick), sep="\n")
    if not options.only:
        bench = "equal_job_quick" if options.quick else "equal_job"
        results.append(bench, figures(engines, runs, quick=options.quick))
    print(last_line(runs))
    return 0 if all(runs.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
