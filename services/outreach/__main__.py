"""`python -m services.outreach`: run, migrate, and an operator's switches."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from libs.runtime.clock import make_clock
from libs.runtime.errors import ConfigError
from libs.runtime.lifecycle import stop_on_signals
from libs.runtime.logging import configure_logging
from libs.runtime.settings import RuntimeSettings
from services.outreach.adapters.database import make_engine, make_sessions, migrate
from services.outreach.adapters.playbook_files import load_library
from services.outreach.adapters.rows import set_frozen
from services.outreach.settings import OutreachSettings

app = typer.Typer(no_args_is_help=True, help="Fired rules in, people and messages out; the console.")


@app.command()
def run() -> None:
    """Run the service until SIGTERM or Ctrl-C."""
    import uvloop

    runtime, settings = RuntimeSettings(), OutreachSettings()
    configure_logging("outreach", runtime.log_level, runtime.log_json)
    with _config_errors():
        uvloop.run(_serve(runtime, settings))


async def _serve(runtime: RuntimeSettings, settings: OutreachSettings) -> None:
    from services.outreach.app import Outreach

    await Outreach(runtime, settings).run(stop_on_signals())


@app.command("migrate")
def migrate_tables() -> None:
    """Bring the tables up to date."""
    asyncio.run(_migrate())


async def _migrate() -> None:
    engine = make_engine(RuntimeSettings().database_url.get_secret_value())
    try:
        await migrate(engine)
    finally:
        await engine.dispose()


@app.command()
def rebuild() -> None:
    """Forget the timeline and snapshots; the next start reads the topics again. Stop outreach first."""
    asyncio.run(_rebuild())
    typer.echo("Forgotten. The next start reads the topics again.")


async def _rebuild() -> None:
    from services.outreach.projection import rebuild as forget

    engine = make_engine(RuntimeSettings().database_url.get_secret_value())
    try:
        await forget(engine)
    finally:
        await engine.dispose()


@app.command()
def check() -> None:
    """Check playbooks, templates and the team file; every fault with its file and line."""
    settings = OutreachSettings()
    with _config_errors():
        library = load_library(settings.playbooks_folder, settings.templates_folder, settings.team_file)
    typer.echo(f"{len(library.book)} playbooks are fine: {', '.join(one.id for one in library.book)}")


@app.command()
def freeze(reason: Annotated[str, typer.Argument(help="Why; kept with the switch.")]) -> None:
    """Stop opening plays and sending messages, at once and in every process."""
    asyncio.run(_switch(reason))
    typer.echo("Frozen. `unfreeze` lets outreach act again.")


@app.command()
def unfreeze() -> None:
    """Let outreach act again."""
    asyncio.run(_switch(None))
    typer.echo("Outreach acts again.")


async def _switch(reason: str | None) -> None:
    runtime = RuntimeSettings()
    engine = make_engine(runtime.database_url.get_secret_value())
    try:
        async with make_sessions(engine).begin() as session:
            await set_frozen(session, reason, make_clock(runtime.clock_file).now())
    finally:
        await engine.dispose()


@contextmanager
def _config_errors() -> Iterator[None]:
    """A wrong setting or file ends the command with its message, not with a traceback."""
    try:
        yield
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error


if __name__ == "__main__":
    app()
