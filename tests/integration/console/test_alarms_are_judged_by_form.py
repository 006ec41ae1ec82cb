"""What a person says of an alarm: it was right, it was wrong, it did not come."""

import httpx
import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from services.outreach import models
from services.outreach.console import Judgement, Miss
from tests.integration.console import seed
from tests.integration.console.conftest import Ear
from tests.integration.console.page import read

PAGE = f"/customers/{seed.TENANT}/{seed.ANA}"
TASK = "/tasks/task-1/feedback"
MISSED = f"{PAGE}/missed"
WRONG = {"verdict": "wrong", "reason": "came_back", "author": " Maria ", "form": "f1"}


async def test_a_verdict_reaches_the_desk_and_leads_back_to_the_customer(
    browser: httpx.AsyncClient, ear: Ear
) -> None:
    answer = await browser.post(TASK, data=WRONG)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}?flash=judged")
    assert ear.judged == [("task-1", Judgement("wrong", "came_back", "Maria", "f1"))]
    assert "Noted." in (await browser.get(answer.headers["location"])).text


async def test_a_right_alarm_has_no_reason_for_being_wrong(browser: httpx.AsyncClient, ear: Ear) -> None:
    await browser.post(TASK, data={**WRONG, "verdict": "right", "author": ""})
    assert ear.judged == [("task-1", Judgement("right", None, None, "f1"))]


async def test_a_miss_names_the_rule(browser: httpx.AsyncClient, ear: Ear) -> None:
    answer = await browser.post(MISSED, data={"rule": "champion-change", "author": "Tom", "form": "f2"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{PAGE}?flash=missed")
    assert ear.missed_ones == [(seed.TENANT, seed.ANA, Miss("champion-change", "Tom", "f2"))]


@pytest.mark.parametrize(
    ("address", "form", "said"),
    [
        (TASK, {}, "right or wrong"),
        (TASK, {"verdict": "missed"}, "right or wrong"),
        (TASK, {**WRONG, "reason": "bored"}, "why the alarm was wrong"),
        (MISSED, {"rule": ""}, "Choose the rule"),
        (MISSED, {"rule": "champion-chang"}, "Choose the rule"),
    ],
)
async def test_what_cannot_be_used_is_shown_again_with_what_to_correct(
    browser: httpx.AsyncClient, ear: Ear, address: str, form: dict[str, str], said: str
) -> None:
    answer = await browser.post(address, data=form)
    assert answer.status_code == 422
    assert said in answer.text
    assert (ear.judged, ear.missed_ones) == ([], [])


@pytest.mark.parametrize(("address", "form"), [(TASK, WRONG), (MISSED, {"rule": "champion-change"})])
async def test_a_refusal_is_told(
    browser: httpx.AsyncClient, ear: Ear, address: str, form: dict[str, str]
) -> None:
    ear.refusal = "There is no such <thing>"
    answer = await browser.post(address, data=form)
    assert answer.status_code == 409
    assert "no such &lt;thing&gt;" in answer.text


async def test_nobody_unknown_is_judged(browser: httpx.AsyncClient) -> None:
    assert (await browser.post("/tasks/none/feedback", data=WRONG)).status_code == 404
    unknown = await browser.post("/customers/demo/nobody/missed", data={"rule": "champion-change"})
    assert unknown.status_code == 404


@pytest.mark.parametrize("address", [TASK, MISSED])
async def test_another_site_cannot_judge(browser: httpx.AsyncClient, ear: Ear, address: str) -> None:
    headers = {"sec-fetch-site": "cross-site"}
    assert (await browser.post(address, data=WRONG, headers=headers)).status_code == 403
    assert (ear.judged, ear.missed_ones) == ([], [])


async def test_the_rules_that_have_fired_are_offered(browser: httpx.AsyncClient) -> None:
    page = read((await browser.get(PAGE)).text)
    (choice,) = [one for one in page.elements if one.attributes.get("name") == "rule"]
    assert "Champion change" in choice.raw
    assert "Order frequency drop" in choice.raw


async def test_the_last_word_on_an_alarm_is_shown(browser: httpx.AsyncClient, engine: AsyncEngine) -> None:
    told = [("right", 3), ("wrong", 1)]
    rows = [
        {
            "tenant": seed.TENANT,
            "customer_id": seed.ANA,
            "at": seed.NOW - seed._DAY * days,
            "ref": f"verdict-{days}",
            "type": "outreach.feedback",
            "summary": "Marked",
            "data": {"trigger_id": "t-1", "verdict": verdict},
        }
        for verdict, days in told
    ]
    async with engine.begin() as connection:
        await connection.execute(insert(models.TimelineEntry), rows)
    page = (await browser.get(PAGE)).text
    assert "Alarm said to be wrong" in page
    assert "Alarm said to be right" not in page
