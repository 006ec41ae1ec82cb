"""The one thing a person writes: what came of a task."""

import httpx
import pytest

from services.outreach.console import Completion
from tests.integration.console import seed
from tests.integration.console.conftest import Desk

TASK = "/tasks/task-1/complete"
REPORT = {"outcome": "resolved", "sentiment": "positive", "note": " All good now. ", "author": "Maria"}


async def test_a_report_reaches_the_desk_and_leads_back_to_the_customer(
    browser: httpx.AsyncClient, desk: Desk
) -> None:
    answer = await browser.post(TASK, data=REPORT)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/customers/{seed.TENANT}/{seed.ANA}?flash=completed"
    assert desk.completed == [("task-1", Completion("resolved", "positive", "All good now.", "Maria"))]
    assert "Task completed" in (await browser.get(answer.headers["location"])).text


async def test_what_is_left_open_is_not_known(browser: httpx.AsyncClient, desk: Desk) -> None:
    await browser.post(TASK, data={"outcome": "no_answer", "sentiment": "", "note": "", "author": ""})
    assert desk.completed == [("task-1", Completion("no_answer", None, None, None))]


@pytest.mark.parametrize(
    ("report", "said"),
    [
        ({}, "Choose an outcome"),
        ({"outcome": "sold"}, "Choose an outcome"),
        ({"outcome": "reached", "sentiment": "angry"}, "how the customer felt"),
    ],
)
async def test_a_report_that_cannot_be_used_is_shown_again_with_what_to_correct(
    browser: httpx.AsyncClient, desk: Desk, report: dict[str, str], said: str
) -> None:
    answer = await browser.post(TASK, data=report)
    assert answer.status_code == 422
    assert said in answer.text
    assert desk.completed == []


async def test_a_refusal_of_the_desk_is_told(browser: httpx.AsyncClient, desk: Desk) -> None:
    desk.refusal = "Task task-1 was already completed as <declined>"
    answer = await browser.post(TASK, data=REPORT)
    assert answer.status_code == 409
    assert "already completed as &lt;declined&gt;" in answer.text


async def test_a_note_has_a_limit(browser: httpx.AsyncClient, desk: Desk) -> None:
    assert (await browser.post(TASK, data={**REPORT, "note": "x" * 4_001})).status_code == 422
    assert desk.completed == []


async def test_an_unknown_task_is_not_found(browser: httpx.AsyncClient) -> None:
    assert (await browser.post("/tasks/none/complete", data=REPORT)).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://console:81"},
        {"origin": "http://evil.example", "sec-fetch-site": "same-origin"},
    ],
)
async def test_another_site_cannot_complete_a_task(
    browser: httpx.AsyncClient, desk: Desk, headers: dict[str, str]
) -> None:
    assert (await browser.post(TASK, data=REPORT, headers=headers)).status_code == 403
    assert desk.completed == []


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "same-origin", "origin": "http://console"}, {}])
async def test_our_own_page_and_tools_can(
    browser: httpx.AsyncClient, desk: Desk, headers: dict[str, str]
) -> None:
    assert (await browser.post(TASK, data=REPORT, headers=headers)).status_code == 303
    assert len(desk.completed) == 1
