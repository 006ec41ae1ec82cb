"""`greenline stack`: the verbs of the local stack."""

import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from libs.runtime.errors import GreenlineError
from libs.runtime.stack.ports import LOOPBACK
from libs.runtime.stack.settings import configured
from libs.runtime.stack.stack import Part, Report, Stack
from libs.runtime.stack.state import StackState

stack_app = typer.Typer(
    no_args_is_help=True, help="Real Kafka and PostgreSQL on this machine, without containers."
)

Follow = Annotated[bool, typer.Option("--follow", "-f", help="Keep printing what is added.")]
Lines = Annotated[int, typer.Option("--lines", "-n", help="How many of the last lines to print.")]


@contextmanager
def exit_on_error(console: Console) -> Iterator[None]:
    """An error of ours ends the command with its message, not with a traceback."""
    try:
        yield
    except GreenlineError as error:
        console.print(f"[red]error:[/red] {error}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from error


@contextmanager
def progress(console: Console) -> Iterator[Report]:
    """One line for each part of the stack, while something happens to it."""
    columns = (SpinnerColumn(finished_text="·"), TextColumn("{task.description}"), TimeElapsedColumn())
    tasks: dict[Part, TaskID] = {}
    with Progress(*columns, console=console) as bar:

        def report(part: Part, said: str) -> None:
            if part not in tasks:
                tasks[part] = bar.add_task(part, total=1)
            done = not said.endswith("ing") or said == "already running"
            bar.update(tasks[part], description=f"{part}: {said}", completed=1 if done else 0)

        yield report


@stack_app.command()
def up() -> None:
    """Start Kafka and PostgreSQL, and create the topics. Starts only what is not running."""
    console = Console(stderr=True)
    stack = Stack(configured())
    with exit_on_error(console):
        with progress(console) as report:
            state = stack.up(report)
        console.print(table(stack, state))


@stack_app.command()
def down() -> None:
    """Stop Kafka and PostgreSQL. Their data stay in the data folder."""
    console = Console(stderr=True)
    with exit_on_error(console), progress(console) as report:
        Stack(configured()).down(report)


@stack_app.command()
def reset(*, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Stop both and delete their data: every event, profile and table of this data folder."""
    config = configured()
    if not yes:
        typer.confirm(f"Delete all events and tables below {config.data_dir.resolve()}?", abort=True)
    console = Console(stderr=True)
    with exit_on_error(console), progress(console) as report:
        Stack(config).reset(report)


@stack_app.command()
def status() -> None:
    """What runs, where, and since when. Exit status 1 if anything does not run."""
    stack = Stack(configured())
    state = stack.state()
    Console().print(table(stack, state))
    if not all(node.alive() for node in stack.nodes(state).values()):
        raise typer.Exit(1)


@stack_app.command()
def env() -> None:
    """Print the variables that point a program at this stack: eval "$(greenline stack env)"."""
    for name, value in Stack(configured()).state().env().items():
        typer.echo(f"export {name}={shlex.quote(value)}")


@stack_app.command()
def logs(part: Literal["kafka", "postgres"], *, follow: Follow = False, lines: Lines = 50) -> None:
    """Print the end of a server's log."""
    stack = Stack(configured())
    show_log(stack.nodes(stack.state())[part].log, follow=follow, lines=lines)


def show_log(log: Path, *, follow: bool, lines: int) -> None:
    """Print the end of a log file, and what is added to it if asked."""
    if not log.exists():
        typer.echo(f"There is no {log} yet", err=True)
        raise typer.Exit(1)
    command = ["tail", "-n", str(lines), *(["-F"] if follow else []), str(log)]
    try:
        subprocess.run(command, check=True)
    except KeyboardInterrupt:
        return


def table(stack: Stack, state: StackState) -> Table:
    """The stack as a table. The password is left out; `greenline stack env` has it."""
    postgres = state.postgres
    where = {
        "kafka": state.kafka.url,
        "postgres": f"postgresql://{postgres.user}@{LOOPBACK}:{postgres.port}/{postgres.database}",
    }
    drawn = Table("part", "state", "pid", "address")
    for name, node in stack.nodes(state).items():
        process = (state.kafka if name == "kafka" else state.postgres).process
        if process is not None and node.alive():
            drawn.add_row(name, "[green]up[/green]", str(process.pid), where[name])
        else:
            drawn.add_row(name, "[red]down[/red]", "", "")
    return drawn
