"""`python -m services.triggers` or `greenline triggers`: run the service, check a rule file."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Health in, the rules that fired out.")

File = Annotated[
    Path | None,
    typer.Argument(help="A rule file, or the name of a shipped set: standard (the default) or evidenced."),
]


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


if __name__ == "__main__":
    app(prog_name="triggers")
