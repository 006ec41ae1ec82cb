"""Composition root: the only place where real things are chosen and wired."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from libs.runtime.clock import Clock, make_clock
from libs.runtime.health import Readiness, health_router, serve
from libs.runtime.lifecycle import cancel_all, wait_any
from libs.runtime.logging import get_logger
from libs.runtime.metrics import make_registry
from libs.runtime.settings import RuntimeSettings
from services.outreach.adapters import figures
from services.outreach.adapters.database import Sessions, make_engine, make_sessions, migrate
from services.outreach.adapters.decisions import SqlDecisionUnits
from services.outreach.adapters.incidents import open_incidents
from services.outreach.adapters.kafka import KafkaPublisher, Reader
from services.outreach.adapters.outcomes import OutcomeStore
from services.outreach.adapters.patience import retrying
from services.outreach.adapters.playbook_files import Library, load_library
from services.outreach.adapters.profiles import ProfileStore
from services.outreach.adapters.smtp import SmtpMailer
from services.outreach.adapters.traits import TraitStore
from services.outreach.api import build_api
from services.outreach.closing import Closer
from services.outreach.console import ConsoleDeps, build_router
from services.outreach.console.deps import Completion, IncidentEnd, Judgement, Miss
from services.outreach.effects import TopicNames
from services.outreach.feedback import FeedbackDesk, Said
from services.outreach.incidents import IncidentDesk, IncidentKeeper, IncidentWatch
from services.outreach.metrics import Metrics
from services.outreach.ports import Record
from services.outreach.projection import ChangeLatency, ProjectionTopics, run_projection
from services.outreach.relay import EventRelay, MailRelay, outbox_age, purge_sent
from services.outreach.service import Decider
from services.outreach.settings import OutreachSettings
from services.outreach.tasks import TaskDesk, read_report
from services.outreach.timers import Sender, Timers
from services.outreach.workers import Bell, keep_working

_log = get_logger(__name__)
_GAUGES_S = 1.0  # wall; the demo also looks here to see whether anything still waits
_CLOSING_S = 1.0  # wall; in a fast simulation that is a few business days, within the grace
_INCIDENTS_S = 15.0  # wall; new firings are looked at as they come, this is for what was not known then
_PURGE_S = 1800.0  # wall
_EVENTS_REST_S = 0.25  # wall


@dataclass(slots=True)
class Bells:
    timers: Bell
    events: Bell
    mail: Bell

    def ring(self) -> None:
        for bell in (self.timers, self.events, self.mail):
            bell.ring()


@dataclass(frozen=True, slots=True)
class _Feedback:
    """The console's two forms on the desk; what was said leaves at once."""

    desk: FeedbackDesk
    bells: Bells

    async def judge(self, task_id: str, judgement: Judgement) -> None:
        said = Said(judgement.author, judgement.form)
        await self.desk.judge(task_id, judgement.verdict, judgement.reason, said)
        self.bells.ring()

    async def missed(self, tenant: str, customer_id: str, miss: Miss) -> None:
        await self.desk.missed(tenant, customer_id, miss.rule, Said(miss.author, miss.form))
        self.bells.ring()


class Outreach:
    """The service, built but not started. `run` starts it and returns once it has stopped."""

    def __init__(
        self,
        runtime: RuntimeSettings,
        settings: OutreachSettings,
        *,
        topics: TopicNames | None = None,
        projection_topics: ProjectionTopics | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._runtime = runtime
        self._settings = settings
        self._topics = topics or TopicNames()
        self._projection_topics = projection_topics
        self._clock = clock or make_clock(runtime.clock_file)
        self._engine = make_engine(runtime.database_url.get_secret_value())
        self._sessions: Sessions = make_sessions(self._engine)
        self._library: Library = load_library(
            settings.playbooks_folder, settings.templates_folder, settings.team_file
        )
        self._registry: CollectorRegistry = make_registry()
        self._metrics = Metrics(self._registry)
        self._bells = Bells(Bell(), Bell(), Bell())
        self._stop = asyncio.Event()
        self._latency = ChangeLatency()
        self._publisher = KafkaPublisher(runtime.kafka)
        self._mailers = [self._mailer() for _ in range(settings.smtp_connections)]
        self._watch = IncidentWatch(settings.incident_limits(), self._clock, self._metrics, self._topics)
        self._profiles = self._reader(
            self._topics.profiles, ProfileStore(self._sessions, self._clock, self._topics).on_records
        )
        self._triggers = self._reader(self._topics.triggers, self._decide(self._decider()))
        self._purchases = self._events_reader(OutcomeStore(self._sessions, self._topics.events))
        self._traits = self._events_reader(TraitStore(self._sessions, self._topics.events))

    @property
    def sender(self) -> Sender:
        settings = self._settings
        url = settings.public_url or f"http://{self._runtime.host}:{settings.port}"
        return Sender(settings.shop, settings.sender, url.rstrip("/"))

    def _mailer(self) -> SmtpMailer:
        settings = self._settings
        return SmtpMailer(
            settings.smtp_host,
            settings.smtp_port,
            settings.sender,
            user=settings.smtp_user,
            password=settings.smtp_password.get_secret_value(),
            starttls=settings.smtp_starttls,
            timeout_s=settings.smtp_timeout_s,
        )

    def _events_reader(self, store: OutcomeStore | TraitStore) -> Reader:
        """Orders, unsubscribes and traits are looked up later: a quarter of a second is soon enough."""
        return self._reader(
            self._topics.events, store.on_records, name=store.name, batch=5000, rest_s=_EVENTS_REST_S
        )

    def _reader(
        self, topic: str, handler: Any, *, name: str | None = None, batch: int = 0, rest_s: float = 0.0
    ) -> Reader:
        return Reader(
            self._runtime.kafka,
            topic,
            self._sessions,
            handler,
            self._clock,
            name=name,
            batch=batch or self._settings.batch,
            rest_s=rest_s,
        )

    def _decider(self) -> Decider:
        return Decider(
            SqlDecisionUnits(self._sessions, self._watch),
            self._library.book,
            self._settings.policy(),
            self._clock,
            self._metrics,
            topics=self._topics,
            ceiling=self._settings.send_ceiling,
        )

    def _decide(self, decider: Decider) -> Callable[[Sequence[Record]], Coroutine[Any, Any, None]]:
        async def on_records(records: Sequence[Record]) -> None:
            began = self._clock.wall()
            await decider.on_records(records)
            self._metrics.batch_took(self._clock.wall() - began)
            self._bells.ring()

        return on_records

    def build_http(self) -> FastAPI:
        app = FastAPI(title="Greenline outreach", docs_url=None, redoc_url=None)
        app.include_router(health_router(self._registry, self.readiness))
        app.include_router(build_api(self._sessions, self._clock))
        desk = TaskDesk(self._sessions, self._clock, self._library.book, self._topics)

        async def complete(task_id: str, completion: Completion) -> None:
            report = read_report(completion.outcome, completion.sentiment, completion.note, completion.author)
            await desk.complete(task_id, report)
            self._bells.ring()

        incidents = IncidentDesk(self._sessions, self._clock, self._topics)

        async def end_incident(incident_id: str, end: IncidentEnd) -> None:
            await incidents.decide(incident_id, end.end, end.note, end.author)
            self._bells.ring()

        deps = ConsoleDeps(
            engine=self._engine,
            clock=self._clock,
            complete_task=complete,
            feedback=_Feedback(
                FeedbackDesk(self._sessions, self._clock, self._metrics, self._topics), self._bells
            ),
            event_to_change_p50=self._latency.p50,
            stop=self._stop,
            end_incident=end_incident,
        )
        app.include_router(build_router(deps))
        return app

    def readiness(self) -> Readiness:
        readers = (self._profiles, self._triggers, self._purchases)
        age = max(reader.oldest_age_s for reader in readers)
        if not all(reader.caught_up.is_set() for reader in readers):
            return Readiness(ready=False, reason="catching up", oldest_age_s=age)
        if age > self._runtime.ready_age_limit_s:
            return Readiness(ready=False, reason="events wait too long", oldest_age_s=age)
        return Readiness(ready=True, oldest_age_s=age)

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop`, then finish what is at hand: the rest is in PostgreSQL."""
        await retrying(lambda: migrate(self._engine), "migrations", stop)
        async with AsyncExitStack() as closing:
            closing.push_async_callback(self._engine.dispose)
            closing.push_async_callback(self._publisher.close)
            for mailer in self._mailers:
                closing.push_async_callback(mailer.close)
            await closing.enter_async_context(
                serve(self.build_http(), self._runtime.host, self._settings.port)
            )
            _log.info("outreach.started", port=self._settings.port, playbooks=len(self._library.book))
            tasks = [asyncio.create_task(work) for work in self._workers()]
            try:
                await wait_any(stop, *tasks)
            finally:
                self._stop.set()
                await asyncio.wait(tasks, timeout=self._runtime.drain_s)
                await cancel_all(*(task for task in tasks if not task.done()))
        _log.info("outreach.stopped")

    def _workers(self) -> list[Coroutine[Any, Any, None]]:
        poll, stop, bells = self._settings.poll_s, self._stop, self._bells
        timers, closer, events = self._timers(), self._closer(), self._event_relay()
        keeper = IncidentKeeper(self._sessions, self._clock, self._watch, self._topics)
        batch = self._settings.batch
        works = [
            self._read_profiles_then_triggers(),
            self._profiles.run(stop),
            self._purchases.run(stop),
            self._traits.run(stop),
            keep_working(
                "incidents",
                lambda: keeper.work(self._triggers.listened_until),
                Bell(),
                stop,
                poll_s=_INCIDENTS_S,
                done=bells.events.ring,
            ),
            keep_working(
                "timers", lambda: timers.work(batch), bells.timers, stop, poll_s=poll, done=bells.ring
            ),
            keep_working(
                "closer",
                lambda: closer.work(self._purchases.listened_until, batch),
                Bell(),
                stop,
                poll_s=_CLOSING_S,
                done=bells.events.ring,
            ),
            keep_working("events", events.work, bells.events, stop, poll_s=poll),
            keep_working("gauges", self._show_gauges, Bell(), stop, poll_s=_GAUGES_S),
            keep_working("purge", self._purge, Bell(), stop, poll_s=_PURGE_S),
            run_projection(
                self._engine,
                self._runtime.kafka,
                stop,
                clock=self._clock,
                latency=self._latency,
                registry=self._registry,
                topics=self._projection_topics,
            ),
        ]
        for mailer in self._mailers:
            relay = self._mail_relay(mailer)
            works.append(
                keep_working("mail", relay.work, bells.mail, stop, poll_s=poll, done=bells.events.ring)
            )
        return works

    async def _read_profiles_then_triggers(self) -> None:
        """A trigger's decision asks for the profile, so profiles are read to their end first."""
        stopped = asyncio.create_task(self._stop.wait())
        ready = asyncio.create_task(self._profiles.caught_up.wait())
        await asyncio.wait({stopped, ready}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        ready.cancel()
        if not self._stop.is_set():
            await self._triggers.run(self._stop)

    def _timers(self) -> Timers:
        return Timers(
            self._sessions,
            self._clock,
            self._library,
            policy=self._settings.message_policy(),
            sender=self.sender,
            metrics=self._metrics,
            ceiling=self._settings.send_ceiling,
            topics=self._topics,
        )

    def _closer(self) -> Closer:
        grace = timedelta(days=self._settings.close_grace_days)
        return Closer(self._sessions, self._clock, grace, self._metrics, self._topics)

    def _event_relay(self) -> EventRelay:
        return EventRelay(self._sessions, self._publisher, self._clock, self._metrics)

    def _mail_relay(self, mailer: SmtpMailer) -> MailRelay:
        return MailRelay(
            self._sessions,
            mailer,
            self._clock,
            metrics=self._metrics,
            kill_switch=self._settings.kill_switch,
            topics=self._topics,
        )

    async def _show_gauges(self) -> int:
        self._metrics.show("oldest_trigger_age_seconds", self._triggers.oldest_age_s)
        self._metrics.show("outbox_age_seconds", await outbox_age(self._sessions, self._clock))
        async with self._sessions() as session:
            for name, value in (await figures.gauges(session, self._clock.now())).items():
                self._metrics.show(name, value)
            self._metrics.show_incidents(
                Counter((one.rule, one.kind) for one in await open_incidents(session))
            )
        return 0

    async def _purge(self) -> int:
        await purge_sent(self._sessions, self._clock, timedelta(days=self._settings.outbox_keep_days))
        return 0
