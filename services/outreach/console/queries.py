"""Everything the console reads. One function a question; plain SQL, because the pages are plain lists."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncEngine

PAGE = 50  # rows of a list; more is paged
TIMELINE_PAGE = 40
CHART_POINTS = 5_000  # points of one customer that are read to draw the line
CHART_MARKS = 200

Row = RowMapping
Rows = Sequence[Row]

_TASK_COLUMNS = """
    t.id, t.tenant, t.customer_id, t.intervention_id, t.playbook, t.title, t.reason, t.script, t.next_step,
    t.severity, t.value_minor, t.currency, t.assignee, t.attempt, t.escalated, t.due_at, t.status,
    t.outcome, t.sentiment, t.note, t.author, t.created_at, t.completed_at,
    p.name, p.email, c.score, c.band, c.stage, i.simulated, i.level, i.rule, i.trigger_id,
    (d.trigger->>'score_before')::float8 AS score_before, (d.trigger->>'score')::float8 AS score_fired
"""
_TASK_TABLES = """
    FROM outreach.tasks t
    JOIN outreach.interventions i ON i.id = t.intervention_id
    LEFT JOIN outreach.decisions d ON d.trigger_id = i.trigger_id
    LEFT JOIN outreach.profiles p ON p.tenant = t.tenant AND p.customer_id = t.customer_id
    LEFT JOIN outreach.customers c ON c.tenant = t.tenant AND c.customer_id = t.customer_id
"""


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """Empty means all."""

    assignee: str = ""
    severity: int | None = None
    playbook: str = ""
    page: int = 1

    def parameters(self) -> dict[str, Any]:
        return {
            "assignee": self.assignee or None,
            "severity": self.severity,
            "playbook": self.playbook or None,
            "limit": PAGE + 1,
            "offset": (self.page - 1) * PAGE,
        }


@dataclass(frozen=True, slots=True)
class Counts:
    """The figures on top of the queue."""

    open_tasks: int
    overdue: int
    red_customers: int
    open_interventions: int
    messages_sent: int
    incidents: int


async def rows_of(engine: AsyncEngine, statement: str, **parameters: Any) -> Sequence[Row]:
    async with engine.connect() as connection:
        return (await connection.execute(text(statement), parameters)).mappings().all()


async def queue(engine: AsyncEngine, wanted: QueueFilter) -> Sequence[Row]:
    """Open tasks, the most important first: one more than a page holds when there are more."""
    statement = f"""
        SELECT {_TASK_COLUMNS} {_TASK_TABLES}
        WHERE t.status = 'open'
          AND (CAST(:assignee AS text) IS NULL OR t.assignee = :assignee)
          AND (CAST(:severity AS int) IS NULL OR t.severity = :severity)
          AND (CAST(:playbook AS text) IS NULL OR t.playbook = :playbook)
        ORDER BY t.priority DESC, t.due_at, t.id
        LIMIT :limit OFFSET :offset
    """
    return await rows_of(engine, statement, **wanted.parameters())


async def queue_choices(engine: AsyncEngine) -> dict[str, list[str]]:
    """What the open tasks can be filtered by."""
    rows = await rows_of(
        engine, "SELECT DISTINCT assignee, playbook FROM outreach.tasks WHERE status = 'open'"
    )
    return {
        "assignees": sorted({row["assignee"] for row in rows}),
        "playbooks": sorted({row["playbook"] for row in rows}),
    }


async def counts(engine: AsyncEngine, now: datetime) -> Counts:
    statement = """
        SELECT
          (SELECT count(*) FROM outreach.tasks WHERE status = 'open') AS open_tasks,
          (SELECT count(*) FROM outreach.tasks WHERE status = 'open' AND due_at < :now) AS overdue,
          (SELECT count(*) FROM outreach.customers WHERE band = 'red' AND stage <> 'lapsed') AS red_customers,
          (SELECT count(*) FROM outreach.interventions WHERE status = 'open' AND arm = 'treated')
            AS open_interventions,
          (SELECT count(*) FROM outreach.messages WHERE status = 'sent') AS messages_sent,
          (SELECT count(*) FROM outreach.incidents WHERE done_at IS NULL) AS incidents
    """
    rows = await rows_of(engine, statement, now=now)
    return Counts(**rows[0])


async def customer(engine: AsyncEngine, tenant: str, customer_id: str) -> Row | None:
    """Health and profile; a row as soon as anything at all is known of the customer."""
    statement = """
        SELECT k.tenant, k.customer_id, p.name, p.email, p.timezone, p.email_consent,
               c.snapshot, c.score, c.band, c.stage, c.updated_at, t.data AS last_data
        FROM (SELECT CAST(:tenant AS text) AS tenant, CAST(:customer_id AS text) AS customer_id) k
        LEFT JOIN outreach.profiles p USING (tenant, customer_id)
        LEFT JOIN outreach.customers c USING (tenant, customer_id)
        LEFT JOIN LATERAL (
          SELECT data FROM outreach.timeline
          WHERE tenant = k.tenant AND customer_id = k.customer_id ORDER BY at DESC LIMIT 1
        ) t ON true
        WHERE p.tenant IS NOT NULL OR c.tenant IS NOT NULL OR t.data IS NOT NULL
    """
    rows = await rows_of(engine, statement, tenant=tenant, customer_id=customer_id)
    return rows[0] if rows else None


async def tasks_of(engine: AsyncEngine, tenant: str, customer_id: str) -> Sequence[Row]:
    statement = f"""
        SELECT {_TASK_COLUMNS} {_TASK_TABLES}
        WHERE t.tenant = :tenant AND t.customer_id = :customer_id
        ORDER BY t.status DESC, t.priority DESC, t.due_at LIMIT {PAGE}
    """
    return await rows_of(engine, statement, tenant=tenant, customer_id=customer_id)


async def task_customer(engine: AsyncEngine, task_id: str) -> tuple[str, str] | None:
    rows = await rows_of(engine, "SELECT tenant, customer_id FROM outreach.tasks WHERE id = :id", id=task_id)
    return (rows[0]["tenant"], rows[0]["customer_id"]) if rows else None


async def interventions_of(engine: AsyncEngine, tenant: str, customer_id: str) -> Sequence[Row]:
    statement = f"""
        SELECT i.*, (SELECT count(*) FROM outreach.messages m
                     WHERE m.intervention_id = i.id AND m.status = 'sent') AS messages
        FROM outreach.interventions i
        WHERE i.tenant = :tenant AND i.customer_id = :customer_id
        ORDER BY i.opened_at DESC LIMIT {PAGE}
    """  # noqa: S608 (a number of ours)
    return await rows_of(engine, statement, tenant=tenant, customer_id=customer_id)


async def verdicts_of(engine: AsyncEngine, tenant: str, customer_id: str) -> dict[str, str]:
    """The last word on each trigger, by its id."""
    statement = """
        SELECT DISTINCT ON (data->>'trigger_id')
               data->>'trigger_id' AS trigger_id, data->>'verdict' AS verdict
        FROM outreach.timeline
        WHERE tenant = :tenant AND customer_id = :customer_id AND type = 'outreach.feedback'
          AND data->>'trigger_id' IS NOT NULL
        ORDER BY data->>'trigger_id', at DESC, ref DESC
    """
    rows = await rows_of(engine, statement, tenant=tenant, customer_id=customer_id)
    return {row["trigger_id"]: row["verdict"] for row in rows}


async def rules(engine: AsyncEngine) -> list[str]:
    """Those that have ever fired: outreach knows no others."""
    rows = await rows_of(engine, "SELECT DISTINCT rule FROM outreach.decisions ORDER BY rule")
    return [row["rule"] for row in rows]


async def points(engine: AsyncEngine, tenant: str, customer_id: str) -> Sequence[Row]:
    """The last points of the score line, newest first."""
    statement = f"""
        SELECT at, score, band FROM outreach.health_points
        WHERE tenant = :tenant AND customer_id = :customer_id ORDER BY at DESC LIMIT {CHART_POINTS}
    """  # noqa: S608 (a number of ours)
    return await rows_of(engine, statement, tenant=tenant, customer_id=customer_id)


async def point_at(engine: AsyncEngine, tenant: str, customer_id: str, at: datetime) -> Row | None:
    """The score as it stood at a moment; None before the first of it."""
    statement = """
        SELECT at, score, band, signal_points FROM outreach.health_points
        WHERE tenant = :tenant AND customer_id = :customer_id AND at <= :at ORDER BY at DESC LIMIT 1
    """
    rows = await rows_of(engine, statement, tenant=tenant, customer_id=customer_id, at=at)
    return rows[0] if rows else None


async def marks(engine: AsyncEngine, tenant: str, customer_id: str) -> Sequence[Row]:
    """What is marked on the line: triggers, touches and completed tasks."""
    statement = f"""
        SELECT at, type, summary FROM outreach.timeline
        WHERE tenant = :tenant AND customer_id = :customer_id
          AND type IN ('trigger.fired', 'outreach.message_sent', 'outreach.task_completed')
        ORDER BY at DESC LIMIT {CHART_MARKS}
    """  # noqa: S608 (a number of ours)
    return await rows_of(engine, statement, tenant=tenant, customer_id=customer_id)


async def timeline(
    engine: AsyncEngine, tenant: str, customer_id: str, before: tuple[datetime, str] | None
) -> Sequence[Row]:
    """Newest first; one more row than a page holds when there are older ones."""
    older = "AND (at, ref) < (:at, :ref)" if before else ""
    statement = f"""
        SELECT at, ref, type, summary, data FROM outreach.timeline
        WHERE tenant = :tenant AND customer_id = :customer_id {older}
        ORDER BY at DESC, ref DESC LIMIT {TIMELINE_PAGE + 1}
    """  # noqa: S608 (a fixed condition and a number of ours)
    parameters = {"at": before[0], "ref": before[1]} if before else {}
    return await rows_of(engine, statement, tenant=tenant, customer_id=customer_id, **parameters)


async def customers(engine: AsyncEngine, search: str, band: str, stage: str, page: int) -> Sequence[Row]:
    """By part of a name, an e-mail address or an id; the weakest score first."""
    statement = """
        SELECT c.tenant, c.customer_id, c.score, c.band, c.stage, c.updated_at, p.name, p.email,
               (c.snapshot->'facts'->>'spend_total')::bigint AS spend_minor,
               c.snapshot->'facts'->>'currency' AS currency, c.snapshot->>'tier' AS tier,
               EXISTS (SELECT 1 FROM outreach.tasks t WHERE t.tenant = c.tenant
                       AND t.customer_id = c.customer_id AND t.status = 'open') AS has_task
        FROM outreach.customers c LEFT JOIN outreach.profiles p USING (tenant, customer_id)
        WHERE (CAST(:band AS text) IS NULL OR c.band = :band)
          AND (CAST(:stage AS text) IS NULL OR c.stage = :stage)
          AND (CAST(:search AS text) IS NULL OR c.customer_id ILIKE :search
               OR p.email ILIKE :search OR p.name ILIKE :search)
        ORDER BY c.score, c.tenant, c.customer_id LIMIT :limit OFFSET :offset
    """
    return await rows_of(
        engine,
        statement,
        search=f"%{_escaped(search)}%" if search else None,
        band=band or None,
        stage=stage or None,
        limit=PAGE + 1,
        offset=(page - 1) * PAGE,
    )


def _escaped(search: str) -> str:
    for special in ("\\", "%", "_"):
        search = search.replace(special, f"\\{special}")
    return search


async def distribution(engine: AsyncEngine) -> Sequence[Row]:
    """How many customers stand in each band, by stage."""
    return await rows_of(
        engine, "SELECT band, stage, count(*) AS customers FROM outreach.customers GROUP BY band, stage"
    )


async def playbooks(engine: AsyncEngine) -> Sequence[Row]:
    """Each playbook's interventions by arm: opened, closed, succeeded, net revenue by currency."""
    return await rows_of(
        engine,
        """
        SELECT playbook, arm, currency, count(*) AS opened,
               count(*) FILTER (WHERE status = 'closed') AS closed,
               count(*) FILTER (WHERE result = 'success') AS succeeded,
               sum(revenue_minor) FILTER (WHERE status = 'closed') AS revenue_minor,
               bool_or(simulated) AS simulated, bool_or(owed) AS owed
        FROM outreach.interventions WHERE status <> 'withdrawn' GROUP BY playbook, arm, currency
        """,
    )


async def suppressed(engine: AsyncEngine) -> Sequence[Row]:
    """Triggers that opened nothing, by reason."""
    return await rows_of(
        engine,
        """
        SELECT reason, count(*) AS triggers FROM outreach.decisions
        WHERE decision = 'suppressed' GROUP BY reason ORDER BY count(*) DESC, reason LIMIT 20
        """,
    )


async def simulated(engine: AsyncEngine) -> bool:
    """Whether what the engine works on now is made up: the newest intervention says so."""
    rows = await rows_of(
        engine, "SELECT simulated FROM outreach.interventions ORDER BY opened_at DESC LIMIT 1"
    )
    return bool(rows and rows[0]["simulated"])


async def pulse(engine: AsyncEngine, tenant: str, customer_id: str) -> Row:
    """A few values that differ whenever a customer's page would."""
    statement = """
        SELECT
          (SELECT updated_at FROM outreach.customers WHERE tenant = :tenant AND customer_id = :customer_id)
            AS updated_at,
          (SELECT score FROM outreach.customers WHERE tenant = :tenant AND customer_id = :customer_id)
            AS score,
          (SELECT count(*) FROM outreach.tasks
           WHERE tenant = :tenant AND customer_id = :customer_id AND status = 'open') AS open_tasks,
          (SELECT max(at) FROM outreach.timeline WHERE tenant = :tenant AND customer_id = :customer_id)
            AS last_at
    """
    return (await rows_of(engine, statement, tenant=tenant, customer_id=customer_id))[0]
