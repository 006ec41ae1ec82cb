"""Two incidents on top of the seeded story: one that waits for a person and one that is done."""

from datetime import timedelta
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from services.outreach.incident_models import Incident, IncidentCustomer
from services.outreach.models import Intervention
from tests.integration.console.seed import ANA, HOSTILE, NOW, TENANT, intervention

OPEN, DONE = "inc-open", "inc-done"
RULE = "negative-support-unresolved"
_REASON = "61 of the 70 customers {} fired for in 24 h have {}; 6 % of all customers do: 1 in 10^62 by chance"


def incident(number: str, kind: str, value: str, **values: Any) -> dict[str, Any]:
    return {
        "id": number,
        "tenant": TENANT,
        "rule": RULE,
        "kind": kind,
        "value": value,
        "reason": _REASON.format(RULE, f"{kind} {value}"),
        "simulated": True,
        "opened_at": NOW - timedelta(hours=2),
        "closed_at": None,
        "end": None,
        "done_at": None,
        "note": None,
        "author": None,
        **values,
    }


async def seed_incidents(engine: AsyncEngine) -> None:
    """Sixty-one customers, of whom Ana's play was withdrawn."""
    over: dict[str, Any] = {
        "opened_at": NOW - timedelta(days=10),
        "closed_at": NOW - timedelta(days=9),
        "end": "fixed",
        "author": "Maria Lopez",
    }
    rows = [
        incident(OPEN, "carrier", "<b>fedex</b>"),
        incident(
            DONE, "release", "4.2.0", **over, done_at=NOW - timedelta(days=9), note="Rolled back to 4.1."
        ),
    ]
    play = intervention(50, ANA, "post-support", status="withdrawn", closed_at=NOW - timedelta(hours=2))
    who = [ANA, HOSTILE, *(f"c-{1000 + number}" for number in range(4, 63))]
    joined = [
        {
            "incident_id": OPEN,
            "trigger_id": f"t-in-{number}",
            "tenant": TENANT,
            "customer_id": customer,
            "joined_at": NOW - timedelta(minutes=number),
            "intervention_id": "i-50" if customer == ANA else None,
        }
        for number, customer in enumerate(who)
    ]
    async with engine.begin() as connection:
        await connection.execute(insert(Intervention), [play])
        await connection.execute(insert(Incident), rows)
        await connection.execute(insert(IncidentCustomer), joined)
