"""An incident in the console: one entry on the queue, its customers on a page, and a form that ends it."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.runtime.clock import FakeClock
from libs.runtime.errors import RejectedError
from services.outreach.console import ConsoleDeps, IncidentEnd, build_router, queries
from tests.integration.console import seed
from tests.integration.console.conftest import Desk, Ear
from tests.integration.console.incident_seed import DONE, OPEN, seed_incidents
from tests.integration.console.page import read

ENDED: list[tuple[str, IncidentEnd]] = []


async def _end(incident_id: str, end: IncidentEnd) -> None:
    if incident_id == DONE:
        raise RejectedError("Incident inc-done was already ended as fixed")
    ENDED.append((incident_id, end))


@pytest.fixture
async def pages(engine: AsyncEngine) -> AsyncIterator[httpx.AsyncClient]:
    await seed.seed(engine)
    await seed_incidents(engine)
    ENDED.clear()
    app = FastAPI()
    deps = ConsoleDeps(engine, FakeClock(seed.NOW), Desk(), Ear(), end_incident=_end)
    app.include_router(build_router(deps))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://console") as client:
        yield client
    await seed.seed(engine)


async def test_the_queue_has_one_entry_for_all_its_customers(pages: httpx.AsyncClient) -> None:
    page = read((await pages.get("/queue")).text)
    assert [one.text for one in page.all("h2")] == ["Carrier <b>fedex</b>: 61 customers, one cause"]
    assert page.all("a", href=f"/incidents/{OPEN}")
    assert page.faults() == []


async def test_its_page_tells_why_and_lists_the_most_valuable_first(pages: httpx.AsyncClient) -> None:
    answer = await pages.get(f"/incidents/{OPEN}")
    page = read(answer.text)
    assert "61 of the 70 customers negative-support-unresolved fired for in 24 h" in answer.text
    links = [one.attributes["href"] for one in page.all("a", **{"class": "row-link"})]
    assert len(links) == queries.PAGE
    assert links[0] == f"/customers/{seed.TENANT}/c-1062"
    assert "<b>fedex</b>" not in answer.text
    assert page.faults() == []
    rest = read((await pages.get(f"/incidents/{OPEN}?page=2")).text)
    assert len(rest.all("a", **{"class": "row-link"})) == 61 - queries.PAGE


async def test_it_tells_whose_play_was_withdrawn(pages: httpx.AsyncClient) -> None:
    first, second = [(await pages.get(f"/incidents/{OPEN}?page={n}")).text for n in (1, 2)]
    assert (first + second).count("Post support, withdrawn") == 1
    assert (first + second).count("None begun") == 60


async def test_the_customers_page_does_not_call_it_open(pages: httpx.AsyncClient) -> None:
    page = read((await pages.get(f"/customers/{seed.TENANT}/{seed.ANA}")).text)
    assert "Withdrawn: an incident" in [one.text for one in page.all("span")]


async def test_the_form_ends_it(pages: httpx.AsyncClient) -> None:
    form = {"end": "fixed", "note": " Another carrier. ", "author": "Maria"}
    answer = await pages.post(f"/incidents/{OPEN}/end", data=form)
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        f"/incidents/{OPEN}?flash=incident-ended",
    )
    assert [(OPEN, IncidentEnd("fixed", "Another carrier.", "Maria"))] == ENDED
    assert "as ever from now on" in (await pages.get(answer.headers["location"])).text


async def test_a_form_without_an_answer_is_shown_again(pages: httpx.AsyncClient) -> None:
    answer = await pages.post(f"/incidents/{OPEN}/end", data={"note": "x"})
    assert answer.status_code == 422
    assert "Choose how it ended" in answer.text
    assert ENDED == []


async def test_what_cannot_end_so_is_told(pages: httpx.AsyncClient) -> None:
    answer = await pages.post(f"/incidents/{DONE}/end", data={"end": "dismissed"})
    assert answer.status_code == 409
    assert "already ended as fixed" in answer.text


async def test_another_site_cannot_end_it(pages: httpx.AsyncClient) -> None:
    answer = await pages.post(
        f"/incidents/{OPEN}/end", data={"end": "fixed"}, headers={"origin": "http://evil.example"}
    )
    assert answer.status_code == 403
    assert ENDED == []


async def test_what_is_done_is_kept_with_its_end_and_note(pages: httpx.AsyncClient) -> None:
    listed = await pages.get("/incidents")
    assert "Release 4.2.0" in listed.text
    assert "Maria Lopez" in listed.text
    assert read(listed.text).faults() == []
    done = await pages.get(f"/incidents/{DONE}")
    assert "Rolled back to 4.1." in done.text
    assert "<form" not in done.text
    assert "Nobody is listed any more" in done.text


async def test_an_incident_that_is_not_there_is_said_so(pages: httpx.AsyncClient) -> None:
    answer = await pages.get("/incidents/inc-none")
    assert answer.status_code == 404
    assert "no incident" in answer.text


async def test_an_open_one_is_counted_on_top(engine: AsyncEngine, pages: httpx.AsyncClient) -> None:
    del pages
    assert (await queries.counts(engine, seed.NOW)).incidents == 1


async def test_a_withdrawn_play_is_in_no_figure_of_its_playbook(
    engine: AsyncEngine, pages: httpx.AsyncClient
) -> None:
    del pages
    (line,) = [row for row in await queries.playbooks(engine) if row["playbook"] == "post-support"]
    assert line["opened"] == 1
