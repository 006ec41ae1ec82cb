"""Watching for common causes: each batch of firings is looked at in the transaction that decides it, and a
worker looks again for what was not known then. docs/incidents.md tells it for people.
"""

import hashlib
from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, Protocol, cast

from sqlalchemy.ext.asyncio import AsyncSession

from libs.events.families.customer import OutreachIncidentClosed, OutreachIncidentOpened, OutreachWithdrawn
from libs.runtime.clock import Clock
from libs.runtime.errors import RejectedError
from services.outreach.adapters import incidents as sql
from services.outreach.adapters.database import Sessions
from services.outreach.adapters.rows import add_effects
from services.outreach.domain.incidents import HISTORY, Finding, Limits, Seen, find, in_words, is_over
from services.outreach.effects import About, TopicNames, event, label_of
from services.outreach.incident_models import Incident
from services.outreach.ports import Effect, NewFiring, Watched

End = Literal["quiet", "fixed", "dismissed"]
_PATIENCE = 100  # what took t to count is kept for 100 t: at most 1 % of the time goes into counting
_AT_ONCE = 4  # incidents of one rule opened in one look; the next look goes on


class IncidentMetrics(Protocol):
    def incident_opened(self, rule: str, kind: str) -> None: ...


class _Kept:
    """Counts of many customers, kept for a while of wall time."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._kept: dict[Hashable, tuple[float, sql.Counted]] = {}

    def get(self, key: Hashable) -> sql.Counted | None:
        until, counted = self._kept.get(key, (float("-inf"), None))
        return counted if self._wall() < until else None

    def put(self, key: Hashable, counted: sql.Counted, took_s: float) -> None:
        now = self._wall()
        self._kept = {name: kept for name, kept in self._kept.items() if kept[0] > now}
        self._kept[key] = (now + took_s * _PATIENCE, counted)


class IncidentWatch:
    """Opens incidents and lets firings join them, within somebody else's transaction."""

    def __init__(self, limits: Limits, clock: Clock, metrics: IncidentMetrics, topics: TopicNames) -> None:
        self.limits = limits
        self._clock = clock
        self._metrics = metrics
        self._topics = topics
        self._kept = _Kept(clock.wall)

    async def take(self, session: AsyncSession, firings: Sequence[NewFiring]) -> Watched:
        """Remember firings and look at their rules. Deterministic in what the tables hold: `until` is the
        last firing's own time, not the clock's.
        """
        await sql.store_firings(session, firings)
        watched = Watched()
        for tenant, rule in sorted({(one.who[0], one.rule) for one in firings}):
            mine = [one for one in firings if (one.who[0], one.rule) == (tenant, rule)]
            until = max(one.fired_at for one in mine)
            seen = await self.look(session, tenant, rule, until, simulated=mine[0].simulated)
            watched.joined |= seen.joined
            watched.effects += seen.effects
        return watched

    async def look(
        self, session: AsyncSession, tenant: str, rule: str, until: datetime, *, simulated: bool
    ) -> Watched:
        """Who belongs to what is open, and what else the rest have in common."""
        watched = Watched()
        await self._join(session, tenant, rule, watched)
        for _ in range(_AT_ONCE):
            found = await self._find(session, tenant, rule, until)
            if found is None:
                break
            row = await self._row(session, tenant, rule, found, until, simulated=simulated)
            if await sql.open_incident(session, row):
                self._metrics.incident_opened(rule, found.seen.kind)
                await self._join(session, tenant, rule, watched)
                watched.effects += await self._opened(session, row)
        return watched

    async def _join(self, session: AsyncSession, tenant: str, rule: str, watched: Watched) -> None:
        now = self._clock.now()
        joined = await sql.join(session, tenant, rule, now, self.limits.window)
        if joined:
            watched.joined |= joined
            ended = await sql.withdraw(session, joined, now)
            incidents = await sql.incident_of(session, [row.trigger_id for row in ended])
            for row in ended:
                watched.effects += self._withdrawn(row, incidents[row.trigger_id], now)

    async def _find(self, session: AsyncSession, tenant: str, rule: str, until: datetime) -> Finding | None:
        limits, whose = self.limits, (tenant, rule)
        causes = await sql.causes(session, tenant, rule, until, limits.window)
        window = await sql.fired(session, whose, until - limits.window, until, causes.explained)
        if max(window.by_value.values(), default=0) < limits.least:
            return None
        shop, before = await self._usual(session, whose, until - limits.window, causes.explained)
        return find(
            (_seen(one, window, shop, before) for one in window.by_value if one not in causes.muted), limits
        )

    async def seen(self, session: AsyncSession, one: Incident, now: datetime) -> Seen:
        """An incident as it stands now, its own customers among the firings."""
        whose, since = (one.tenant, one.rule), now - self.limits.window
        window = await sql.fired(session, whose, since, now, members=True)
        return _seen((one.kind, one.value), window, *await self._usual(session, whose, since, frozenset()))

    async def _usual(
        self, session: AsyncSession, whose: sql.Value, until: datetime, explained: frozenset[sql.Value]
    ) -> tuple[sql.Counted, sql.Counted]:
        """What all customers have, and those the rule fired for before."""
        shop = await self._counted(
            ("shop", whose[0], explained), lambda: sql.shop(session, whose[0], explained)
        )
        before = await self._counted(
            ("before", whose, explained),
            lambda: sql.fired(session, whose, until - HISTORY, until, explained),
        )
        return shop, before

    async def _counted(self, key: Hashable, count: Callable[[], Any]) -> sql.Counted:
        kept = self._kept.get(key)
        if kept is None:
            began = self._clock.wall()
            kept = cast("sql.Counted", await count())
            self._kept.put(key, kept, self._clock.wall() - began)
        return kept

    async def _row(
        self, session: AsyncSession, tenant: str, rule: str, found: Finding, at: datetime, *, simulated: bool
    ) -> dict[str, Any]:
        value = (found.seen.kind, found.seen.value)
        number = await sql.times_opened(session, tenant, rule, value) + 1
        return {
            "id": incident_id(tenant, rule, value, number),
            "tenant": tenant,
            "rule": rule,
            "kind": value[0],
            "value": value[1],
            "reason": in_words(rule, found, self.limits.window),
            "simulated": simulated,
            "opened_at": at,
        }

    async def _opened(self, session: AsyncSession, row: dict[str, Any]) -> list[Effect]:
        data = OutreachIncidentOpened(
            incident_id=row["id"],
            rule=row["rule"],
            kind=row["kind"],
            value=row["value"],
            reason=row["reason"],
            customers=await sql.customers_in(session, row["id"]),
        )
        about = About(row["tenant"], row["id"], row["simulated"])
        return event(data, about, row["opened_at"], (row["id"], "opened"), (self._topics.outcomes,))

    def _withdrawn(self, row: Any, incident: str, now: datetime) -> list[Effect]:
        data = OutreachWithdrawn(
            intervention_id=row.id,
            playbook=row.playbook,
            arm=row.arm,
            reason=sql.REASON,
            incident_id=incident,
        )
        about = About(row.tenant, row.customer_id, row.simulated)
        return event(data, about, now, (row.id, "withdrawn"), (self._topics.outcomes,))


def _seen(value: sql.Value, window: sql.Counted, shop: sql.Counted, before: sql.Counted) -> Seen:
    kind = value[0]
    return Seen(
        kind,
        value[1],
        fired=window.by_value.get(value, 0),
        of=window.by_kind.get(kind, 0),
        customers=shop.by_value.get(value, 0),
        known=max(shop.by_kind.get(kind, 0), shop.by_value.get(value, 0)),
        before=before.by_value.get(value, 0),
        before_of=before.by_kind.get(kind, 0),
    )


def incident_id(tenant: str, rule: str, value: sql.Value, number: int) -> str:
    """The same cause found again, after a crash or by another process, is the same incident."""
    told = "\x00".join((tenant, rule, *value, str(number)))
    return f"inc-{hashlib.sha256(told.encode()).hexdigest()[:24]}"


class IncidentKeeper:
    """The worker: firings whose customer was not known yet, incidents that have ended, rows out of reach."""

    def __init__(self, sessions: Sessions, clock: Clock, watch: IncidentWatch, topics: TopicNames) -> None:
        self._sessions = sessions
        self._clock = clock
        self._watch = watch
        self._topics = topics

    async def work(self, listened_until: datetime | None) -> int:
        """How much came of a look. Nothing ends past the moment up to which triggers were heard."""
        effects = 0
        now = self._clock.now()
        async with self._sessions() as session:
            rules = await sql.lately_fired(session, now - self._watch.limits.window)
        for tenant, rule, simulated in rules:
            async with self._sessions.begin() as session:
                watched = await self._watch.look(session, tenant, rule, now, simulated=simulated)
                effects += await self._save(session, watched.effects)
        if listened_until is not None:
            effects += await self._end_quiet(min(now, listened_until))
        async with self._sessions.begin() as session:
            await sql.purge_firings(session, now - HISTORY - self._watch.limits.window)
        return effects

    async def _end_quiet(self, now: datetime) -> int:
        async with self._sessions.begin() as session:
            made: list[Effect] = []
            for one in await sql.open_incidents(session, lock=True):
                if is_over(await self._watch.seen(session, one, now), self._watch.limits):
                    made += await end(session, one, "quiet", now, topics=self._topics)
            return await self._save(session, made)

    async def _save(self, session: AsyncSession, effects: Iterable[Effect]) -> int:
        made = list(effects)
        await add_effects(session, made, datetime.fromtimestamp(self._clock.wall(), UTC))
        return len(made)


async def end(
    session: AsyncSession,
    one: Incident,
    how: End,
    now: datetime,
    *,
    topics: TopicNames,
    author: str | None = None,
) -> list[Effect]:
    """No firing joins any more; what has joined stays listed."""
    one.end, one.closed_at = how, one.closed_at or now
    data = OutreachIncidentClosed(
        incident_id=one.id,
        rule=one.rule,
        kind=cast("Literal['product', 'carrier', 'region', 'release']", one.kind),
        value=one.value,
        customers=await sql.customers_in(session, one.id),
        end=how,
        author=label_of(author) if author else None,
    )
    about = About(one.tenant, one.id, one.simulated)
    return event(data, about, now, (one.id, how), (topics.outcomes,))


class IncidentDesk:
    """A person ends an incident. Saying the same again changes nothing; saying otherwise is refused."""

    def __init__(self, sessions: Sessions, clock: Clock, topics: TopicNames | None = None) -> None:
        self._sessions = sessions
        self._clock = clock
        self._topics = topics or TopicNames()

    async def decide(self, incident_id: str, how: str, note: str | None, author: str | None) -> bool:
        """`fixed` or `dismissed`; whether that was news. Raises RejectedError."""
        if how not in {"fixed", "dismissed"}:
            raise RejectedError(f"end must be one of fixed, dismissed, not {how!r}")
        now = self._clock.now()
        async with self._sessions.begin() as session:
            one = await session.get(Incident, incident_id, with_for_update=True)
            if one is None:
                raise RejectedError(f"There is no incident {incident_id}")
            if one.done_at is not None:
                if (one.end == "dismissed") == (how == "dismissed"):
                    return False
                raise RejectedError(f"Incident {incident_id} was already ended as {one.end}")
            one.done_at, one.note, one.author = now, note, author
            # What has ended by itself needs no second word of it, unless that word says it never was.
            if one.closed_at is None or how == "dismissed":
                effects = await end(session, one, cast("End", how), now, topics=self._topics, author=author)
                await add_effects(session, effects, datetime.fromtimestamp(self._clock.wall(), UTC))
        return True
