"""`greenline ingest privacy`: what people asked for and what was done. Asking itself is an API."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from services.ingest.adapters.privacy import PostgresPrivacy
from services.ingest.commands.store import with_store

app = typer.Typer(no_args_is_help=True, help="Requests that the law makes us honour.")


@app.callback()
def privacy() -> None:
    """Verbs may follow; a group of one would lose its name."""


@app.command("list")
def list_requests(
    *,
    tenant: Annotated[str | None, typer.Option(help="Only this tenant.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many of the newest to show.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on the standard output.")] = False,
) -> None:
    """The newest requests; `open`: somebody must still hand the data over."""
    rows = with_store(PostgresPrivacy, lambda store: store.requests(tenant, limit=limit))
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], default=str, indent=1))
        return
    table = Table(box=box.SIMPLE, pad_edge=False)
    for name in ("day", "state", "kind", "provider", "reference", "counts"):
        table.add_column(name, overflow="fold")
    for row in rows:
        counts = ", ".join(f"{number} {name}" for name, number in row.counts.items() if number)
        table.add_row(f"{row.at:%Y-%m-%d}", row.state, row.kind, row.provider, row.reference, counts)
    Console().print(table)
