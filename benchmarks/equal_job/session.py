"""All engines in turn on one broker, with a bar to watch."""

from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.equal_job.catalogue import Engine
from benchmarks.equal_job.measure import WrongResultError
from benchmarks.equal_job.run import Bench, Run, RunError

Runs = dict[str, list[Run]]

_LIMIT_S, _QUICK_LIMIT_S = 180.0, 60.0  # for one run, its start included
_ROTATE = 2  # places the order moves on in each round


class Session:
    """Rounds over the engines; a failed run is said and leaves the others their turn."""

    def __init__(self, engines: Sequence[Engine], kafka: str, *, quick: bool) -> None:
        self._engines, self._quick = list(engines), quick
        self._bench = Bench(kafka)
        self._progress = _progress()
        self._runs: Runs = {engine.name: [] for engine in engines}

    async def measure(self, rounds: int) -> Runs:
        with self._progress as progress:
            whole = progress.add_task("source topics", total=rounds * len(self._engines))
            for engine in self._engines:
                await self._bench.data(*engine.size(quick=self._quick))
            for number in range(rounds):
                for engine in self._order(number):
                    progress.update(whole, description=f"round {number + 1}: {engine.name}")
                    await self._one(engine)
                    progress.advance(whole)
        return self._runs

    def _order(self, number: int) -> list[Engine]:
        places = number * _ROTATE % len(self._engines)
        return self._engines[places:] + self._engines[:places]

    async def _one(self, engine: Engine) -> None:
        data = await self._bench.data(*engine.size(quick=self._quick))
        task = self._progress.add_task("  outputs", total=len(data.expected))
        limit_s = _QUICK_LIMIT_S if self._quick else _LIMIT_S

        def report(outputs: int) -> None:
            self._progress.update(task, completed=outputs)

        try:
            run = await self._bench.run(engine, data, limit_s, report)
        except (RunError, WrongResultError) as error:
            self._say(f"FAILED {engine.name}: {error}")
        else:
            self._runs[engine.name].append(run)
            self._say(f"{engine.name}: {run.rate:,.0f} events/s, other programs took {run.others:.2f} cores")
        finally:
            self._progress.remove_task(task)

    def _say(self, line: str) -> None:
        self._progress.console.print(line, markup=False, highlight=False)


def _progress() -> Progress:
    columns = TextColumn("{task.description:32}"), BarColumn(), TextColumn("{task.completed:,.0f}")
    return Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True)
