"""`python -m services.scoring` or `greenline scoring`: run the service; check, fit and judge scorecards."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Events in, customer health out.")

File = Annotated[Path | None, typer.Argument(help="A scorecard; without one, the shipped starter.")]


@app.command()
def run() -> None:
    """Start the service; a bad scorecard ends it at once, naming file and line."""
    from libs.runtime.errors import ConfigError
    from libs.runtime.logging import configure_logging
    from libs.runtime.settings import RuntimeSettings
    from libs.runtime.stream.settings import StreamSettings
    from services.scoring.settings import ScoringSettings
    from services.scoring.warm import use_cache

    runtime = RuntimeSettings()
    configure_logging("scoring", runtime.log_level, runtime.log_json)
    use_cache(runtime.data_dir)  # before the domain is imported
    from services.scoring.app import run as serve

    try:
        asyncio.run(serve(runtime, StreamSettings(), ScoringSettings()))
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None


@app.command()
def check(file: File = None) -> None:
    """Read a scorecard and say what is wrong with it, with its line."""
    from libs.runtime.errors import ConfigError
    from services.scoring.adapters.scorecard_file import STARTER, load_scorecard

    path = file or STARTER
    try:
        card = load_scorecard(path)
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{path}: version {card.version}, {len(card.signals)} signals, all well")


Events = Annotated[
    Path, typer.Argument(help="JSON Lines of our envelope, or CSV: customer_id,time,type,amount,currency.")
]
Cutoff = Annotated[str, typer.Option(help="The last day that is known, as 2026-01-31.")]
Card = Annotated[
    Path | None, typer.Option("--scorecard", help="A scorecard; without one, the shipped starter.")
]
Json = Annotated[bool, typer.Option("--json", help="JSON on the standard output; all else goes to stderr.")]
Horizon = Annotated[int, typer.Option(help="Days after it in which a customer buys or is lost.", min=1)]


@app.command()
def backtest(
    events: Events,
    *,
    cutoff: Cutoff,
    horizon: Horizon,
    out: Annotated[Path, typer.Option(help="Folder for report.json and report.html.")],
    scorecard: Annotated[Path | None, typer.Option(help="This one instead of starter and fitted.")] = None,
    capacity: Annotated[int, typer.Option(help="Customers a week the team can look after.", min=1)] = 50,
) -> None:
    """Score a log at a cut-off with what was known then, and judge it by what came after."""
    with _offline() as console:
        from services.scoring.offline.backtest import Question
        from services.scoring.offline.commands import judging
        from services.scoring.offline.days import day_of

        question = Question(day_of(cutoff), horizon, capacity)
        judging.backtest(events, question, scorecard, out, console)


@app.command()
def fit(
    events: Events,
    out: Annotated[Path, typer.Option(help="The scorecard to write.")],
    horizon: Horizon = 91,
    cutoff: Annotated[str | None, typer.Option(help="Nothing after this day is looked at.")] = None,
) -> None:
    """Learn a shop's numbers from its own history; refuse, with the reason, when there is too little."""
    with _offline() as console:
        from services.scoring.offline.commands import judging
        from services.scoring.offline.days import day_of

        day = None if cutoff is None else day_of(cutoff)
        judging.fit(events, day, horizon, out, console)


@app.command()
def replay(
    events: Events,
    *,
    first: Annotated[str, typer.Option("--from", help="The first day, as 2026-01-01.")],
    last: Annotated[str, typer.Option("--to", help="The last day.")],
    out: Annotated[Path, typer.Option(help="Folder for a Parquet file a day, named after it.")],
    scorecard: Card = None,
) -> None:
    """Everybody's health at the end of each day, as data frames."""
    with _offline() as console:
        from services.scoring.offline.commands import replaying
        from services.scoring.offline.days import day_of

        span = replaying.Span(day_of(first), day_of(last))
        replaying.replay(events, span, scorecard, out, console)


@app.command()
def validate(
    events: Events,
    *,
    horizon: Horizon = 91,
    scorecard: Annotated[Path | None, typer.Option(help="In force; without one, the starter.")] = None,
    metrics: Annotated[
        Path | None, typer.Option(help="Also write a .prom file for Prometheus' textfile collector.")
    ] = None,
) -> None:
    """Judge the scores of a horizon ago by what happened since; exit 3 when something should be refitted."""
    with _offline() as console:
        from services.scoring.offline.commands import judging

        if not judging.check_scores(events, scorecard, horizon, metrics, console):
            raise typer.Exit(3)


@app.command()
def explain(
    customer: Annotated[str, typer.Argument(help="As the events name them, or tenant/customer.")],
    events: Events,
    *,
    at: Annotated[str | None, typer.Option(help="Score at the end of this day; else the log's last.")] = None,
    since: Annotated[str | None, typer.Option(help="What changed since; else 30 days before.")] = None,
    as_json: Json = False,
    scorecard: Card = None,
) -> None:
    """A customer's score: what it is made of, and what has moved it."""
    with _offline(words_to_stderr=as_json) as console:
        from services.scoring.offline.commands import explaining
        from services.scoring.offline.days import day_of

        days = [None if day is None else day_of(day) for day in (at, since)]
        asked = explaining.Asked(customer, *days)
        told, period = explaining.explain(events, asked, scorecard, console)
        if as_json:
            typer.echo(explaining.as_json(told, period))
        else:
            explaining.show(told, period, asked, console)


@app.command()
def audit(
    events: Events,
    *,
    rules: Annotated[Path | None, typer.Option(help="Rules to look at; else the shipped ones.")] = None,
    as_json: Json = False,
    scorecard: Card = None,
) -> None:
    """What the data hold and lack: signals, sources, rules that can never come true."""
    with _offline(words_to_stderr=as_json) as console:
        from libs.runtime.offline.page import pretty
        from services.scoring.offline.commands import auditing

        body = auditing.audit(events, scorecard, rules, console)
        if as_json:
            typer.echo(pretty(body))
        else:
            auditing.show(body, console)


@app.command()
def compare(
    events: Events,
    *,
    scorecard: Annotated[list[Path], typer.Option(help="Twice: the one in force, and the one to try.")],
    at: Annotated[str | None, typer.Option(help="Score at the end of this day; else the log's last.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for compare.json and compare.html.")] = None,
) -> None:
    """Two scorecards on one log: who would stand in another band."""
    with _offline() as console:
        from services.scoring.offline.commands import comparing
        from services.scoring.offline.days import day_of

        day = None if at is None else day_of(at)
        body = comparing.compare(events, scorecard, day, console)
        comparing.show(body, console)
        for path in comparing.write(body, out) if out else ():
            console.print(str(path), highlight=False, soft_wrap=True)


@contextmanager
def _offline(*, words_to_stderr: bool = False) -> Iterator[Console]:
    """Machine code from the cache of the service; an error of ours ends the verb with its message."""
    from libs.runtime.errors import ConfigError
    from libs.runtime.settings import RuntimeSettings
    from services.scoring.warm import use_cache

    use_cache(RuntimeSettings().data_dir)  # before the domain is imported
    try:
        yield Console(stderr=words_to_stderr)
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


if __name__ == "__main__":
    app(prog_name="scoring")
