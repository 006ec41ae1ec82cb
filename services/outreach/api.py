"""JSON for tools and the sandbox, and the door through which customers leave."""

from datetime import datetime
from html import escape
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel
from sqlalchemy import select

from libs.runtime.clock import Clock
from services.outreach.adapters import figures
from services.outreach.adapters.database import Sessions
from services.outreach.adapters.outcomes import suppress
from services.outreach.models import UnsubscribeToken

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex"></head>
<body><main><h1>{title}</h1>{body}</main></body></html>
"""
_FORM = '<form method="post"><button type="submit">Unsubscribe</button></form>'


class TaskView(BaseModel):
    """A task as the queue shows it."""

    id: str
    intervention_id: str
    tenant: str
    customer_id: str
    email: str | None
    playbook: str
    title: str
    reason: str
    script: str
    next_step: str
    severity: int
    value_minor: int
    currency: str
    priority: int
    assignee: str
    attempt: int
    escalated: bool
    due_at: datetime
    created_at: datetime
    status: Literal["open", "done"]
    outcome: str | None
    sentiment: str | None
    author: str | None
    completed_at: datetime | None


def build_api(sessions: Sessions, clock: Clock) -> APIRouter:
    """GET /api/tasks, GET /api/stats and the unsubscribe page."""
    router = APIRouter()

    @router.get("/api/tasks", tags=["api"])
    async def list_tasks(
        status: Literal["open", "done"] = "open", limit: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> list[TaskView]:
        async with sessions() as session:
            return [TaskView(**row) for row in await figures.tasks(session, status, limit)]

    @router.get("/api/stats", tags=["api"])
    async def show_stats() -> dict[str, Any]:
        async with sessions() as session:
            return {"now": clock.now(), **await figures.stats(session)}

    @router.get("/u/{token}", response_class=HTMLResponse, tags=["customers"])
    async def ask_unsubscribe(token: str) -> Response:
        """A page with one button: mail scanners follow links, so a GET changes nothing."""
        async with sessions() as session:
            known = await session.get(UnsubscribeToken, token)
        return _page("Unsubscribe", _FORM) if known else _unknown()

    @router.post("/u/{token}", response_class=HTMLResponse, tags=["customers"])
    async def unsubscribe(token: str) -> Response:
        """One click (RFC 8058): no sign-in, no question; again is the same."""
        async with sessions.begin() as session:
            who = await session.scalar(select(UnsubscribeToken).where(UnsubscribeToken.token == token))
            if who is None:
                return _unknown()
            customer = {"tenant": who.tenant, "customer_id": who.customer_id}
            await suppress(session, customer, "email", "unsubscribed", clock.now())
        return _page("You are unsubscribed", "<p>We will not write to you any more.</p>")

    return router


def _page(title: str, body: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(_PAGE.format(title=escape(title), body=body), status_code=status)


def _unknown() -> HTMLResponse:
    return _page(
        "This link is not known", "<p>It may have been cut. Please use the link in our mail.</p>", 404
    )
