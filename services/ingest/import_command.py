"""`greenline ingest import`: the composition root of an import, its bar and its summary."""

import asyncio
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
import uvloop
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from libs.runtime.clock import make_clock
from libs.runtime.errors import ConfigError
from libs.runtime.event_rows import Origin
from libs.runtime.logging import configure_logging
from libs.runtime.settings import RuntimeSettings
from services.ingest.adapters.history_file import digest_of, open_history
from services.ingest.adapters.history_log import KafkaHistoryLog
from services.ingest.adapters.identities import PostgresIdentities
from services.ingest.adapters.imports import PostgresImports
from services.ingest.adapters.postgres import make_engine
from services.ingest.app import make_sources
from services.ingest.domain.errors import UnavailableError
from services.ingest.domain.sources import Source
from services.ingest.importing import Importer
from services.ingest.ports import Imported, ImportStore
from services.ingest.settings import IngestSettings
from services.ingest.sources import JoinedSources

_POSTGRES_WAIT_S = 60.0  # nobody waits for an answer here
_GC_OBJECTS = 200_000  # of some chunks; at Python's 700 a third of the time went into looking for cycles
_IDS = 16  # digits of the digest in the ids of events that have none of their own

File = Annotated[
    Path, typer.Argument(help="CSV or JSON Lines of events, or an order export.", show_default=False)
]
Name = Annotated[str, typer.Option("--source", help="A source that is marked backfill.")]
Zone = Annotated[
    str, typer.Option("--zone", help="Time zone of times that name none, such as Europe/Berlin.")
]
Again = Annotated[bool, typer.Option("--again", help="Take a file in although it was taken in before.")]


def import_history(file: File, *, source: Name, zone: Zone = "UTC", again: Again = False) -> None:
    """Take history in from a file: it fills state and messages nobody. Killed, it goes on where it was."""
    runtime = RuntimeSettings()
    configure_logging("ingest", runtime.log_level, runtime.log_json)
    console = Console()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            done = runner.run(
                run_import(Order(file, source, zone, again), IngestSettings(), runtime, console)
            )
    except (ConfigError, UnavailableError) as error:
        typer.echo(f"{error}{_GOES_ON if isinstance(error, UnavailableError) else ''}", err=True)
        raise typer.Exit(1) from error
    summarise(done, console)


_GOES_ON = ". The same command goes on where this one stopped"


class Order(NamedTuple):
    """What the operator asked for."""

    path: Path
    source: str
    zone: str = "UTC"
    again: bool = False


async def run_import(
    order: Order, settings: IngestSettings, runtime: RuntimeSettings, console: Console
) -> Imported:
    """One file, from wherever it stands to its end. Raises ConfigError, UnavailableError."""
    gc.freeze()
    gc.set_threshold(_GC_OBJECTS, 50, 50)
    path, clock = order.path, make_clock(runtime.clock_file)
    engine = make_engine(runtime.database_url.get_secret_value(), _POSTGRES_WAIT_S)
    imports = PostgresImports(engine)
    try:
        source = await _source(order.source, make_sources(settings, runtime, engine, clock))
        with _bar(console, f"knowing {path.name}", path) as advance:
            digest = digest_of(path, advance)
        file = open_history(path, _origin(source, digest, order.zone))
        async with (
            imports.alone(source.tenant, digest) as alone,
            KafkaHistoryLog(runtime.kafka).running() as log,
        ):
            if not alone:
                raise ConfigError(f"{path}: another process takes this file in just now")
            begun = Imported(source.tenant, digest, source.name, path.name, order.zone)
            begun = await _where(imports, begun, again=order.again)
            importer = Importer(
                source=source,
                identities=PostgresIdentities(engine),
                log=log,
                imports=imports,
                now=clock.now,
                max_amount=settings.max_amount,
                cache=settings.identity_cache,
            )
            with _bar(console, f"importing {path.name}", path) as advance:
                return await importer.run(file, begun, advance)
    finally:
        await engine.dispose()


async def _source(name: str, sources: JoinedSources) -> Source:
    source = sources.file.find(name)
    if source is None:
        await sources.table.look()
        source = sources.find(name)
    if source is None:
        raise ConfigError(f"no source is called {name!r}, neither in the file nor in PostgreSQL")
    if not source.enabled:
        raise ConfigError(f"source {name} is switched off")
    if not source.backfill:
        raise ConfigError(
            f"source {name} is not marked backfill: its events would start outreach. "
            "Name one with `backfill: true`"
        )
    return source


def _origin(source: Source, digest: str, zone: str) -> Origin:
    return Origin(
        ids=f"import:{digest[:_IDS]}",
        platform=source.provider,
        tenant=source.tenant,
        source=source.origin,
        currency=source.currency,
        zone=_zone(zone),
    )


def _zone(name: str) -> tzinfo:
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigError(f"no time zone is called {name!r}: name one such as Europe/Berlin") from None


async def _where(imports: ImportStore, begun: Imported, *, again: bool) -> Imported:
    """How far the file is already. Raises ConfigError when it is done, or was begun in another way."""
    before = await imports.find(begun.tenant, begun.digest)
    if before is None:
        return begun
    if before.finished_at is not None:
        if again:
            return begun
        raise ConfigError(
            f"this file was taken in on {before.finished_at:%Y-%m-%d %H:%M} UTC as {before.file}: "
            f"{before.events.total():,} events. Scoring knows only the newest ids of a customer, so most of "
            "it would count twice. If you have emptied the topics meanwhile: --again"
        )
    if (before.source, before.zone) != (begun.source, begun.zone):
        raise ConfigError(
            f"this file was begun with --source {before.source} --zone {before.zone}: go on with these"
        )
    return replace(before, file=begun.file)


@contextmanager
def _bar(console: Console, what: str, path: Path) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    size = path.stat().st_size if path.is_file() else None
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(what, total=size)
        yield lambda read: progress.advance(task, read)


def summarise(done: Imported, console: Console) -> None:
    """What became of the file, in plain lines."""
    console.print(
        f"{done.events.total():,} events of {done.file} are on the topic, marked backfill:", highlight=False
    )
    for name, count in done.events.most_common():
        console.print(f"  {count:>12,}  {name}", highlight=False)
    if not done.refused:
        console.print("Every line could be used.")
        return
    console.print(f"{done.refused:,} lines could not be used; the first of them:", highlight=False)
    for line, what in done.named:
        console.print(f"  line {line}: {what}", highlight=False, markup=False)
