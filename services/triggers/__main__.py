"""`python -m services.triggers` or `greenline triggers`: run the service, check a rule file."""

import asyncio
from pathlib import Path
from typing import Annotated, Literal

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Health in, the rules that fired out.")

File = Annotated[
    Path | None,
    typer.Argument(help="A rule file, or the name of a shipped set: standard (the default) or evidenced."),
]

storm = typer.Typer(
    no_args_is_help=True, help="Rules that fired for too many at once, and what is held of them."
)
app.add_typer(storm, name="storm")

Rule = Annotated[str, typer.Argument(help="A rule's id.")]
Horizon = Annotated[int, typer.Option(help="Days without an order after which one is gone.", min=1, max=3650)]
Minutes = Annotated[float, typer.Option(help="What a firing costs a CSM.", min=0, max=10_000)]
Out = Annotated[Path | None, typer.Option(help="Folder for the figures and the page.", file_okay=False)]


@app.command()
def run() -> None:
    """Start the service; a bad rule file ends it at once, naming file and line."""
    from libs.runtime.errors import ConfigError
    from libs.runtime.logging import configure_logging
    from libs.runtime.settings import RuntimeSettings
    from libs.runtime.stream.settings import StreamSettings
    from services.triggers.app import run as serve
    from services.triggers.settings import TriggersSettings

    runtime = RuntimeSettings()
    configure_logging("triggers", runtime.log_level, runtime.log_json)
    try:
        asyncio.run(serve(runtime, StreamSettings(), TriggersSettings()))
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None


@storm.command("list")
def storm_list() -> None:
    """Say which rules are held, and for how many customers."""
    from services.triggers import operate

    operate.list_storms()


@storm.command("release")
def storm_release(rule: Rule) -> None:
    """Fire what is held of a rule: it was real."""
    from services.triggers import operate

    operate.decide(rule, "storm-release")


@storm.command("drop")
def storm_drop(rule: Rule) -> None:
    """Fire nothing of what is held of a rule: each customer must become clear first."""
    from services.triggers import operate

    operate.decide(rule, "storm-drop")


@app.command()
def release(
    rule: Rule,
    *,
    per_day: Annotated[int, typer.Option(min=0, help="Customers a day, all partitions together; 0 ends it.")],
) -> None:
    """Fire what is silently armed of a rule, a few a day, the most valuable customers first."""
    from services.triggers import operate

    operate.release(rule, per_day)


@app.command()
def check(file: File = None) -> None:
    """Say everything that is wrong or doubtful about a rule file as file:line: message; then status 1."""
    from services.triggers.adapters.rule_file import RuleFileError, locate, review

    path = locate(file)
    try:
        rules = review(path)
    except RuleFileError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{path}: {len(rules)} rules, all well")


@app.command()
def vocabulary() -> None:
    """Print the columns a rule may name, as the table of docs/rules.md."""
    from services.triggers.domain.vocabulary import table

    typer.echo(table(), nl=False)


@app.command()
def dry_run(
    *,
    rules: Annotated[Path | None, typer.Option(help="Rules; without, the shipped standard set.")] = None,
    frames: Annotated[Path, typer.Option(help="Folder of days, from `greenline scoring replay`.")],
    against: Annotated[Path | None, typer.Option(help="Another rule file, side by side.")] = None,
    horizon: Horizon = 91,
    minutes_per_task: Minutes = 15.0,
    out: Out = None,
) -> None:
    """Try rules on the past: what would have fired, for whom, how much work, and how right it was."""
    from rich.console import Console

    from libs.runtime.errors import ConfigError
    from libs.runtime.offline.page import prepare
    from services.triggers.adapters.rule_file import locate
    from services.triggers.offline import command
    from services.triggers.offline.figures import Question

    console = Console()
    other = None if against is None else locate(against)
    asked = command.Asked(locate(rules), frames, other, Question(horizon, minutes_per_task))
    try:
        prepare(out)
        body = command.dry_run(asked, console)
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    command.show(body, console)
    for path in command.write(body, out) if out else ():
        console.print(str(path), highlight=False, soft_wrap=True)


@app.command()
def tune(
    rule: Rule,
    *,
    rules: Annotated[Path | None, typer.Option(help="Rules; without, the shipped standard set.")] = None,
    frames: Annotated[Path, typer.Option(help="Folder of days, from `greenline scoring replay`.")],
    feedback: Annotated[
        Path | None, typer.Option(help="Verdicts: what `greenline triggers feedback` wrote, or a CSV.")
    ] = None,
    by: Annotated[
        Literal["auto", "departures", "verdicts"], typer.Option(help="What is to be caught.")
    ] = "auto",
    horizon: Horizon = 91,
    minutes_per_task: Minutes = 15.0,
    out: Out = None,
) -> None:
    """Try other numbers in a rule on the past, and propose those that hold. Changes nothing."""
    from rich.console import Console

    from libs.runtime.errors import ConfigError
    from libs.runtime.offline.page import prepare
    from services.triggers.adapters.rule_file import locate
    from services.triggers.offline import tune as tuning
    from services.triggers.offline import tune_page
    from services.triggers.offline.figures import Question

    console = Console()
    question = Question(horizon, minutes_per_task)
    try:
        prepare(out)
        body = tuning.tune(tuning.Asked(rule, locate(rules), frames, feedback, question, by), console)
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    tune_page.show(body, console)
    for path in tune_page.write(body, out) if out else ():
        console.print(str(path), highlight=False, soft_wrap=True)


@app.command()
def feedback() -> None:
    """Print what people have said of calls, as JSON Lines of events: for `tune --feedback`."""
    from services.triggers import operate

    operate.print_feedback()


if __name__ == "__main__":
    app(prog_name="triggers")
