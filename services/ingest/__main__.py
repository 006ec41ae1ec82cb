"""`python -m services.ingest`: run, migrate, check, import, reconcile, token, who, source and the others."""

import asyncio
import secrets
from pathlib import Path
from typing import Annotated

import typer
import uvloop
from rich.console import Console
from rich.table import Table

from libs.runtime.errors import ConfigError
from libs.runtime.logging import configure_logging
from libs.runtime.settings import RuntimeSettings
from services.ingest.adapters.identities import PostgresIdentities
from services.ingest.adapters.provider_http import problem
from services.ingest.adapters.sources_file import load as load_sources
from services.ingest.app import run as run_service
from services.ingest.commands import letters, privacy, source
from services.ingest.commands.reconcile import reconcile
from services.ingest.commands.store import with_store
from services.ingest.domain.people import normal_email, normal_phone
from services.ingest.domain.sources import hash_of
from services.ingest.import_command import import_history
from services.ingest.ports import Known
from services.ingest.settings import IngestSettings

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Signed webhooks in, events out.")
app.add_typer(letters.app, name="dead-letters")
app.add_typer(privacy.app, name="privacy")
app.add_typer(source.app, name="source")
app.command("import")(import_history)
app.command("reconcile")(reconcile)

Region = Annotated[str, typer.Option("--region", help="Country of a phone number without a country code.")]


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
    if wrong := [said for source in loaded.sources.values() if (said := problem(source))]:
        typer.echo("\n".join(wrong), err=True)
        raise typer.Exit(1)
    typer.echo(f"{len(loaded.sources)} sources, {len(loaded.declared)} declared providers")


@app.command()
def token() -> None:
    """Make a token for POST /v1/events: the sender has it, the source its hash (file, `--token-hash`)."""
    made = f"gl_{secrets.token_urlsafe(32)}"
    typer.echo(f'token: {made}\ntokens: ["{hash_of(made)}"]')


@app.command()
def who(value: str, *, region: Region = "US") -> None:
    """Explain who has this identifier: an e-mail, a phone number, a provider's id or a customer id."""
    values = [value, normal_email(value), normal_phone(value, region)]
    found = with_store(PostgresIdentities, lambda store: store.who([one for one in values if one]))
    if not found:
        typer.echo("Nobody is known by that.", err=True)
        raise typer.Exit(1)
    for known in found:
        Console().print(_who_table(known))


def _who_table(known: Known) -> Table:
    drawn = Table("kind", "value", "note", title=f"{known.customer} of tenant {known.tenant}")
    for kind, value, shared in known.identifiers:
        drawn.add_row(kind, value, "shared: joins nobody" if shared else "")
    for gone in known.merged_from:
        drawn.add_row("merged customer", gone, "late events follow")
    return drawn


if __name__ == "__main__":
    app()
