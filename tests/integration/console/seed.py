"""A small shop with a past: what the console's pages and the browser tests look at."""

from datetime import UTC, datetime, timedelta
from math import sin
from typing import Any

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.outreach import models

NOW = datetime(1998, 3, 14, 10, 30, tzinfo=UTC)
TENANT = "demo"
ANA = "c-1001"
HOSTILE = "c-evil"
_DAY = timedelta(days=1)
_SIGNALS = (
    ("purchase_recency", 0.30, -12.4, "Last order 96 days ago; usually every 31 days"),
    ("engagement_trend", 0.25, -8.3, "3 interactions in 30 days, 14 in the 30 before"),
    ("order_frequency_trend", 0.25, -6.1, "1 order in 90 days, 3 in the 90 before"),
    ("support_sentiment", 0.20, 4.2, "No trouble before; 1 unhappy ticket open for 6 days"),
)
_SHOWN = (
    ("usage_depth", 64.0, 0.7, "9 uses in 14 days"),
    ("survey", 30.0, 0.25, "Answered NPS 3 of 10; fading with time"),
)
DETAILED = 60  # days back from which points know what each signal gave


def _points_of(score: float) -> dict[str, float]:
    """What the scored signals give together is the score less 50."""
    share = (score - 50) / sum(points for _, _, points, _ in _SIGNALS)
    return {signal: round(points * share, 2) for signal, _, points, _ in _SIGNALS}


def snapshot(score: float, band: str, stage: str = "loyal", **facts: Any) -> dict[str, Any]:
    points = _points_of(score)
    parts = [
        {"signal": s, "value": 40.0, "weight": w, "evidence": 0.8, "points": points[s], "text": t}
        for s, w, _, t in _SIGNALS
    ]
    parts += [
        {"signal": s, "value": v, "weight": 0.0, "evidence": e, "points": 0.0, "text": t}
        for s, v, e, t in _SHOWN
    ]
    known = {
        "orders_total": 9,
        "last_order_at": (NOW - 96 * _DAY).isoformat(),
        "first_order_at": (NOW - 420 * _DAY).isoformat(),
        "own_gap_days": 31.0,
        "days_overdue": 65.0,
        "silence_tail_p": 0.04,
        "spend_total": 48210,
        "currency": "USD",
        "engagement_30d": 3,
        "engagement_prev_30d": 14,
        "visits_30d": 2,
        "site_known": True,
        "open_tickets": 1,
        "open_negative_tickets": 1,
        "oldest_negative_at": (NOW - 6 * _DAY).isoformat(),
        "last_return_at": (NOW - 20 * _DAY).isoformat(),
        "returned_share": 0.5,
        **facts,
    }
    return {
        "score": score,
        "base": 50.0,
        "band": band,
        "confidence": 0.82,
        "stage": stage,
        "tier": "gold",
        "p_buy": 0.21,
        "scorecard": "starter-1",
        "cause": "silence",
        "contributions": parts,
        "facts": known,
        "simulated": True,
    }


def intervention(number: int, customer: str, playbook: str, **values: Any) -> dict[str, Any]:
    return {
        "id": f"i-{number}",
        "tenant": TENANT,
        "customer_id": customer,
        "playbook": playbook,
        "playbook_version": 1,
        "trigger_id": f"t-{number}",
        "rule": "negative-support-unresolved",
        "level": "red",
        "arm": "treated",
        "owed": False,
        "simulated": True,
        "status": "open",
        "result": None,
        "opened_at": NOW - 2 * _DAY,
        "closes_at": NOW + 28 * _DAY,
        "closed_at": None,
        "cleared_at": None,
        "revenue_minor": 0,
        "currency": "USD",
        "orders": 0,
        **values,
    }


def task(number: int, customer: str, playbook: str, **values: Any) -> dict[str, Any]:
    severity, value = values.get("severity", 2), values.get("value_minor", 10_000)
    return {
        "id": f"task-{number}",
        "intervention_id": f"i-{number}",
        "step_id": f"s-{number}",
        "tenant": TENANT,
        "customer_id": customer,
        "playbook": playbook,
        "title": "Call and put it right",
        "reason": "1 ticket with negative sentiment has been open for 6 days without a resolution",
        "script": "Hello, this is Maria from the shop. You wrote to us about your last order and it is still "
        "not solved. That is on us.\nMay I go through it with you now?",
        "next_step": "If it is not solved on this call, open a replacement and call again in two days.",
        "severity": severity,
        "value_minor": value,
        "currency": "USD",
        "priority": severity * value,
        "assignee": "Maria Lopez",
        "attempt": 1,
        "escalated": False,
        "due_at": NOW + timedelta(hours=5),
        "status": "open",
        "outcome": None,
        "sentiment": None,
        "note": None,
        "author": None,
        "created_at": NOW - timedelta(hours=3),
        "completed_at": None,
        **values,
    }


def _customers() -> list[dict[str, Any]]:
    rows = [
        {"customer_id": ANA, **_health(27.4, "red", "loyal")},
        {"customer_id": HOSTILE, **_health(33.0, "red", "mid")},
        {"customer_id": "c-1003", **_health(52.3, "yellow", "new", spend_total=4550)},
    ]
    for number in range(4, 70):
        band = ("green", "yellow", "red")[number % 3]
        score = {"green": 74.0, "yellow": 51.0, "red": 30.0}[band] + number / 10
        stage = ("new", "mid", "loyal")[number % 3]
        spent = 900 * number
        rows.append({"customer_id": f"c-{1000 + number}", **_health(score, band, stage, spend_total=spent)})
    return [{"tenant": TENANT, **row} for row in rows]


def _health(score: float, band: str, stage: str, **facts: Any) -> dict[str, Any]:
    return {
        "snapshot": snapshot(score, band, stage, **facts),
        "score": score,
        "band": band,
        "stage": stage,
        "updated_at": NOW - timedelta(minutes=12),
    }


def _then(score: float, day: int) -> dict[str, float] | None:
    """Of the first days only the score was kept; nobody had written to support yet, and usage was known."""
    if day < 300 - DETAILED:
        return None
    points = _points_of(score)
    points["usage_trend"] = points.pop("support_sentiment")
    return points


def _points() -> list[dict[str, Any]]:
    rows = []
    for day in range(300):
        score = 82 - max(0, day - 120) * 0.42 + 5 * sin(day / 9) if day < 240 else 31 + 4 * sin(day / 7)
        band = "green" if score >= 60 else "yellow" if score >= 40 else "red"
        row = {"at": NOW - (300 - day) * _DAY, "score": score, "band": band}
        rows.append({**row, "signal_points": _then(score, day)})
    now = {"at": NOW - timedelta(minutes=12), "score": 27.4, "band": "red"}
    rows.append({**now, "signal_points": _points_of(27.4)})
    return [{"tenant": TENANT, "customer_id": ANA, "confidence": 0.8, **row} for row in rows]


def _timeline() -> list[dict[str, Any]]:
    told = [
        (2, "trigger.fired", "Rule fired: unresolved negative ticket. Open for 6 days"),
        (2, "outreach.opened", "Playbook post-support opened"),
        (6, "ticket.opened", "Opened a ticket about delivery; they sound unhappy"),
        (9, "email.clicked", "Clicked an e-mail"),
        (20, "return.requested", "Asked to return half of order 10442"),
        (40, "outreach.message_sent", "E-mail sent: we miss you"),
        (60, "trigger.fired", "Rule fired: order frequency below own average"),
        (70, "outreach.task_completed", "Task completed: reached, felt neutral"),
        (96, "order.placed", "Ordered 3 items for $84.20"),
    ]
    rows = [(NOW - days * _DAY, kind, summary) for days, kind, summary in told]
    rows += [
        (NOW - timedelta(days=3, minutes=7 * n), "site.visited", "Visited the site, 4 pages")
        for n in range(4)
    ]
    rows += [
        (NOW - timedelta(days=110 + n), "order.placed", f"Ordered 1 item for ${n}.00") for n in range(90)
    ]
    return [
        {"at": at, "ref": f"e-{number}", "type": kind, "summary": summary, "data": {"simulated": True}}
        for number, (at, kind, summary) in enumerate(rows)
    ]


def _past() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    closed: dict[str, Any] = {"status": "closed", "closed_at": NOW - 20 * _DAY, "opened_at": NOW - 60 * _DAY}
    interventions = [
        intervention(9, ANA, "loyal", **closed, result="success", revenue_minor=8420, orders=1),
        intervention(10, "c-1007", "loyal", **closed, result="failure"),
    ]
    for number in range(40):
        won = "success" if number % 3 == 0 else "failure"
        lost = "success" if number % 6 == 0 else "failure"
        interventions += [
            intervention(
                100 + number, f"c-{2000 + number}", "mid-life", **closed, result=won, revenue_minor=3300
            ),
            intervention(
                200 + number, f"c-{3000 + number}", "mid-life", **closed, result=lost, arm="control"
            ),
        ]
    done = task(
        9,
        ANA,
        "loyal",
        title="Say thank you",
        status="done",
        outcome="reached",
        sentiment="neutral",
        note="Moved house in autumn; the old address was still on file.",
        author="Maria Lopez",
        completed_at=NOW - 58 * _DAY,
    )
    return interventions, [done]


def _open_tasks() -> list[dict[str, Any]]:
    return [
        task(1, ANA, "post-support", severity=4, value_minor=48_210),
        task(
            2, HOSTILE, "mid-life", title="Ask what is missing", reason="<b>1 order</b> in 90 days, 3 before"
        ),
        task(
            3,
            "c-1003",
            "new-customer",
            title="Help with the first weeks",
            reason="No second order 61 days after the first; 57 is usual here",
            value_minor=4_550,
            due_at=NOW - timedelta(hours=30),
            assignee="pool:retention",
        ),
        task(
            4,
            "c-1005",
            "loyal",
            title="A senior person writes",
            reason="No visit, click, reply or order for 63 days",
            severity=3,
            value_minor=91_300,
            assignee="Tom Okafor",
            escalated=True,
        ),
    ]


def _profiles() -> list[dict[str, Any]]:
    people = [
        (ANA, "Ana Castellanos", "ana@example.com"),
        (HOSTILE, "<script>alert(1)</script>", "evil@example.com"),
        ("c-1003", None, "noor@example.com"),
        ("c-1005", "Jonas Brandt", "jonas@example.com"),
    ]
    plain = {"tenant": TENANT, "external": [], "updated_at": NOW}
    return [
        {**plain, "customer_id": customer, "name": name, "email": email} for customer, name, email in people
    ]


def _decisions() -> list[dict[str, Any]]:
    """Of one trigger each of three rules: two opened something, one did not. Of two tasks, too."""
    rules = ("negative-support-unresolved", "order-frequency-drop", "champion-change")
    plain = {"tenant": TENANT, "customer_id": ANA, "level": "red", "playbook": None, "decision": "suppressed"}
    plain |= {"reason": "no-playbook", "intervention_id": None, "decided_at": NOW - 2 * _DAY}
    opened = {"decision": "opened", "reason": ""}
    fell = {"trigger_id": "t-1", "rule": rules[0], "trigger": {"score_before": 81.6, "score": 31.2}, **opened}
    flat = {"trigger_id": "t-2", "rule": rules[1], "trigger": {"score_before": 55.2, "score": 54.8}, **opened}
    others = [{"trigger_id": f"d-{rule}", "rule": rule, "trigger": {}} for rule in rules]
    return [plain | one for one in (fell, flat, *others)]


async def seed(engine: AsyncEngine) -> None:
    """Empty the tables and tell the story again."""
    past, done = _past()
    yellow = {"rule": "order-frequency-drop", "level": "yellow"}
    interventions = [
        intervention(1, ANA, "post-support", owed=True),
        intervention(2, HOSTILE, "mid-life", **yellow),
        intervention(3, "c-1003", "new-customer", **yellow),
        intervention(4, "c-1005", "loyal"),
        *past,
    ]
    tables: list[tuple[type[models.Base], list[dict[str, Any]]]] = [
        (models.Customer, _customers()),
        (models.HealthPoint, _points()),
        (models.TimelineEntry, [{"tenant": TENANT, "customer_id": ANA, **row} for row in _timeline()]),
        (models.Profile, _profiles()),
        (models.Intervention, interventions),
        (models.Decision, _decisions()),
        (models.Task, [*_open_tasks(), *done]),
        (models.Message, [_message(1, "i-1", ANA), _message(2, "i-9", ANA)]),
    ]
    async with engine.begin() as connection:
        for table in reversed(models.Base.metadata.sorted_tables):
            await connection.execute(text(f"TRUNCATE outreach.{table.name} CASCADE"))
        for model, rows in tables:
            await connection.execute(insert(model), rows)


def _message(number: int, intervention_id: str, customer: str) -> dict[str, Any]:
    return {
        "id": f"m-{number}",
        "intervention_id": intervention_id,
        "tenant": TENANT,
        "customer_id": customer,
        "channel": "email",
        "template": "checking-in",
        "purpose": "service",
        "status": "sent",
        "reason": "",
        "message_id": f"<m-{number}@example.com>",
        "created_at": NOW - _DAY,
        "sent_at": NOW - _DAY,
    }
