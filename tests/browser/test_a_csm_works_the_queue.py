"""From the queue to a completed task, by mouse, by keyboard, and without JavaScript."""

import pytest
from playwright.async_api import Browser, Page, expect

from services.outreach.console import Completion
from tests.browser.conftest import Shop
from tests.integration.console import seed

pytestmark = pytest.mark.browser


async def _open_ana(page: Page) -> None:
    await page.goto("/queue")
    await page.get_by_role("link", name="Ana Castellanos").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Ana Castellanos")


async def test_a_task_is_completed_by_mouse(page: Page, shop: Shop) -> None:
    await _open_ana(page)
    await page.get_by_text("Their problem is fully solved").click()
    await page.get_by_text("Positive").click()
    await page.get_by_label("Note").fill("Refund is through.")
    await page.get_by_label("Your name").fill("Maria Lopez")
    await page.get_by_role("button", name="Complete task").click()
    await expect(page.get_by_text("Task completed.")).to_be_visible()
    await expect(page.get_by_role("button", name="Complete task")).to_have_count(0)
    await expect(page.get_by_text("Refund is through.")).to_be_visible()
    assert shop.completed == [
        ("task-1", Completion("resolved", "positive", "Refund is through.", "Maria Lopez"))
    ]
    await page.goto("/queue")
    await expect(page.get_by_role("link", name="Ana Castellanos")).to_have_count(0)


async def test_a_task_is_completed_by_keyboard_alone(page: Page, shop: Shop) -> None:
    await page.goto("/queue")
    await page.keyboard.press("Tab")
    await expect(page.get_by_text("Skip to content")).to_be_focused()
    link = page.get_by_role("link", name="Ana Castellanos")
    for _ in range(20):
        await page.keyboard.press("Tab")
        if await link.evaluate("link => link === document.activeElement"):
            break
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Ana Castellanos")
    first = page.get_by_role("radio", name="Reached")
    for _ in range(20):
        await page.keyboard.press("Tab")
        if await first.evaluate("radio => radio === document.activeElement"):
            break
    await page.keyboard.press("Space")
    await page.keyboard.press("Tab")  # to the customer's feeling
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("Tab")
    await page.keyboard.type("Spoke at noon.")
    await page.keyboard.press("Tab")
    await page.keyboard.type("Tom")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Task completed.")).to_be_visible()
    assert shop.completed == [("task-1", Completion("reached", "positive", "Spoke at noon.", "Tom"))]


async def test_everything_works_without_javascript(chromium: Browser, address: str, shop: Shop) -> None:
    context = await chromium.new_context(base_url=address, java_script_enabled=False)
    page = await context.new_page()
    await _open_ana(page)
    await page.get_by_role("radio", name="No answer").check()
    await page.get_by_role("button", name="Complete task").click()
    await expect(page.get_by_text("Task completed.")).to_be_visible()
    assert shop.completed == [("task-1", Completion("no_answer", None, None, None))]
    await context.close()


async def test_a_report_without_an_outcome_is_not_sent(page: Page, shop: Shop) -> None:
    await _open_ana(page)
    await page.get_by_role("button", name="Complete task").click()
    await expect(page.get_by_role("radio", name="Reached")).to_be_focused()
    assert shop.completed == []


async def test_the_score_changes_while_one_looks_and_a_half_written_note_stays(
    page: Page, shop: Shop
) -> None:
    await _open_ana(page)
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    await page.get_by_label("Note").fill("Half a thought")
    await shop.score(seed.ANA, 43.6, "yellow")
    await expect(page.locator(".person .score")).to_contain_text("44 of 100")
    await expect(page.locator(".person .score")).to_contain_text("Yellow")
    await expect(page.get_by_label("Note")).to_have_value("Half a thought")


async def test_the_queue_follows_what_happens(page: Page, shop: Shop) -> None:
    await page.goto("/queue")
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    await shop.complete("task-1", Completion("reached", None, None, None))
    await expect(page.get_by_role("link", name="Ana Castellanos")).to_have_count(0)
    await expect(page.locator("[data-figure=open_tasks]")).to_have_text("3")


async def test_the_filters_and_the_search_are_used_from_the_page(page: Page) -> None:
    await page.goto("/queue")
    await page.get_by_label("Assignee").select_option("Retention pool")
    await page.get_by_role("button", name="Filter").click()
    await expect(page.locator(".row-link")).to_have_text(["noor@example.com"])
    await page.get_by_role("link", name="Customers", exact=True).click()
    await page.get_by_label("Name, e-mail or id").fill("brandt")
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name="Jonas Brandt").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Jonas Brandt")


async def test_an_alarm_is_judged_and_a_missed_one_is_named(page: Page, shop: Shop) -> None:
    await _open_ana(page)
    form = page.locator("form.verdict").first
    await form.get_by_label("If not, why").select_option("They came back by themselves")
    await form.get_by_label("Said by").fill("Maria")
    await form.get_by_role("button", name="This was wrong").click()
    await expect(page.get_by_text("Noted. Verdicts")).to_be_visible()
    ((task, judgement),) = shop.judged
    assert (task, judgement.verdict, judgement.reason, judgement.author) == (
        "task-1",
        "wrong",
        "came_back",
        "Maria",
    )
    await page.get_by_label("This should have fired").select_option("Champion change")
    await page.get_by_role("button", name="We missed this one").click()
    await expect(page.get_by_text("Noted as missed.")).to_be_visible()
    ((customer, miss),) = shop.missed_ones
    assert (customer, miss.rule, miss.author) == (seed.ANA, "champion-change", "Maria")


async def test_a_second_task_waits_folded_and_opens_by_keyboard(page: Page, shop: Shop) -> None:
    await shop.give("task-2", seed.ANA)
    await page.goto(f"/customers/{seed.TENANT}/{seed.ANA}")
    await expect(page.get_by_role("button", name="Complete task")).to_have_count(1)
    await page.locator("summary").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Complete task")).to_have_count(2)
