"""Pictures of a running console: python -m tests.browser.take_screenshots BASE_URL OUT_DIR."""

import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.chromium import ARGUMENTS, EXECUTABLE

WIDTH, HEIGHT = 1280, 860
TALLEST = 1_900  # pixels: a customer's whole timeline is too long for a README


def take(browser: Browser, base_url: str, folder: Path) -> list[Path]:
    """The queue, a red customer with a task (else the first in the queue), an incident if there is one, and
    the playbooks.
    """
    context = browser.new_context(base_url=base_url, viewport={"width": WIDTH, "height": HEIGHT})
    page = context.new_page()
    page.goto("/queue")
    page.get_by_text("Live", exact=True).wait_for()
    taken = [_shot(page, folder / "queue.png")]
    if address := _someone(page):
        page.goto(address)
        page.get_by_text("Live", exact=True).wait_for()
        tall = min(page.evaluate("document.documentElement.scrollHeight"), TALLEST)
        page.set_viewport_size({"width": WIDTH, "height": tall})
        taken.append(_shot(page, folder / "customer.png"))
        page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    taken += _an_incident(page, folder)
    page.goto("/playbooks")
    page.get_by_text("Live", exact=True).wait_for()
    taken.append(_shot(page, folder / "playbooks.png"))
    context.close()
    return taken


def _someone(page: Page) -> str | None:
    """A red customer of the queue, else any red one with a task, else a red one, else the queue's first."""
    first = page.locator(".row-link").first
    fallback = first.get_attribute("href") if first.count() else None
    for path, mark in (
        ("/queue?severity=4", ".band-red"),
        ("/queue", ".band-red"),
        ("/customers?band=red", "text=open task"),
        ("/customers?band=red&stage=loyal", ".band-red"),
    ):
        page.goto(path)
        found = page.locator("tr", has=page.locator(mark)).locator(".row-link")
        if found.count():
            return found.first.get_attribute("href")
    return fallback


def _an_incident(page: Page, folder: Path) -> list[Path]:
    page.goto("/incidents")
    found = page.locator(".cause a, .row-link")
    if not found.count():
        return []
    page.goto(found.first.get_attribute("href") or "")
    page.get_by_text("Live", exact=True).wait_for()
    return [_shot(page, folder / "incident.png")]


def _shot(page: Page, path: Path) -> Path:
    page.screenshot(path=path)
    return path


def main(base_url: str, out: str) -> None:
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=list(ARGUMENTS))
        for path in take(browser, base_url, folder):
            print(path)  # noqa: T201 (a script says what it made)
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:3])
