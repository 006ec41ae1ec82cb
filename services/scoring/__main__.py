"""`python -m services.scoring` or `greenline scoring`: run the service, check a scorecard."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

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


if __name__ == "__main__":
    app(prog_name="scoring")
