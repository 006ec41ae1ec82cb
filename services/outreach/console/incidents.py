"""Incidents in the console: an entry on the queue, a page with its customers, a word that ends it."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.runtime.errors import RejectedError
from services.outreach.console import queries, views, words
from services.outreach.console.deps import ConsoleDeps, IncidentEnd
from services.outreach.console.render import Renderer

ENDS = {
    "fixed": ("Fixed, and told", "The cause is mended and these customers have been told"),
    "dismissed": ("No common cause", "They have nothing to do with each other; leave this value alone"),
}
ENDED = {"quiet": "Over by itself", "fixed": "Fixed, and told", "dismissed": "No common cause"}
LONGEST_NOTE = 4_000  # characters

Common = Callable[[], Awaitable[dict[str, object]]]

_LISTED = """
    SELECT i.id, i.tenant, i.rule, i.kind, i.value, i.reason, i.simulated, i.opened_at, i.closed_at, i."end",
           i.done_at, i.note, i.author,
           (SELECT count(DISTINCT (m.tenant, m.customer_id)) FROM outreach.incident_customers m
            WHERE m.incident_id = i.id) AS customers
    FROM outreach.incidents i
"""


async def waiting(engine: AsyncEngine) -> queries.Rows:
    """Those that still need a person, the newest first."""
    return await queries.rows_of(engine, f"{_LISTED} WHERE i.done_at IS NULL ORDER BY i.opened_at DESC, i.id")


async def _done(engine: AsyncEngine) -> queries.Rows:
    statement = f"{_LISTED} WHERE i.done_at IS NOT NULL ORDER BY i.done_at DESC, i.id LIMIT {queries.PAGE}"
    return await queries.rows_of(engine, statement)


async def _one(engine: AsyncEngine, incident_id: str) -> queries.Row | None:
    rows = await queries.rows_of(engine, f"{_LISTED} WHERE i.id = :id", id=incident_id)
    return rows[0] if rows else None


async def _customers(engine: AsyncEngine, incident_id: str, page: int) -> queries.Rows:
    """Its customers, the most valuable first, with the play that was withdrawn for them."""
    statement = """
        SELECT m.tenant, m.customer_id, max(m.joined_at) AS joined_at, p.name, p.email, c.band, c.score,
               (c.snapshot->'facts'->>'spend_total')::bigint AS spend_minor,
               c.snapshot->'facts'->>'currency' AS currency, max(i.playbook) AS playbook
        FROM outreach.incident_customers m
        LEFT JOIN outreach.interventions i ON i.id = m.intervention_id
        LEFT JOIN outreach.profiles p ON p.tenant = m.tenant AND p.customer_id = m.customer_id
        LEFT JOIN outreach.customers c ON c.tenant = m.tenant AND c.customer_id = m.customer_id
        WHERE m.incident_id = :id
        GROUP BY m.tenant, m.customer_id, p.name, p.email, c.band, c.score, c.snapshot
        ORDER BY spend_minor DESC NULLS LAST, m.tenant, m.customer_id LIMIT :limit OFFSET :offset
    """
    offset = (page - 1) * queries.PAGE
    return await queries.rows_of(engine, statement, id=incident_id, limit=queries.PAGE + 1, offset=offset)


class Word(BaseModel):
    """The form that ends an incident, as it was sent."""

    end: Annotated[str, Field(max_length=20)] = ""
    note: Annotated[str, Field(max_length=LONGEST_NOTE)] = ""
    author: Annotated[str, Field(max_length=200)] = ""

    def spoken(self) -> IncidentEnd:
        return IncidentEnd(self.end, self.note.strip() or None, self.author.strip() or None)


def add_pages(router: APIRouter, deps: ConsoleDeps, render: Renderer, common: Common) -> None:
    async def page(
        request: Request, incident_id: str, number: int, status: int = 200, problem: str = ""
    ) -> Response:
        row = await _one(deps.engine, incident_id)
        if row is None:
            return render(request, "no_incident.html", {**await common(), "incident_id": incident_id}, 404)
        context = await _story(deps, row, number)
        return render(request, "incident.html", {**await common(), **context, "problem": problem}, status)

    @router.get("/incidents")
    async def incidents(request: Request) -> Response:
        context = {"waiting": await waiting(deps.engine), "done": await _done(deps.engine), "ended": ENDED}
        return render(request, "incidents.html", {**await common(), **context, "now": deps.clock.now()})

    @router.get("/incidents/{incident_id}")
    async def incident(
        request: Request, incident_id: str, number: Annotated[int, Query(ge=1, le=10_000, alias="page")] = 1
    ) -> Response:
        return await page(request, incident_id, number)

    @router.post("/incidents/{incident_id}/end")
    async def end(request: Request, incident_id: str, word: Annotated[Word, Form()]) -> Response:
        if word.end not in ENDS:
            return await page(request, incident_id, 1, 422, "Choose how it ended.")
        try:
            await deps.end_incident(incident_id, word.spoken())
        except RejectedError as error:
            return await page(request, incident_id, 1, 409, str(error))
        return RedirectResponse(f"/incidents/{quote(incident_id, safe='')}?flash=incident-ended", 303)


async def _story(deps: ConsoleDeps, row: queries.Row, number: int) -> dict[str, Any]:
    found = await _customers(deps.engine, row["id"], number)
    return {
        "incident": row,
        "title": title(row),
        "customers": found[: queries.PAGE],
        "name_of": views.name_of,
        "ends": ENDS,
        "ended": ENDED,
        "now": deps.clock.now(),
        "page": number,
        "previous": f"?{urlencode({'page': number - 1})}" if number > 1 else None,
        "following": f"?{urlencode({'page': number + 1})}" if len(found) > queries.PAGE else None,
    }


def title(row: queries.Row) -> str:
    """The cause, as a person would name it: Carrier ups."""
    return f"{words.label(row['kind'])} {row['value']}"
