"""`greenline ingest reconcile`: one source against its provider's API, now, or what that would do."""

import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, NamedTuple

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.runtime.clock import make_clock
from libs.runtime.errors import ConfigError
from libs.runtime.logging import configure_logging
from libs.runtime.settings import RuntimeSettings
from services.ingest.adapters.dry import DryIdentities, DryPrivacy, NoLog
from services.ingest.adapters.kafka_log import KafkaLog
from services.ingest.adapters.provider_http import HttpProviderApi, problem
from services.ingest.adapters.sources_file import SourcesFile
from services.ingest.adapters.told import KafkaTold
from services.ingest.app import compose, on_postgres, reconciler_of
from services.ingest.commands.store import with_store
from services.ingest.domain.errors import OverloadedError, UnavailableError
from services.ingest.domain.sources import Source
from services.ingest.nightly import SETTLING
from services.ingest.reconciling import Reconciler, Report, Window
from services.ingest.settings import IngestSettings

_KAFKA_WAIT_S = 10.0  # nobody waits for an answer within 5 s here
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}

Name = Annotated[str, typer.Argument(metavar="SOURCE", help="A source that has an API key.")]
Since = Annotated[str, typer.Option(help="From when on: 2d, 12h, or a date such as 2026-01-31 (UTC).")]
Until = Annotated[str | None, typer.Option(help="Up to when; without it: up to 15 minutes ago.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what is missing; publish and mend nothing.")]


class _Order(NamedTuple):
    source: str
    since: str
    until: str | None
    dry: bool


def reconcile(source: Name, *, since: Since, until: Until = None, dry_run: DryRun = False) -> None:
    """Ask the provider what there is, and publish what never arrived. A second run finds nothing new."""
    order = _Order(source, since, until, dry_run)
    try:
        report = with_store(lambda engine: engine, lambda engine: _run(engine, order))
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    _print(report, dry_run)


async def _run(engine: AsyncEngine, order: _Order) -> Report:
    async with _reconciler(engine, order) as (reconciler, source, window):
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task(f"{source.name}: asking", total=None)

            def advance(report: Report) -> None:
                said = f"{source.name}: {report.listed:,} listed, {report.gaps + report.lost:,} missing"
                progress.update(task, description=said)

            try:
                return await reconciler.run(source, window, advance)
            except (UnavailableError, OverloadedError) as error:
                typer.echo(f"{error}. What was told by then stays told: the same command goes on", err=True)
                raise typer.Exit(1) from error


@contextlib.asynccontextmanager
async def _reconciler(engine: AsyncEngine, order: _Order) -> AsyncIterator[tuple[Reconciler, Source, Window]]:
    runtime = RuntimeSettings()
    configure_logging("ingest", "WARNING", runtime.log_json)  # the bar has the screen
    settings = IngestSettings().model_copy(update={"kafka_wait_s": _KAFKA_WAIT_S})
    clock = make_clock(runtime.clock_file)
    sources = SourcesFile(settings.sources_file or runtime.data_dir / "sources.yaml", clock)
    source = _source(sources, order.source)
    async with contextlib.AsyncExitStack() as stack:
        log = NoLog() if order.dry else await stack.enter_async_context(KafkaLog(runtime.kafka).running())
        apis = await stack.enter_async_context(HttpProviderApi().running())
        ports = on_postgres(engine, sources, log, apis, KafkaTold(runtime.kafka))
        if order.dry:
            ports = replace(ports, identities=DryIdentities(engine), privacy=DryPrivacy(engine))
        ingest = compose(settings, ports, clock)
        reconciler = reconciler_of(ingest.intake, ports, ingest.metrics, settings, dry=order.dry)
        if not reconciler.serves(source):
            raise ConfigError(f"source {source.name}: {source.provider} has no API that we ask")
        yield reconciler, source, window_of(order.since, order.until, clock.now())
        await ingest.desk.finish()
        await ingest.publisher.finish()


def _source(sources: SourcesFile, name: str) -> Source:
    source = sources.find(name)
    if source is None:
        raise ConfigError(f"no source is called {name!r}")
    if source.api_key is None:
        raise ConfigError(f"source {name} has no api_key: there is nobody to ask")
    if (wrong := problem(source)) is not None:
        raise ConfigError(wrong)
    return source


def window_of(since: str, until: str | None, now: datetime) -> Window:
    """Raises BadParameter."""
    window = Window(_moment(since, now), _moment(until, now) if until else now - SETTLING)
    if window.since >= window.until:
        raise typer.BadParameter("--since is not before --until")
    return window


def _moment(said: str, now: datetime) -> datetime:
    if (ago := re.fullmatch(r"([0-9]{1,5})([mhd])", said)) is not None:
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        found = datetime.fromisoformat(said)
    except ValueError:
        raise typer.BadParameter(f"{said}: write 2d, 12h, or a date such as 2026-01-31") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _print(report: Report, dry_run: bool) -> None:
    console = Console(highlight=False, soft_wrap=True)
    would = "would be " if dry_run else ""
    for line in report.lines:
        console.print(line, markup=False)
    console.print(f"{report.listed:,} listed, {report.gaps:,} had not arrived, {report.lost:,} only in part")
    console.print(f"{report.events:,} events {would}published")
    for count, what in (
        (report.letters, f"thin deliveries {would}read again"),
        (report.people, f"customers {would}given an address"),
        (len(report.subscriptions), f"subscriptions {would}mended: {', '.join(report.subscriptions)}"),
    ):
        if count:
            console.print(f"{count:,} {what}", markup=False)
    for reason, count in report.refused.most_common():
        console.print(f"{count:,} cannot be told: {reason}", markup=False)
