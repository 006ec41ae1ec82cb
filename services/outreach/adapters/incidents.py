"""The SQL of incidents: who fired, what they have in common, who joins, whose play is withdrawn."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.outreach.adapters.rows import insert_all, row_of
from services.outreach.adapters.steps import skip_pending
from services.outreach.domain.incidents import HISTORY
from services.outreach.incident_models import Firing, Incident, IncidentCustomer
from services.outreach.models import Intervention, Task
from services.outreach.ports import NewFiring

REASON = "common-cause"
_MOST = 2_000  # firings looked at, the latest: a look takes tens of milliseconds at most
_SAMPLE = 30_000  # rows of traits: some 10,000 customers, those with the smallest hashes, always the same

# Customers who have one of the values that explain them already are looked past, in all three counts alike:
# where one of two carriers fails, everybody else has the other one.
_COUNTED = """
    explained AS (
      SELECT DISTINCT had.customer_id FROM had
      JOIN unnest(CAST(:kinds AS text[]), CAST(:values AS text[])) AS cause (kind, value)
        ON had.kind = cause.kind AND cause.value = ANY(had.trait_values)
    ), kept AS MATERIALIZED (
      SELECT kind, trait_values FROM had
      WHERE NOT EXISTS (SELECT 1 FROM explained WHERE explained.customer_id = had.customer_id)
    )
    SELECT value.kind, value.value, value.customers, kind.known
    FROM (SELECT kept.kind, one.value, count(*) AS customers
          FROM kept CROSS JOIN LATERAL unnest(kept.trait_values) AS one (value)
          GROUP BY kept.kind, one.value) value
    JOIN (SELECT kept.kind, count(*) AS known FROM kept GROUP BY kept.kind) kind USING (kind)
"""
# OFFSET 0 keeps the planner from reading all traits for a few customers: each is looked up by its key.
_FIRED = text(f"""
    WITH recent AS (
      SELECT f.customer_id FROM outreach.firings f
      WHERE f.tenant = :tenant AND f.rule = :rule AND f.fired_at > :since AND f.fired_at <= :until
        AND (:members OR NOT EXISTS (
          SELECT 1 FROM outreach.incident_customers m JOIN outreach.incidents i ON i.id = m.incident_id
          WHERE m.trigger_id = f.trigger_id AND i."end" IS DISTINCT FROM 'dismissed'))
      ORDER BY f.fired_at DESC, f.trigger_id LIMIT {_MOST}
    ), had AS MATERIALIZED (
      SELECT who.customer_id, t.kind, t.trait_values FROM (SELECT DISTINCT customer_id FROM recent) who
      CROSS JOIN LATERAL (
        SELECT kind, trait_values FROM outreach.customer_traits
        WHERE tenant = :tenant AND customer_id = who.customer_id OFFSET 0) t
    ), {_COUNTED}
""")  # noqa: S608 (fixed pieces and a number of ours)
_SHOP = text(f"""
    WITH had AS MATERIALIZED (
      SELECT customer_id, kind, trait_values FROM outreach.customer_traits WHERE tenant = :tenant
      ORDER BY hashtext(customer_id) LIMIT {_SAMPLE}
    ), {_COUNTED}
""")  # noqa: S608 (fixed pieces and a number of ours)
_JOIN = text("""
    INSERT INTO outreach.incident_customers (incident_id, trigger_id, tenant, customer_id, joined_at)
    SELECT DISTINCT ON (f.trigger_id) i.id, f.trigger_id, f.tenant, f.customer_id, CAST(:now AS timestamptz)
    FROM outreach.incidents i
    JOIN outreach.firings f ON f.tenant = i.tenant AND f.rule = i.rule
     AND f.fired_at > i.opened_at - CAST(:window AS interval)
    JOIN outreach.customer_traits t ON t.tenant = f.tenant AND t.customer_id = f.customer_id
     AND t.kind = i.kind AND i.value = ANY(t.trait_values)
    WHERE i.closed_at IS NULL AND i.tenant = :tenant AND i.rule = :rule
      AND NOT EXISTS (SELECT 1 FROM outreach.incident_customers m WHERE m.trigger_id = f.trigger_id)
    ORDER BY f.trigger_id, i.opened_at, i.id
    ON CONFLICT DO NOTHING RETURNING trigger_id
""")

Value = tuple[str, str]
"""Kind and value."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Customers by value, with those of whom the kind is known at all."""

    by_value: dict[Value, int]
    by_kind: dict[str, int]


@dataclass(frozen=True, slots=True)
class Causes:
    """`explained`: values of incidents that are open, or were until less than a window ago. `muted`: what a
    person has said to be no cause, as long as the rule's history does not tell it.
    """

    explained: frozenset[Value]
    muted: frozenset[Value]


async def store_firings(session: AsyncSession, firings: Iterable[NewFiring]) -> None:
    rows = []
    for one in firings:
        row = row_of(one)
        row["tenant"], row["customer_id"] = row.pop("who")
        rows.append(row)
    await insert_all(session, Firing, rows)


async def causes(session: AsyncSession, tenant: str, rule: str, until: datetime, window: timedelta) -> Causes:
    found = await session.execute(
        select(Incident.kind, Incident.value, Incident.end, Incident.closed_at).where(
            Incident.tenant == tenant, Incident.rule == rule
        )
    )
    explained: set[Value] = set()
    muted: set[Value] = set()
    for kind, value, end, closed_at in found:
        reach = HISTORY if end == "dismissed" else window
        if closed_at is None or closed_at > until - reach:
            (muted if end == "dismissed" else explained).add((kind, value))
    return Causes(frozenset(explained), frozenset(muted))


async def fired(
    session: AsyncSession,
    whose: Value,
    since: datetime,
    until: datetime,
    explained: Iterable[Value] = (),
    *,
    members: bool = False,
) -> Counted:
    """Customers a rule (`whose`: tenant, rule) fired for; `members`: also those who are in an incident."""
    values = {
        "tenant": whose[0],
        "rule": whose[1],
        "since": since,
        "until": until,
        "members": members,
        **_arrays(explained),
    }
    return _counted(await session.execute(_FIRED, values))


async def shop(session: AsyncSession, tenant: str, explained: Iterable[Value] = ()) -> Counted:
    """All customers of a shop, or of a large one a fixed sample."""
    return _counted(await session.execute(_SHOP, {"tenant": tenant, **_arrays(explained)}))


def _arrays(values: Iterable[Value]) -> dict[str, list[str]]:
    ordered = sorted(values)
    return {"kinds": [kind for kind, _ in ordered], "values": [value for _, value in ordered]}


def _counted(rows: Iterable[Any]) -> Counted:
    by_value, by_kind = {}, {}
    for kind, value, customers, known in rows:
        by_value[kind, value] = customers
        by_kind[kind] = known
    return Counted(by_value, by_kind)


async def times_opened(session: AsyncSession, tenant: str, rule: str, value: Value) -> int:
    query = select(func.count()).where(
        Incident.tenant == tenant,
        Incident.rule == rule,
        Incident.kind == value[0],
        Incident.value == value[1],
    )
    return int(await session.scalar(query) or 0)


async def open_incident(session: AsyncSession, row: dict[str, Any]) -> bool:
    """Whether it was opened now; another process may have been first."""
    made = await session.execute(insert(Incident).values(row).on_conflict_do_nothing().returning(Incident.id))
    return made.first() is not None


async def join(session: AsyncSession, tenant: str, rule: str, now: datetime, window: timedelta) -> set[str]:
    """Firings that belong to an open incident of the rule and are in none yet: their triggers."""
    values = {"tenant": tenant, "rule": rule, "now": now, "window": window}
    return set(await session.scalars(_JOIN, values))


async def withdraw(session: AsyncSession, triggers: Iterable[str], now: datetime) -> Sequence[Any]:
    """End the open plays and control windows of these triggers, alike in both arms, without a result."""
    ended = await session.execute(
        update(Intervention)
        .where(Intervention.trigger_id.in_(list(triggers)), Intervention.status == "open")
        .values(status="withdrawn", closed_at=now)
        .returning(
            Intervention.id,
            Intervention.trigger_id,
            Intervention.tenant,
            Intervention.customer_id,
            Intervention.playbook,
            Intervention.arm,
            Intervention.simulated,
        )
    )
    rows = ended.all()
    ids = [row.id for row in rows]
    await skip_pending(session, ids, REASON)
    tasks = update(Task).where(Task.intervention_id.in_(ids), Task.status == "open")
    await session.execute(tasks.values(status="withdrawn"))
    for row in rows:
        member = update(IncidentCustomer).where(IncidentCustomer.trigger_id == row.trigger_id)
        await session.execute(member.values(intervention_id=row.id))
    return rows


async def incident_of(session: AsyncSession, triggers: Iterable[str]) -> dict[str, str]:
    """The incident of each trigger."""
    query = select(IncidentCustomer.trigger_id, IncidentCustomer.incident_id)
    found = await session.execute(query.where(IncidentCustomer.trigger_id.in_(list(triggers))))
    return {row.trigger_id: row.incident_id for row in found}


async def customers_in(session: AsyncSession, incident_id: str) -> int:
    who = func.count(IncidentCustomer.customer_id.distinct())
    return int(await session.scalar(select(who).where(IncidentCustomer.incident_id == incident_id)) or 0)


async def lately_fired(session: AsyncSession, since: datetime) -> list[tuple[str, str, bool]]:
    """Tenants and rules with firings since then, and whether they are simulated."""
    simulated = func.bool_or(Firing.simulated)
    query = select(Firing.tenant, Firing.rule, simulated).where(Firing.fired_at > since)
    found = await session.execute(
        query.group_by(Firing.tenant, Firing.rule).order_by(Firing.tenant, Firing.rule)
    )
    return [(tenant, rule, marked) for tenant, rule, marked in found]


async def open_incidents(session: AsyncSession, *, lock: bool = False) -> Sequence[Incident]:
    query = select(Incident).where(Incident.closed_at.is_(None)).order_by(Incident.id)
    return (await session.scalars(query.with_for_update(skip_locked=True) if lock else query)).all()


async def purge_firings(session: AsyncSession, before: datetime) -> None:
    await session.execute(delete(Firing).where(Firing.fired_at < before))
