"""`greenline sandbox`: a simulated shop that plays real order history through real webhooks."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from libs.runtime.errors import GreenlineError
from libs.runtime.settings import RuntimeSettings
from sandbox.settings import SandboxSettings

app = typer.Typer(no_args_is_help=True, help="A simulated shop that plays real order history.")

UNBALANCED, INTERRUPTED = 1, 130

InDemo = Annotated[bool, typer.Option("--demo/--up", help="The folder of `demo`, or that of `greenline up`.")]


@app.command()
def demo() -> None:
    """Everything: Kafka, PostgreSQL, the services, a year of a real shop, and the ledger at the end."""
    from libs.runtime.stack.cli import exit_on_error
    from sandbox.demo import demo as run

    _quiet()
    console = Console()
    with exit_on_error(console), _told(console):
        report = run(SandboxSettings(), RuntimeSettings(), console)
        if report is None:
            raise typer.Exit(INTERRUPTED)
        _finish(report.ledger.line(), balanced=report.ledger.balanced)


@app.command()
def play() -> None:
    """Play against services that run already (`greenline up`); docs/demo.md says how to start them for it."""
    from sandbox.visit import play as run

    _quiet()
    console = Console()
    with _told(console):
        report = asyncio.run(run(SandboxSettings(), RuntimeSettings(), console))
        _finish(report.ledger.line(), balanced=report.ledger.balanced)


@app.command()
def ledger(*, in_demo: InDemo = True) -> None:
    """Count again what was sent and what stands on the topics of a play whose Kafka still runs."""
    from sandbox.summary import count, explain
    from sandbox.visit import find

    _quiet()
    console = Console()
    with _told(console):
        root = RuntimeSettings().data_dir
        report = asyncio.run(count(find(root / "demo" if in_demo else root)))
        explain(console, report.ledger)
        _finish(report.ledger.line(), balanced=report.ledger.balanced)


@app.command()
def orders(out: Annotated[Path, typer.Argument(help="The CSV to write.")]) -> None:
    """The real order log as CSV, as `greenline scoring backtest` reads it."""
    from sandbox.adapters import cdnow

    with _told(Console()):
        log = cdnow.load(RuntimeSettings().data_dir / "cdnow")
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text("\n".join(cdnow.csv_lines(log)) + "\n", encoding="ascii")


class _told:  # noqa: N801 (reads as a verb where it is used)
    """An error of ours ends the command with its message, not with a traceback."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, GreenlineError):
            self._console.print(f"[red]error:[/red] {error}", highlight=False, soft_wrap=True)
            raise typer.Exit(UNBALANCED) from error


def _quiet() -> None:
    """Clients' own warnings while Kafka is away would tear the progress bar apart."""
    import logging

    from libs.runtime.logging import configure_logging

    configure_logging("sandbox", "ERROR")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def _finish(line: str, *, balanced: bool) -> None:
    typer.echo(line)
    if not balanced:
        raise typer.Exit(UNBALANCED)


if __name__ == "__main__":
    app()
