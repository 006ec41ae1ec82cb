"""How a verb reaches PostgreSQL."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.runtime.errors import ConfigError
from libs.runtime.settings import RuntimeSettings
from services.ingest.adapters.postgres import make_engine
from services.ingest.domain.errors import OverloadedError, UnavailableError

T = TypeVar("T")
R = TypeVar("R")


def with_store(make: Callable[[AsyncEngine], T], use: Callable[[T], Awaitable[R]]) -> R:
    """One use of a store, with a plain message if PostgreSQL (or Kafka) is away."""

    async def call() -> R:
        engine = make_engine(RuntimeSettings().database_url.get_secret_value())
        try:
            return await use(make(engine))
        finally:
            await engine.dispose()

    try:
        return asyncio.run(call())
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    except (UnavailableError, OverloadedError) as error:
        typer.echo(f"{error}. Is the stack up? Try: greenline stack up", err=True)
        raise typer.Exit(1) from error
