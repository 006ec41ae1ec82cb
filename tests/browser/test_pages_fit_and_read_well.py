"""What only a browser can tell: overflow, contrast, labels as assistive tools see them."""

from typing import Any

import pytest
from playwright.async_api import Browser, Page

from tests.integration.console import incident_seed, seed

pytestmark = pytest.mark.browser

PAGES = (
    *("/queue", "/customers", "/playbooks", f"/customers/{seed.TENANT}/{seed.ANA}"),
    *("/incidents", f"/incidents/{incident_seed.OPEN}", f"/incidents/{incident_seed.DONE}"),
)

# WCAG 2.2 1.4.3: text against the first opaque background behind it. 4.5 to 1, or 3 to 1 for large text.
_CONTRAST = """
() => {
  const channels = (colour) => {
    const found = (colour.match(/[\\d.]+/g) || []).map(Number);
    // color-mix() computes to color(srgb r g b) with channels from 0 to 1.
    return colour.startsWith("color(srgb") ? found.map((one, at) => (at < 3 ? one * 255 : one)) : found;
  };
  const linear = (one) => (one / 255 <= 0.03928 ? one / 255 / 12.92 : ((one / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const found = channels(getComputedStyle(at).backgroundColor);
      if (found.length === 3 || found[3] >= 0.99) return found;
    }
    return [255, 255, 255];
  };
  const own = (element) => [...element.childNodes].map((one) => (one.nodeType === 3 ? one.data.trim() : ""));
  const poor = [];
  for (const element of document.querySelectorAll("main *, header *")) {
    const text = own(element).join("");
    if (!text || element.closest("svg, option") || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const [front, back] = [light(channels(style.color)), light(behind(element))];
    const ratio = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) poor.push(`${text.slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return poor;
}
"""


async def _visit(chromium: Browser, address: str, path: str, **options: Any) -> Page:
    context = await chromium.new_context(base_url=address, **options)
    page = await context.new_page()
    await page.goto(path)
    return page


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_text_can_be_read(chromium: Browser, address: str, path: str, scheme: str) -> None:
    page = await _visit(chromium, address, path, color_scheme=scheme)
    assert await page.evaluate(_CONTRAST) == []
    await page.context.close()


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("width", [360, 768, 1280])
async def test_a_page_never_scrolls_sideways(chromium: Browser, address: str, path: str, width: int) -> None:
    page = await _visit(chromium, address, path, viewport={"width": width, "height": 800})
    beyond = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert beyond <= 0
    await page.context.close()


@pytest.mark.parametrize("path", PAGES)
async def test_assistive_tools_find_landmarks_and_named_controls(page: Page, path: str) -> None:
    await page.goto(path)
    assert await page.get_by_role("main").count() == 1
    assert await page.get_by_role("banner").count() == 1
    assert await page.get_by_role("heading", level=1).count() == 1
    unnamed = await page.evaluate(
        "() => [...document.querySelectorAll('a, button, input:not([type=hidden]), select, textarea')]"
        ".filter(one => !(one.innerText || one.ariaLabel || one.labels?.length)).map(one => one.outerHTML)"
    )
    assert unnamed == []


async def test_a_hostile_name_is_only_text(page: Page) -> None:
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    await page.goto(f"/customers/{seed.TENANT}/{seed.HOSTILE}")
    assert await page.get_by_role("heading", level=1).inner_text() == "<script>alert(1)</script>"
    assert dialogs == []


async def test_the_content_policy_stops_what_is_not_ours(chromium: Browser, address: str) -> None:
    page = await _visit(chromium, address, "/queue")
    ran = await page.evaluate(
        "() => { const bad = document.createElement('script'); bad.textContent = 'window.ran = true';"
        " document.body.append(bad); return window.ran === true; }"
    )
    assert ran is False
    await page.context.close()
