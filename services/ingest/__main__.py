"""`python -m services.ingest`: run, migrate, check, who, dead-letters."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
import uvloop
from rich.console import Console
from rich.table import Table

from libs.runtime.errors import ConfigError
from libs.runtime.logging import configure_logging
from libs.runtime.settings import RuntimeSettings
from services.ingest.adapters.dead_letters import PostgresDeadLetters
from services.ingest.adapters.identities import PostgresIdentities
from services.ingest.adapters.postgres import make_engine
from services.ingest.adapters.sources_file import load as load_sources
from services.ingest.app import run as run_service
from services.ingest.domain.errors import UnavailableError
from services.ingest.domain.people import normal_email, normal_phone
from services.ingest.ports import Known
from services.ingest.settings import IngestSettings

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Signed webhooks in, events out.")
letters_app = typer.Typer(no_args_is_help=True, help="What was signed but not understood.")
app.add_typer(letters_app, name="dead-letters")

T = TypeVar("T")
R = TypeVar("R")
Region = Annotated[str, typer.Option("--region", help="Country of a phone number without a country code.")]
Limit = Annotated[int, typer.Option("--limit", "-n", help="How many of the newest to show.")]


@app.command()
def run() -> None:
    """Serve POST /webhooks/{source} until SIGTERM."""
    runtime = RuntimeSettings()
    configure_logging("ingest", runtime.log_level, runtime.log_json)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run_service(IngestSettings(), runtime))


@app.command()
def migrate() -> None:
    """Bring the tables of ingest up to date."""
    from services.ingest.adapters.migrate import migrate as migrate_schema  # Alembic, for this verb alone

    asyncio.run(migrate_schema(RuntimeSettings().database_url.get_secret_value()))


@app.command()
def check(file: Path) -> None:
    """Check a sources file and the provider files that it names; each mistake as file:line: message."""
    try:
        loaded = load_sources(file)
    except (ConfigError, OSError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{len(loaded.sources)} sources, {len(loaded.declared)} declared providers")


@app.command()
def who(value: str, *, region: Region = "US") -> None:
    """Explain who has this identifier: an e-mail, a phone number, a provider's id or a customer id."""
    values = [value, normal_email(value), normal_phone(value, region)]
    found = _with_store(PostgresIdentities, lambda store: store.who([one for one in values if one]))
    if not found:
        typer.echo("Nobody is known by that.", err=True)
        raise typer.Exit(1)
    for known in found:
        Console().print(_who_table(known))


@letters_app.command("list")
def list_letters(*, limit: Limit = 20) -> None:
    """Counts by source and reason, then the newest letters."""

    async def read(store: PostgresDeadLetters) -> tuple[Table, Table]:
        counts = Table("source", "reason", "letters")
        for source, reason, number in await store.counts():
            counts.add_row(source, reason, str(number))
        newest = Table("reference", "at", "source", "reason", "detail", "announced")
        for letter in await store.newest(limit):
            announced = "yes" if letter.published else "not yet"
            at = f"{letter.at:%Y-%m-%d %H:%M:%S}"
            newest.add_row(letter.reference, at, letter.source, letter.reason, letter.detail, announced)
        return counts, newest

    for table in _with_store(PostgresDeadLetters, read):
        Console().print(table)


def _who_table(known: Known) -> Table:
    drawn = Table("kind", "value", "note", title=f"{known.customer} of tenant {known.tenant}")
    for kind, value, shared in known.identifiers:
        drawn.add_row(kind, value, "shared: joins nobody" if shared else "")
    for gone in known.merged_from:
        drawn.add_row("merged customer", gone, "late events follow")
    return drawn


def _with_store(make: Callable[..., T], use: Callable[[T], Awaitable[R]]) -> R:
    """One call of a store, with a plain message if PostgreSQL is away."""

    async def call() -> R:
        engine = make_engine(RuntimeSettings().database_url.get_secret_value())
        try:
            return await use(make(engine))
        finally:
            await engine.dispose()

    try:
        return asyncio.run(call())
    except UnavailableError as error:
        typer.echo(f"{error}. Is the stack up? Try: greenline stack up", err=True)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    app()
