"""Composition root: the only place where real things are chosen."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.events.topics import INGEST_STATUS
from libs.runtime.clock import Clock, make_clock
from libs.runtime.health import Readiness, serve
from libs.runtime.lifecycle import calm_collector, cancel_all, stop_on_signals, wait_any
from libs.runtime.metrics import make_registry
from libs.runtime.settings import RuntimeSettings
from libs.runtime.status import announcing
from services.ingest.adapters.answers import PostgresAnswers
from services.ingest.adapters.arrivals import PostgresArrivals
from services.ingest.adapters.dead_letters import PostgresDeadLetters
from services.ingest.adapters.identities import PostgresIdentities
from services.ingest.adapters.kafka_log import KafkaLog
from services.ingest.adapters.postgres import make_engine
from services.ingest.adapters.privacy import PostgresPrivacy
from services.ingest.adapters.provider_http import HttpProviderApi
from services.ingest.adapters.sources_file import SourcesFile
from services.ingest.adapters.sources_table import PostgresSources
from services.ingest.adapters.spool import PostgresSpool
from services.ingest.adapters.told import KafkaTold
from services.ingest.adapters.vault import Vault
from services.ingest.api import Endpoint, create_api
from services.ingest.desk import IdentityDesk
from services.ingest.domain.accounts import OwnAccounts
from services.ingest.enriching import Enricher
from services.ingest.events_api import EventsEndpoint
from services.ingest.gate import Gate
from services.ingest.letters import announce_forever
from services.ingest.metrics import IngestMetrics
from services.ingest.nightly import Nightly
from services.ingest.oversized import Oversized
from services.ingest.ports import (
    AnswerStore,
    DeadLetterStore,
    EventLog,
    IdentityStore,
    PrivacyStore,
    Spool,
)
from services.ingest.ports_sources import Sources
from services.ingest.privacy import Privacy
from services.ingest.privacy_api import privacy_router
from services.ingest.provider_api import Arrivals, ProviderApi, ToldEvents
from services.ingest.publisher import Publisher
from services.ingest.reconciling import Reconciler
from services.ingest.redrive import Redriver
from services.ingest.service import Intake
from services.ingest.settings import IngestSettings
from services.ingest.sources import JoinedSources, SourcesSnapshot
from services.ingest.status import status_of


@dataclass(frozen=True, slots=True)
class Ports:
    """The outside world, real or in memory."""

    sources: Sources
    identities: IdentityStore
    spool: Spool
    log: EventLog
    letters: DeadLetterStore
    privacy: PrivacyStore
    answers: AnswerStore
    apis: ProviderApi
    arrivals: Arrivals
    told: ToldEvents


@dataclass(frozen=True, slots=True)
class Ingest:
    """One wired process: its HTTP application and what runs beside it."""

    api: FastAPI
    publisher: Publisher
    desk: IdentityDesk
    intake: Intake
    privacy: Privacy
    metrics: IngestMetrics
    registry: CollectorRegistry
    ports: Ports
    nightly: Nightly | None = None

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[tuple[asyncio.Task[None], ...]]:
        """The drainer, the announcer, the eraser and the night's work, for the length of the block.

        Deliveries may be taken within it: what an earlier process left has been looked for.
        """
        await self.publisher.begin()
        tasks = (
            asyncio.create_task(self.publisher.drain_forever()),
            asyncio.create_task(announce_forever(self.ports.letters, self.ports.log, self.metrics)),
            asyncio.create_task(self.privacy.work_forever()),
            *([asyncio.create_task(self.nightly.work_forever())] if self.nightly else []),
        )
        try:
            yield tasks
        finally:
            await self.desk.finish()
            await self.publisher.finish()
            await cancel_all(*tasks)


def make_sources(
    settings: IngestSettings, runtime: RuntimeSettings, engine: AsyncEngine, clock: Clock
) -> JoinedSources:
    """Those of the file, then those of PostgreSQL, which have not been read yet. Raises ConfigError."""
    file = SourcesFile(settings.sources_file or runtime.data_dir / "sources.yaml", clock)
    return JoinedSources(file, SourcesSnapshot(PostgresSources(engine, Vault(settings.secret_keys))))


def on_postgres(
    engine: AsyncEngine, sources: Sources, log: EventLog, apis: ProviderApi, told: ToldEvents
) -> Ports:
    """Everything but Kafka, the sources' file and the providers' APIs is in PostgreSQL."""
    return Ports(
        sources,
        PostgresIdentities(engine),
        PostgresSpool(engine),
        log,
        PostgresDeadLetters(engine),
        PostgresPrivacy(engine),
        PostgresAnswers(engine),
        apis,
        PostgresArrivals(engine),
        told,
    )


def make_gate(settings: IngestSettings, clock: Clock) -> Gate:
    """What bounds everything that is taken in."""
    return Gate(
        settings.max_in_flight,
        settings.max_buffered_bytes,
        settings.max_body_bytes,
        clock.wall,
        settings.body_wait_s,
    )


def compose(settings: IngestSettings, ports: Ports, clock: Clock, ready_age_limit_s: float = 30.0) -> Ingest:
    """Wire ingest around its ports; tests give fakes."""
    registry = make_registry()
    metrics = IngestMetrics(registry)
    desk = IdentityDesk(ports.identities, metrics, settings.identity_cache, settings.postgres_wait_s)
    publisher = Publisher(
        ports.log,
        ports.spool,
        Oversized(ports.letters, metrics, clock),
        metrics,
        kafka_wait_s=settings.kafka_wait_s,
        spool_wait_s=settings.postgres_wait_s,
    )
    privacy = Privacy(
        store=ports.privacy,
        identities=ports.identities,
        letters=ports.letters,
        desk=desk,
        publisher=publisher,
        clock=clock,
    )
    intake = Intake(
        providers=OwnAccounts(ports.sources.provider),
        desk=desk,
        privacy=privacy,
        publisher=publisher,
        letters=ports.letters,
        metrics=metrics,
        clock=clock,
        max_amount=settings.max_amount,
        scanner_click_s=settings.scanner_click_s,
        enricher=Enricher(ports.apis, metrics, settings.api_wait_s),
    )
    gate = make_gate(settings, clock)
    metrics.in_flight.set_function(lambda: gate.in_flight)
    wait = settings.retry_after_s
    endpoint = Endpoint(intake, ports.sources, gate, metrics, wait)
    events = EventsEndpoint(intake, ports.sources, ports.answers, gate, metrics, wait)

    def readiness() -> Readiness:
        age = publisher.depth.oldest_s if publisher.depth.records else 0.0
        if age > ready_age_limit_s:
            return Readiness(False, f"the oldest spooled event has waited {age:.0f} s for Kafka", age)
        return Readiness(True, "spooling" if publisher.spooling else "ok", age)

    api = create_api(endpoint, events, registry, readiness)
    if settings.privacy_tokens:
        api.include_router(privacy_router(privacy, settings.privacy_tokens, settings.retry_after_s))
    nightly = None
    if settings.reconcile_hour >= 0:
        nightly = Nightly(
            reconciler=reconciler_of(intake, ports, metrics, settings),
            sources=ports.sources,
            keys=ports.answers,
            metrics=metrics,
            clock=clock,
            hour=settings.reconcile_hour,
        )
    return Ingest(api, publisher, desk, intake, privacy, metrics, registry, ports, nightly)


def reconciler_of(
    intake: Intake, ports: Ports, metrics: IngestMetrics, settings: IngestSettings, *, dry: bool = False
) -> Reconciler:
    """What compares sources with their APIs; `dry` if the ports keep nothing."""
    return Reconciler(
        intake=intake,
        redriver=Redriver(intake, ports.sources, ports.letters, dry=dry),
        providers=ports.sources.provider,
        api=ports.apis,
        arrivals=ports.arrivals,
        told=ports.told,
        metrics=metrics,
        public_url=settings.public_url,
        dry=dry,
    )


async def run(settings: IngestSettings, runtime: RuntimeSettings) -> None:
    """Serve until SIGTERM, then finish what is in work."""
    stop = stop_on_signals()
    clock = make_clock(runtime.clock_file)
    engine = make_engine(runtime.database_url.get_secret_value(), settings.postgres_wait_s)
    sources = make_sources(settings, runtime, engine, clock)
    try:
        async with (
            sources.table.followed() as following,
            KafkaLog(runtime.kafka).running() as log,
            HttpProviderApi().running() as apis,
        ):
            ports = on_postgres(engine, sources, log, apis, KafkaTold(runtime.kafka))
            ingest = compose(settings, ports, clock, runtime.ready_age_limit_s)
            calm_collector()
            said = announcing(runtime.kafka, INGEST_STATUS.name, clock, status_of(ingest.publisher, clock))
            async with ingest.working() as tasks, said, serve(ingest.api, runtime.host, settings.port):
                await wait_any(stop, following, *tasks)
    finally:
        await engine.dispose()
