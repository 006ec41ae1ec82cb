"""What the verbs of sources are told and what they ask for. A secret is never an argument."""

import os
import sys
from collections.abc import Sequence
from typing import Any

import typer
from pydantic import ValidationError

from libs.runtime.errors import ConfigError
from libs.runtime.settings import RuntimeSettings
from services.ingest.adapters.sources_file import Loaded, load
from services.ingest.adapters.vault import SETTING
from services.ingest.domain.accounts import fault_of_account
from services.ingest.domain.providers import discover
from services.ingest.domain.setup import RANDOM_BYTES, address, setup_of
from services.ingest.domain.sources import Source, fault_of
from services.ingest.settings import IngestSettings


def file_sources() -> Loaded:
    """What the sources file says, if there is one."""
    path = IngestSettings().sources_file or RuntimeSettings().data_dir / "sources.yaml"
    try:
        return load(path) if path.exists() else Loaded({}, {})
    except (ConfigError, OSError) as error:
        typer.echo(f"{path}: {error}", err=True)
        raise typer.Exit(1) from None


def require_key() -> None:
    if not IngestSettings().secret_keys:
        typer.echo(
            f"Secrets are kept encrypted and {SETTING} is empty: greenline ingest source key", err=True
        )
        raise typer.Exit(1)


def checked(fields: dict[str, Any]) -> Source:
    """A source, or what is wrong with it."""
    try:
        source = Source.model_validate(fields, strict=False)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise typer.BadParameter(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    known = {**discover(), **file_sources().declared}
    if (fault := fault_of(source, known) or fault_of_account(source)) is not None:
        raise typer.BadParameter(fault)
    return source


def new_secret(provider: str, *, ask: bool) -> str:
    """Made here and shown once if the provider lets us choose it, else asked for."""
    make = setup_of(provider).make
    if make is None or ask:
        return asked("secret")
    made = make(os.urandom(RANDOM_BYTES))
    typer.echo(f"secret: {made}")
    return made


def asked(what: str) -> str:
    """From a prompt that shows nothing, or the next line of stdin."""
    if sys.stdin.isatty():
        given: str = typer.prompt(what, hide_input=True)
    else:
        given = sys.stdin.readline().strip()
    if not given:
        raise typer.BadParameter(f"no {what} was given")
    return given


def shown_address(name: str, provider: str) -> str:
    settings = IngestSettings()
    if not settings.public_url:
        typer.echo("INGEST_PUBLIC_URL is not set: this address is this machine's.", err=True)
    return address(settings.public_url or f"http://127.0.0.1:{settings.port}", name, provider)


def limits_of(per_second: int | None, burst: int | None) -> dict[str, int] | None:
    """A burst alone limits nothing; without one it is a second's worth."""
    if per_second is None:
        if burst is not None:
            raise typer.BadParameter("--burst needs --per-second")
        return None
    return {"per_second": per_second, "burst": burst or per_second}


def pairs_of(given: Sequence[str] | None) -> dict[str, str]:
    found = dict(one.split("=", 1) for one in given or () if "=" in one)
    if len(found) < len(given or ()):
        raise typer.BadParameter("--same-as is KIND=KIND, each kind once")
    return found
