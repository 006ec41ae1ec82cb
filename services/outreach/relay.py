"""The outbox's way out: events to Kafka in order, messages to the mail server one by one."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, cast

from sqlalchemy import Table, bindparam, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from libs.events.families.customer import OutreachMessageNotSent, OutreachMessageSent
from libs.runtime.clock import Clock
from libs.runtime.errors import RejectedError, TransientError
from services.outreach.adapters.database import Sessions
from services.outreach.adapters.rows import add_effects, email_suppressions, is_frozen
from services.outreach.domain.retry import gives_up, retry_wait
from services.outreach.effects import About, TopicNames, event, mail_of, out_event
from services.outreach.models import Intervention, Message, Outbox
from services.outreach.ports import Effect, EventPublisher, Mailer

_EVENTS_AT_A_TIME = 1000
_MAILS_AT_A_TIME = 20  # a crash repeats at most these, with the same Message-ID


class RelayMetrics(Protocol):
    def message(self, status: str, reason: str) -> None: ...
    def published(self, count: int) -> None: ...


_OUTBOX = cast("Table", Outbox.__table__)
_MESSAGES = cast("Table", Message.__table__)
_LEFT = (
    update(_OUTBOX)
    .where(_OUTBOX.c.id == bindparam("row"))
    .values(
        sent_at=bindparam("wall"),
        attempts=_OUTBOX.c.attempts + 1,
        last_error=bindparam("error"),
        payload=bindparam("kept", type_=JSONB),
    )
)
_CAME_OF = (
    update(_MESSAGES)
    .where(_MESSAGES.c.id == bindparam("row"))
    .values(status=bindparam("to"), reason=bindparam("why"), sent_at=bindparam("at"))
)


@dataclass(frozen=True, slots=True)
class _Settled:
    """A message that needs no more attempts, and what came of it."""

    one: Any
    status: str
    reason: str
    error: str | None = None


def _wall(clock: Clock) -> datetime:
    return datetime.fromtimestamp(clock.wall(), UTC)


class EventRelay:
    """One relay at a time over all processes, oldest first: a customer's events keep their order."""

    def __init__(
        self, sessions: Sessions, publisher: EventPublisher, clock: Clock, metrics: RelayMetrics
    ) -> None:
        self._sessions = sessions
        self._publisher = publisher
        self._clock = clock
        self._metrics = metrics

    async def work(self) -> int:
        """Publish what waits; how many. Raises TransientError while Kafka is away: the rows stay."""
        async with self._sessions.begin() as session:
            if not await session.scalar(text("SELECT pg_try_advisory_xact_lock(hashtext('outreach.relay'))")):
                return 0
            waiting = (
                await session.execute(
                    select(Outbox.id, Outbox.payload)
                    .where(Outbox.kind == "event", Outbox.sent_at.is_(None))
                    .order_by(Outbox.id)
                    .limit(_EVENTS_AT_A_TIME)
                )
            ).all()
            if not waiting:
                return 0
            await self._publisher.publish([out_event(row.payload) for row in waiting])
            await session.execute(
                update(Outbox)
                .where(Outbox.id.in_([row.id for row in waiting]))
                .values(sent_at=_wall(self._clock), attempts=Outbox.attempts + 1)
            )
        self._metrics.published(len(waiting))
        return len(waiting)


class MailRelay:
    """Sends what waits and stores what came of it; a message leaves at least once, with one Message-ID."""

    def __init__(
        self,
        sessions: Sessions,
        mailer: Mailer,
        clock: Clock,
        *,
        metrics: RelayMetrics,
        kill_switch: bool = False,
        topics: TopicNames | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._sessions = sessions
        self._mailer = mailer
        self._clock = clock
        self._metrics = metrics
        self._kill_switch = kill_switch
        self._topics = topics or TopicNames()
        self._jitter = jitter

    async def work(self) -> int:
        """Try up to a batch of messages; how many were taken. While frozen none is.

        Raises TransientError, after storing the failed attempt, while the server is away.
        """
        if self._kill_switch:
            return 0
        settled: list[_Settled] = []
        away = False
        async with self._sessions.begin() as session:
            if await is_frozen(session):
                return 0
            waiting = await self._take(session)
            suppressed = await email_suppressions(session, {(one.tenant, one.customer_id) for one in waiting})
            for one in waiting:
                outcome = await self._deliver(session, one, suppressed.get((one.tenant, one.customer_id)))
                if outcome is None:
                    away = True  # the rest of the batch would only wait for the server too
                    break
                settled.append(outcome)
            await self._settle(session, settled)
        for outcome in settled:
            self._metrics.message(outcome.status, outcome.reason)
        if away:
            raise TransientError("the mail server is away")
        return len(waiting)

    async def _take(self, session: AsyncSession) -> Sequence[Any]:
        found = await session.execute(
            select(
                Outbox.id,
                Outbox.payload,
                Outbox.attempts,
                Message.id.label("key"),
                Message.tenant,
                Message.customer_id,
                Message.intervention_id,
                Message.template,
                Message.message_id,
                Intervention.simulated,
            )
            .join(Message, Message.id == Outbox.idempotency_key)
            .join(Intervention, Intervention.id == Message.intervention_id)
            .where(Outbox.kind == "email", Outbox.sent_at.is_(None), Outbox.due_at <= _wall(self._clock))
            .order_by(Outbox.id)
            .limit(_MAILS_AT_A_TIME)
            .with_for_update(of=Outbox, skip_locked=True)
        )
        return found.all()

    async def _deliver(self, session: AsyncSession, one: Any, suppressed: str | None) -> _Settled | None:
        """Send one message; None while the server is away."""
        if suppressed is not None:  # between the decision and now the customer said no
            return _Settled(one, "not_sent", suppressed)
        try:
            await self._mailer.send(mail_of(one.payload))
        except RejectedError as error:
            return _Settled(one, "not_sent", "refused-by-server", str(error)[:500])
        except TransientError as error:
            if gives_up(one.attempts + 1):
                return _Settled(one, "not_sent", "server-away", str(error)[:500])
            await self._again(session, one, str(error))
            return None
        return _Settled(one, "sent", "ok")

    async def _again(self, session: AsyncSession, one: Any, error: str) -> None:
        attempts = one.attempts + 1
        await session.execute(
            update(Outbox)
            .where(Outbox.id == one.id)
            .values(
                attempts=attempts,
                due_at=_wall(self._clock) + retry_wait(attempts, self._jitter()),
                last_error=error[:500],
            )
        )

    async def _settle(self, session: AsyncSession, settled: Sequence[_Settled]) -> None:
        """Store what came of messages. Their address and text have done their work and are forgotten."""
        if not settled:
            return
        now, wall = self._clock.now(), _wall(self._clock)
        left = [
            {
                "row": each.one.id,
                "wall": wall,
                "error": each.error,
                "kept": {"message_id": each.one.message_id},
            }
            for each in settled
        ]
        await session.execute(_LEFT, left)
        messages = [
            {
                "row": each.one.key,
                "to": each.status,
                "why": each.reason,
                "at": now if each.status == "sent" else None,
            }
            for each in settled
        ]
        await session.execute(_CAME_OF, messages)
        effects = [
            effect for each in settled for effect in self._told(each.one, each.status, each.reason, now)
        ]
        await add_effects(session, effects, wall)

    def _told(self, one: Any, status: str, reason: str, now: datetime) -> list[Effect]:
        about = About(one.tenant, one.customer_id, one.simulated)
        template = one.template.replace("/", ".")
        if status == "sent":
            sent = OutreachMessageSent(
                intervention_id=one.intervention_id,
                channel="email",
                template=template,
                message_id=one.message_id,
            )
            return event(sent, about, now, ("sent", one.key), (self._topics.outcomes, self._topics.events))
        not_sent = OutreachMessageNotSent(
            intervention_id=one.intervention_id, channel="email", template=template, reason=reason
        )
        return event(not_sent, about, now, ("not-sent", one.key), (self._topics.outcomes,))


async def outbox_age(sessions: Sessions, clock: Clock) -> float:
    """Wall seconds that the oldest unsent row has waited."""
    async with sessions() as session:
        oldest = await session.scalar(select(func.min(Outbox.created_at)).where(Outbox.sent_at.is_(None)))
    return 0.0 if oldest is None else max((_wall(clock) - oldest).total_seconds(), 0.0)


async def purge_sent(sessions: Sessions, clock: Clock, keep: timedelta) -> None:
    """Forget rows that left long ago; the decisions they came from stay."""
    async with sessions.begin() as session:
        await session.execute(delete(Outbox).where(Outbox.sent_at < _wall(clock) - keep))
