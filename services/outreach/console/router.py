"""The console's routes: read what was asked, one question to the database each, render."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from importlib.resources import files
from typing import Annotated, Protocol
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Form, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse, StreamingResponse
from pydantic import BaseModel, Field

from libs.runtime.errors import RejectedError
from services.outreach.console import incidents, live, moved, queries, views, words
from services.outreach.console.deps import Completion, ConsoleDeps, Judgement, Miss
from services.outreach.console.guard import HEADERS, refuse_other_sites
from services.outreach.console.render import Renderer

STATIC = {"console.css": "text/css", "console.js": "text/javascript", "mark.svg": "image/svg+xml"}
LONGEST_NOTE = 4_000  # characters

Page = Annotated[int, Query(ge=1, le=10_000)]
Choice = Annotated[str, Query(max_length=200)]
Answer = Annotated[str, Field(max_length=200)]


class Report(BaseModel):
    """The completion form as it was sent."""

    outcome: Answer = ""
    sentiment: Answer = ""
    note: Annotated[str, Field(max_length=LONGEST_NOTE)] = ""
    author: Answer = ""

    def problem(self) -> str:
        """What a person has to correct; empty when it can be used."""
        if self.outcome not in words.OUTCOMES:
            return "Choose an outcome: what came of it?"
        if self.sentiment and self.sentiment not in words.SENTIMENTS:
            return "Choose how the customer felt from the list."
        return ""

    def completion(self) -> Completion:
        note, author = self.note.strip(), self.author.strip()
        return Completion(self.outcome, self.sentiment or None, note or None, author or None)


class Verdict(BaseModel):
    """The form about the alarm behind a task."""

    verdict: Answer = ""
    reason: Answer = ""
    author: Answer = ""
    form: Answer = ""

    def problem(self) -> str:
        if self.verdict not in ("right", "wrong"):
            return "Say whether the alarm was right or wrong."
        if self.reason and self.reason not in words.WHY_WRONG:
            return "Choose from the list why the alarm was wrong."
        return ""

    def judgement(self) -> Judgement:
        """A right alarm has no reason for being wrong."""
        reason = self.reason if self.verdict == "wrong" else ""
        return Judgement(self.verdict, reason or None, self.author.strip() or None, self.form)


class Missed(BaseModel):
    """The form about an alarm that did not come."""

    rule: Answer = ""
    author: Answer = ""
    form: Answer = ""


def build_router(deps: ConsoleDeps) -> APIRouter:
    """All pages, the form's target, the live stream and the static files."""
    router = APIRouter(
        tags=["console"], dependencies=[Depends(refuse_other_sites)], default_response_class=HTMLResponse
    )
    static = {name: files(__package__).joinpath("static", name).read_bytes() for name in STATIC}
    render = Renderer(sha256(b"".join(static.values())).hexdigest()[:8])
    figures = live.figures_of(deps)
    _add_lists(router, deps, render, figures)
    page = _add_customer(router, deps, render, figures)
    _add_feedback(router, deps, page)
    incidents.add_pages(router, deps, render, lambda: _common(deps, figures))
    _add_streams(router, deps, figures, static)
    return router


def _add_lists(router: APIRouter, deps: ConsoleDeps, render: Renderer, figures: live.Shared) -> None:
    @router.get("/")
    async def home() -> Response:
        return RedirectResponse("/queue", 303)

    @router.get("/queue")
    async def queue(
        request: Request,
        assignee: Choice = "",
        severity: Annotated[str, Query(pattern="^[1-4]?$")] = "",
        playbook: Choice = "",
        page: Page = 1,
    ) -> Response:
        wanted = queries.QueueFilter(assignee, int(severity) if severity else None, playbook, page)
        rows = await queries.queue(deps.engine, wanted)
        context = {
            "tasks": rows[: queries.PAGE],
            "incidents": await incidents.waiting(deps.engine),
            "choices": await queries.queue_choices(deps.engine),
            "wanted": wanted,
            "now": deps.clock.now(),
            "name_of": views.name_of,
            **_pages(request, page, len(rows)),
        }
        return render(request, "queue.html", {**context, **await _common(deps, figures)})

    @router.get("/customers")
    async def customers(
        request: Request, q: Choice = "", band: Choice = "", stage: Choice = "", page: Page = 1
    ) -> Response:
        rows = await queries.customers(deps.engine, q.strip(), band, stage, page)
        context = {
            "customers": rows[: queries.PAGE],
            "distribution": _totals(await queries.distribution(deps.engine)),
            "wanted": {"q": q, "band": band, "stage": stage},
            "name_of": views.name_of,
            "now": deps.clock.now(),
            **_pages(request, page, len(rows)),
        }
        return render(request, "customers.html", {**context, **await _common(deps, figures)})

    @router.get("/playbooks")
    async def playbooks(request: Request) -> Response:
        lines = views.playbook_lines(await queries.playbooks(deps.engine))
        context = {
            "lines": lines,
            "reach": views.interval_reach(lines),
            "suppressed": await queries.suppressed(deps.engine),
        }
        return render(request, "playbooks.html", {**context, **await _common(deps, figures)})


class CustomerPage(Protocol):
    """A customer's page, with what a person has to correct."""

    async def __call__(
        self, request: Request, tenant: str, customer_id: str, status: int = 200, problem: str = ""
    ) -> HTMLResponse: ...


def _add_customer(
    router: APIRouter, deps: ConsoleDeps, render: Renderer, figures: live.Shared
) -> CustomerPage:
    rules = live.rules_of(deps)

    async def page(
        request: Request, tenant: str, customer_id: str, status: int = 200, problem: str = ""
    ) -> HTMLResponse:
        row = await queries.customer(deps.engine, tenant, customer_id)
        common = await _common(deps, figures)
        if row is None:
            missing = {**common, "tenant": tenant, "customer_id": customer_id}
            return render(request, "missing.html", missing, 404)
        context = {**await _story(deps, row, request.query_params), "rules": await rules()}
        return render(request, "customer.html", {**common, **context, "problem": problem}, status)

    @router.get("/customers/{tenant}/{customer_id}")
    async def customer(request: Request, tenant: str, customer_id: str) -> Response:
        return await page(request, tenant, customer_id)

    @router.post("/tasks/{task_id}/complete")
    async def complete(
        request: Request,
        task_id: str,
        report: Annotated[Report, Form()],
    ) -> Response:
        owner = await queries.task_customer(deps.engine, task_id)
        if owner is None:
            raise HTTPException(404, f"There is no task {task_id}")
        if problem := report.problem():
            return await page(request, *owner, status=422, problem=problem)
        try:
            await deps.complete_task(task_id, report.completion())
        except RejectedError as error:
            return await page(request, *owner, status=409, problem=str(error))
        return RedirectResponse(f"{_address(*owner)}?flash=completed", 303)

    return page


def _add_feedback(router: APIRouter, deps: ConsoleDeps, page: CustomerPage) -> None:
    @router.post("/tasks/{task_id}/feedback")
    async def judge(request: Request, task_id: str, said: Annotated[Verdict, Form()]) -> Response:
        owner = await queries.task_customer(deps.engine, task_id)
        if owner is None:
            raise HTTPException(404, f"There is no task {task_id}")
        if problem := said.problem():
            return await page(request, *owner, status=422, problem=problem)
        try:
            await deps.feedback.judge(task_id, said.judgement())
        except RejectedError as error:
            return await page(request, *owner, status=409, problem=str(error))
        return RedirectResponse(f"{_address(*owner)}?flash=judged", 303)

    @router.post("/customers/{tenant}/{customer_id}/missed")
    async def missed(
        request: Request, tenant: str, customer_id: str, said: Annotated[Missed, Form()]
    ) -> Response:
        if await queries.customer(deps.engine, tenant, customer_id) is None:
            raise HTTPException(404, f"There is no customer {customer_id} of {tenant}")
        if said.rule not in await queries.rules(deps.engine):
            problem = "Choose the rule that should have fired."
            return await page(request, tenant, customer_id, status=422, problem=problem)
        try:
            await deps.feedback.missed(
                tenant, customer_id, Miss(said.rule, said.author.strip() or None, said.form)
            )
        except RejectedError as error:
            return await page(request, tenant, customer_id, status=409, problem=str(error))
        return RedirectResponse(f"{_address(tenant, customer_id)}?flash=missed", 303)


def _add_streams(
    router: APIRouter, deps: ConsoleDeps, figures: live.Shared, static: Mapping[str, bytes]
) -> None:
    @router.get("/events", response_class=StreamingResponse)
    async def events(tenant: Choice = "", customer: Choice = "") -> StreamingResponse:
        watched = (tenant, customer) if tenant and customer else None
        body = live.stream(deps, figures, watched)
        return StreamingResponse(body, media_type="text/event-stream", headers=HEADERS)

    @router.get("/static/{name}", response_class=Response)
    async def asset(name: str) -> Response:
        if name not in static:
            raise HTTPException(404, f"There is no file {name}")
        # The address carries the content's hash, so a browser may keep it.
        headers = {**HEADERS, "Cache-Control": "public, max-age=31536000, immutable"}
        return Response(static[name], media_type=STATIC[name], headers=headers)


async def _common(deps: ConsoleDeps, figures: live.Shared) -> dict[str, object]:
    return {"figures": await figures(), "p50": deps.event_to_change_p50()}


async def _story(deps: ConsoleDeps, row: queries.Row, asked: Mapping[str, str]) -> dict[str, object]:
    """Everything on a customer's page."""
    key = (row["tenant"], row["customer_id"])
    now = deps.clock.now()
    before, days = _cursor(asked), _days(asked)
    then = await queries.point_at(deps.engine, *key, now - timedelta(days=days))
    points = await queries.points(deps.engine, *key)
    rows = await queries.timeline(deps.engine, *key, before)
    shown, more = rows[: queries.TIMELINE_PAGE], len(rows) > queries.TIMELINE_PAGE
    tasks = await queries.tasks_of(deps.engine, *key)
    interventions = await queries.interventions_of(deps.engine, *key)
    last = shown[-1] if shown and more else None
    return {
        "customer": row,
        "name": views.name_of(row),
        "address": _address(*key),
        "health": views.health(row, now),
        "days": days,
        "periods": moved.PERIODS,
        "moved": moved.since(row, then, days, now),
        "chart": views.score_line(points, await queries.marks(deps.engine, *key), now),
        "timeline": views.timeline_page(shown, points, before[0] if before else None, more=more),
        "older": _older(last, days) if last else None,
        "paged": before is not None,
        "open_tasks": [task for task in tasks if task["status"] == "open"],
        "done_tasks": [task for task in tasks if task["status"] == "done"],
        "interventions": interventions,
        "verdicts": await queries.verdicts_of(deps.engine, *key),
        "simulated": _is_simulated(row, interventions),
        "now": now,
    }


def _older(last: queries.Row, days: int) -> str:
    return f"?{urlencode({'before': last['at'].isoformat(), 'ref': last['ref'], 'days': days})}"


def _is_simulated(row: queries.Row, interventions: queries.Rows) -> bool:
    marked = any((data or {}).get("simulated") for data in (row["snapshot"], row["last_data"]))
    return marked or any(intervention["simulated"] for intervention in interventions)


def _address(tenant: str, customer_id: str) -> str:
    return f"/customers/{quote(tenant, safe='')}/{quote(customer_id, safe='')}"


def _cursor(query: Mapping[str, str]) -> tuple[datetime, str] | None:
    try:
        at = datetime.fromisoformat(query.get("before", ""))
    except ValueError:
        return None
    return (at, query.get("ref", "")) if at.tzinfo else None


def _days(query: Mapping[str, str]) -> int:
    """How far back to look; what is not on offer is the usual."""
    asked = query.get("days", "")
    return int(asked) if asked in map(str, moved.PERIODS) else moved.USUAL


def _pages(request: Request, page: int, found: int) -> dict[str, object]:
    """Links to the neighbouring pages, keeping the filters."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "page" and value]

    def link(number: int) -> str:
        return f"?{urlencode([*kept, ('page', number)])}"

    return {
        "page": page,
        "previous": link(page - 1) if page > 1 else None,
        "following": link(page + 1) if found > queries.PAGE else None,
    }


def _totals(rows: queries.Rows) -> dict[str, dict[str, int]]:
    """Customers by band and by stage, and in all."""
    bands = {band: sum(row["customers"] for row in rows if row["band"] == band) for band in words.BANDS}
    stages = {stage: sum(row["customers"] for row in rows if row["stage"] == stage) for stage in words.STAGES}
    return {"bands": bands, "stages": stages}
