"""`greenline ingest source`: sources in PostgreSQL, their secrets encrypted."""

import hashlib
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Annotated, Any, TypeVar

import typer
from pydantic import SecretStr
from rich import box
from rich.console import Console
from rich.table import Table

from services.ingest.adapters.sources_table import PostgresSources
from services.ingest.adapters.vault import Vault, new_key
from services.ingest.commands.source_input import (
    asked,
    checked,
    file_sources,
    limits_of,
    new_secret,
    pairs_of,
    require_key,
    shown_address,
)
from services.ingest.commands.store import with_store
from services.ingest.domain.setup import setup_of
from services.ingest.domain.sources import Secret, Source
from services.ingest.ports_sources import StoredSource
from services.ingest.settings import IngestSettings

app = typer.Typer(no_args_is_help=True, help="Sources in PostgreSQL: what a tenant's tools may post to.")
R = TypeVar("R")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the source, as in its address.")]
Ask = Annotated[bool, typer.Option("--ask", help="Ask for the secret even where it could be made here.")]
Provider = Annotated[str, typer.Option(help="Such as shopify; see docs/providers.md.")]
Tenant = Annotated[str, typer.Option(help="Whose customers these are.")]
Currency = Annotated[str, typer.Option(help="Of amounts that name none.")]
Topics = Annotated[
    list[str] | None, typer.Option("--topic", help="Use only this topic of the provider's; may be repeated.")
]
PerSecond = Annotated[int | None, typer.Option(min=1, help="Limit, requests a second.")]
Burst = Annotated[
    int | None, typer.Option(min=1, help="Requests at once after a rest; else a second's worth.")
]
Tokens = Annotated[
    list[str] | None, typer.Option("--token-hash", help="Of POST /v1/events, from `greenline ingest token`.")
]
ApiKey = Annotated[bool, typer.Option("--api-key", help="Ask for a key of the provider's API too.")]
ApiBase = Annotated[str | None, typer.Option(help="Where that API is, if not at its usual place.")]
Region = Annotated[str, typer.Option(help="Of phone numbers without a country code.")]
SameAs = Annotated[
    list[str] | None, typer.Option(help="Kinds of identifier, such as segment.user=shopify.customer.")
]
Backfill = Annotated[bool, typer.Option("--backfill", help="History: it never starts outreach.")]
Account = Annotated[
    str | None,
    typer.Option(
        help="The provider's name of the one account whose deliveries are taken; see docs/providers.md."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="JSON on the standard output.")]
Grace = Annotated[float, typer.Option(min=0, max=8760, help="Hours for which the old secrets hold too.")]


class Clearable(Enum):
    """What a source may be without."""

    TOPICS = "topics"
    LIMITS = "limits"
    TOKENS = "tokens"
    API_KEY = "api-key"
    API_BASE = "api-base"
    SAME_AS = "same-as"
    ACCOUNT = "account"


EMPTY: dict[Clearable, Any] = {
    Clearable.TOPICS: (),
    Clearable.LIMITS: None,
    Clearable.TOKENS: (),
    Clearable.API_KEY: None,
    Clearable.API_BASE: None,
    Clearable.SAME_AS: {},
    Clearable.ACCOUNT: None,
}
Clear = Annotated[list[Clearable] | None, typer.Option(help="Take it away; topics: all are used again.")]


@app.command()
def add(
    name: Name,
    *,
    provider: Provider,
    tenant: Tenant,
    currency: Currency = "USD",
    topics: Topics = None,
    per_second: PerSecond = None,
    burst: Burst = None,
    tokens: Tokens = None,
    api_key: ApiKey = False,
    api_base: ApiBase = None,
    phone_region: Region = "US",
    same_as: SameAs = None,
    account: Account = None,
    backfill: Backfill = False,
    ask: Ask = False,
) -> None:
    """Add a source and say what to paste where; its secret is made here if the provider lets us choose."""
    fields = {
        "name": name,
        "provider": provider,
        "tenant": tenant,
        "currency": currency,
        "topics": topics or [],
        "limits": limits_of(per_second, burst),
        "tokens": tokens or [],
        "phone_region": phone_region,
        "same_as": pairs_of(same_as),
        "account": account,
        "backfill": backfill,
        "api_base": api_base,
    }
    _add(fields, ask=ask, api_key=api_key)


_TO_COME = "dG8gY29tZQ=="  # in place of a secret until there is one: base64, so that no provider minds


def _add(fields: dict[str, Any], *, ask: bool, api_key: bool) -> None:
    name, provider = fields["name"], fields["provider"]
    # Whatever is wrong is said before anybody is asked for a secret, or shown one.
    require_key()
    checked({**fields, "secrets": [_TO_COME]})
    taken = {*file_sources().sources, *(one.name for one in _with_sources(lambda store: store.load()))}
    if name in taken:
        raise typer.BadParameter(f"there is a source {name} already")
    typer.echo(f"url: {shown_address(name, provider)}")
    fields["secrets"] = [{"value": new_secret(provider, ask=ask), "added_at": _now()}]
    fields["api_key"] = asked("API key") if api_key else None
    source = checked(fields)
    if not _with_sources(lambda store: store.add(source)):
        raise typer.BadParameter(f"there is a source {name} already")
    typer.echo(setup_of(provider).next)


@app.command("list")
def list_sources(*, as_json: Json = False) -> None:
    """Sources in PostgreSQL; a secret is shown as the first 8 digits of its SHA-256."""
    in_file = file_sources().sources
    stored = _with_sources(lambda store: store.load())
    rows = [_row(one, "the file's" if one.name in in_file else None) for one in stored]
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    columns = ("name", "tenant", "provider", "state", "limits", "topics", "secrets")
    table = Table(box=box.SIMPLE, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row[column]) for column in columns))
    Console().print(table)


@app.command("show-url")
def show_url(name: Name) -> None:
    """The address of a source, and what to do with it."""
    source = _one(name)
    typer.echo(f"url: {shown_address(name, source.provider)}\n{setup_of(source.provider).next}")


@app.command()
def rotate(name: Name, *, grace: Grace = 24.0, ask: Ask = False) -> None:
    """Add a secret; those before it end after the grace period, so that no delivery is lost in between."""
    source = _one(name)
    given = new_secret(source.provider, ask=ask)
    now = _now()
    secret = Secret(value=SecretStr(given), added_at=now)
    checked({**source.model_dump(), "secrets": [secret]})
    until = now + timedelta(hours=grace)
    _require(name, found=_with_sources(lambda store: store.rotate(name, secret, until)))
    typer.echo(f"The secrets before it hold until {until:%Y-%m-%d %H:%M:%S} UTC.")


@app.command("set")
def set_fields(
    name: Name,
    *,
    currency: Annotated[str | None, typer.Option(help="Of amounts that name none.")] = None,
    topics: Topics = None,
    per_second: PerSecond = None,
    burst: Burst = None,
    tokens: Tokens = None,
    api_key: ApiKey = False,
    api_base: ApiBase = None,
    phone_region: Annotated[str | None, typer.Option(help="Of phone numbers.")] = None,
    same_as: SameAs = None,
    account: Account = None,
    simulated: Annotated[bool | None, typer.Option(help="Whether nobody real is behind it.")] = None,
    clear: Clear = None,
) -> None:
    """Change a source: what is named takes the place of what was there; its secrets stay (`rotate`)."""
    changes = {
        "currency": currency,
        "topics": topics,
        "tokens": tokens,
        "api_base": api_base,
        "phone_region": phone_region,
        "same_as": pairs_of(same_as) or None,
        "account": account,
        "simulated": simulated,
    }
    named = {field: value for field, value in changes.items() if value is not None}
    _set(name, named, limits=(per_second, burst), api_key=api_key, clear=clear or [])


def _set(
    name: str,
    named: dict[str, Any],
    *,
    limits: tuple[int | None, int | None],
    api_key: bool,
    clear: list[Clearable],
) -> None:
    source = _one(name)
    if limits != (None, None):
        before = source.limits.per_second if source.limits else None
        named["limits"] = limits_of(limits[0] or before, limits[1])
    given = {*named, *(["api_key"] if api_key else [])}
    if twice := sorted(given & {one.value.replace("-", "_") for one in clear}):
        raise typer.BadParameter(f"{', '.join(twice)}: given and cleared")
    named |= {one.value.replace("-", "_"): EMPTY[one] for one in clear}
    if not named and not api_key:
        raise typer.BadParameter("nothing to change was named")
    # Whatever is wrong is said before anybody is asked for a key.
    kept = {field: value for field, value in source if field not in named}
    checked({**kept, **named})
    if api_key:
        named["api_key"] = asked("API key")
    changed = checked({**kept, **named})
    changes = {field: getattr(changed, field) for field in named}
    _require(name, found=_with_sources(lambda store: store.change(name, changes)))
    typer.echo(f"{name} is so within a second or so: {', '.join(sorted(named))}.")


@app.command()
def remove(name: Name, *, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Forget a source and its secrets: what it sends is answered 404; its dead letters stay."""
    if not yes:
        typer.confirm(
            f"Remove {name}? Its address is answered 404 then, and a provider may end its webhook for good",
            abort=True,
        )
    _require(name, found=_with_sources(lambda store: store.remove(name)))
    typer.echo(f"{name} is gone within a second or so.")


@app.command()
def disable(name: Name) -> None:
    """Refuse what a source sends, with 403; switch its webhooks off at the provider first."""
    _require(name, found=_with_sources(lambda store: store.switch(name, enabled=False)))
    typer.echo(f"{name} is refused within a second or so.")


@app.command()
def enable(name: Name) -> None:
    """Take what a source sends again."""
    _require(name, found=_with_sources(lambda store: store.switch(name, enabled=True)))
    typer.echo(f"{name} is taken within a second or so.")


@app.command()
def key() -> None:
    """Make a key for INGEST_SECRET_KEYS."""
    typer.echo(new_key())


@app.command()
def reseal() -> None:
    """Encrypt everything again with the first key, so that the others can be taken out of the setting."""
    typer.echo(f"{_with_sources(lambda store: store.reseal())} sources are under the first key")


def _with_sources(use: Callable[[PostgresSources], Awaitable[R]]) -> R:
    keys = IngestSettings().secret_keys
    return with_store(lambda engine: PostgresSources(engine, Vault(keys)), use)


def _one(name: str) -> Source:
    stored = {one.name: one for one in _with_sources(lambda store: store.load())}
    _require(name, found=name in stored)
    source = stored[name].source
    if source is None:
        typer.echo(f"source {name} cannot be used: {stored[name].fault}", err=True)
        raise typer.Exit(1)
    return source


def _require(name: str, *, found: bool) -> None:
    if not found:
        typer.echo(f"There is no source {name} in PostgreSQL.", err=True)
        raise typer.Exit(1)


def _now() -> datetime:
    return datetime.now(UTC)


def _row(stored: StoredSource, instead: str | None) -> dict[str, Any]:
    source = stored.source
    row: dict[str, Any] = {"name": stored.name, "created_at": stored.created_at.isoformat()}
    if source is None:
        unknown = dict.fromkeys(("tenant", "provider", "account", "limits", "api_key"))
        return {**row, **unknown, "state": stored.fault, "topics": [], "secrets": []}
    return {
        **row,
        "tenant": source.tenant,
        "provider": source.provider,
        "account": source.account,
        "state": instead or ("enabled" if source.enabled else "disabled"),
        "limits": source.limits and f"{source.limits.per_second}/s, {source.limits.burst} at once",
        "topics": sorted(source.topics),
        "api_key": source.api_key is not None,
        "secrets": [_fingerprint(secret) for secret in source.secrets],
    }


def _fingerprint(secret: Secret) -> str:
    digest = hashlib.sha256(secret.value.get_secret_value().encode()).hexdigest()[:8]
    return digest if secret.retires_at is None else f"{digest} until {secret.retires_at:%Y-%m-%d %H:%M}"


def _cell(value: Any) -> str:
    return "\n".join(value) if isinstance(value, list) else value or ""
