"""What is printed and kept of the runs."""

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.equal_job.catalogue import Engine
from benchmarks.equal_job.run import Run
from benchmarks.results import Figure

OURS = "greenline"
_OTHERS = ("kafka-streams-eos", "kafka-streams", "quix", "faust-stock", "limit")

Runs = Mapping[str, Sequence[Run]]


def lines(engines: Sequence[Engine], runs: Runs, *, quick: bool) -> Iterator[str]:
    """A line an engine: its best, all its runs, how much it was given and how busy the machine was."""
    for engine in engines:
        events, customers = engine.size(quick=quick)
        rates, best = " ".join(f"{run.rate:,.0f}" for run in runs[engine.name]), _best(runs, engine.name)
        job = f"{engine.about}, {events:,} events of {customers:,} customers"
        beside = f"{best.others:.2f} cores taken by others"
        yield f"{engine.name:18} {best.rate:>9,.0f} events/s; runs: {rates or 'failed'}; {job}; {beside}"


def figures(engines: Sequence[Engine], runs: Runs, *, quick: bool) -> Iterator[Figure]:
    """What results.csv keeps: nothing of an engine that failed."""
    for engine in engines:
        if runs[engine.name]:
            yield Figure(engine.name, "events", engine.size(quick=quick)[0], "1")
            yield from _of_runs(engine.name, runs)


def _of_runs(name: str, runs: Runs) -> Iterator[Figure]:
    for run in runs[name]:
        yield Figure(name, "run_events_per_s", run.rate, "1/s")
    best = _best(runs, name)
    yield Figure(name, "events_per_s", best.rate, "1/s")
    yield Figure(name, "cores_taken_by_others", best.others, "1")
    if name != OURS and runs[OURS]:
        yield Figure(name, "ours_over_this", _ratio(runs, name), "1")


def last_line(runs: Runs) -> str:
    """Our rate over each other's."""
    ratios = " ".join(f"{name}={_ratio(runs, name):.2f}" for name in _OTHERS)
    return f"ratio {ratios} events_per_s={_best(runs, OURS).rate:.0f}"


def _best(runs: Runs, name: str) -> Run:
    return max(runs.get(name, ()), default=Run(float("nan"), float("nan")))


def _ratio(runs: Runs, name: str) -> float:
    return _best(runs, OURS).rate / _best(runs, name).rate
