"""`python -m benchmarks.full_job [--events N] [--local]`: the product's full job, catching up.

12 event types, 200,000 customers with Zipf 1.1 activity, 12 partitions, the starter scorecard; state,
snapshots and changes published. With the real scoring worker on a broker; with `--local` scoring alone, in
this process. The first quarter is not counted.
"""

import argparse
import asyncio
import logging
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks.full_job.errors import FullJobError
from benchmarks.results import Figure, append

# Not in a broker's folder, which is emptied for every run.
CACHE = Path(__file__).resolve().parents[2] / ".greenline" / "bench-cache"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.full_job", description=__doc__)
    parser.add_argument("--events", type=int, default=None, help="instead of 2,000,000, or 1,000,000 locally")
    parser.add_argument("--local", action="store_true", help="CPU time of step, commit and sweep alone")
    return parser.parse_args()


def _local(events: int | None) -> Iterable[Figure]:
    from libs.runtime.lifecycle import calm_collector
    from services.scoring.warm import use_cache, warm_up

    use_cache(CACHE)  # before the domain is imported
    from benchmarks.full_job import local

    warm_up()
    calm_collector()
    return local.measure(events or local.EVENTS)


def _on_kafka(events: int | None) -> Iterable[Figure]:
    from benchmarks.broker import running_stack
    from benchmarks.full_job import run
    from benchmarks.full_job.data import PARTITIONS

    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a new topic has no leader for a moment
    with running_stack(PARTITIONS) as state:
        return asyncio.run(run.measure(state.kafka.url, CACHE, events or run.EVENTS))


def main() -> int:
    options = _options()
    try:
        figures = list((_local if options.local else _on_kafka)(options.events))
    except FullJobError as error:
        print(error, file=sys.stderr)
        return 1
    for figure in figures:
        print(f"{figure.case},{figure.metric},{figure.value:.6g},{figure.unit}")
    append("full_job", figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
