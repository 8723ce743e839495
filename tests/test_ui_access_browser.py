"""The page for everybody: checked with axe-core, by keyboard, and with every picture and network away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from browsing import DESCRIBE_SEED, Visit, address, ask, browser, expect_ready, in_browser, visit
from playwright.sync_api import Page, expect

axe = pytest.importorskip("axe_playwright_python", reason="axe-core comes with axe-playwright-python")
pytestmark = in_browser

AXE = Path(axe.__file__).parent / "axe.min.js"
SERIOUS = ("serious", "critical")
BY_YEAR = "How many figures are there by year?"


def violations(page: Page) -> list[str]:
    """What axe-core calls serious or critical: the rule, how often, and the first element."""
    page.evaluate(AXE.read_text("utf-8"))  # axe defines itself; the page's policy would refuse a script from elsewhere
    found: list[dict[str, Any]] = page.evaluate(
        "axe.run(document, {resultTypes: ['violations']}).then((r) => r.violations)"
    )
    return [
        f"{rule['id']} ({len(rule['nodes'])}): {rule['nodes'][0]['html'][:200]} {rule['nodes'][0]['any'][:1]}"
        for rule in found
        if rule["impact"] in SERIOUS
    ]


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (1440, True), (390, False)], ids=["light", "dark", "phone"])
def test_axe_finds_nothing_serious(address: str, visit: Visit, width: int, dark: bool) -> None:
    """Before the first question, with cards, an abstention, a list with bars, filters and comments open: nothing."""
    page = visit(address, width=width, height=900, dark=dark)
    page.emulate_media(reduced_motion="reduce")
    assert violations(page) == []
    ask(page, BY_YEAR)
    page.locator("#pfc-filters button").first.click()
    page.get_by_role("button", name="Missed figure").click()
    expect(page.locator("#pfc-comment textarea")).to_be_visible()
    page.locator(".pfc-history summary").click()
    assert violations(page) == []
    page.keyboard.press("Escape")
    ask(page, "Which figures show PMC1__no-such-figure?")
    ask(page, DESCRIBE_SEED)
    page.locator("#ref-3-1").click()
    assert violations(page) == []


def test_the_page_is_used_by_keyboard(address: str, visit: Visit) -> None:
    """From the box, Tab leads on to Ask; a question, its key, its card and a gene's action need no mouse."""
    page = visit(address)
    box = page.locator("#pfc-box textarea")
    expect(box).to_be_focused()
    page.keyboard.type(DESCRIBE_SEED)
    page.keyboard.press("Tab")
    expect(page.locator("#pfc-go")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".pfc-card")).to_have_count(1)
    expect_ready(page)
    page.locator("#ref-1-1").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#fig-1-1 summary").first).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#fig-1-1 .pfc-picture")).to_be_focused()
    outline = page.locator("#fig-1-1 .pfc-picture").evaluate("e => getComputedStyle(e).outlineStyle")
    assert outline != "none"


def test_every_control_has_a_name(address: str, visit: Visit) -> None:
    """Nothing that can be clicked or typed into is without a name for a screen reader."""
    page = visit(address)
    ask(page, BY_YEAR)
    assert page.evaluate(NAMELESS) == []


NAMELESS = """() => [...document.querySelectorAll("a[href], button, input, select, textarea, summary")]
    .filter((e) => e.checkVisibility())
    .filter((e) => !(e.innerText || e.ariaLabel || e.title || e.labels?.length || e.hasAttribute("aria-labelledby")))
    .map((e) => e.outerHTML.slice(0, 200))"""


def test_the_page_works_without_any_network(address: str, visit: Visit) -> None:
    """With nothing but this server, a question is answered, cited and listed; pictures give way to a sentence."""
    page = visit(address, pictures=False)
    ask(page, BY_YEAR)
    expect(page.locator(".pfc-bars")).to_be_visible()
    ask(page, DESCRIBE_SEED)
    expect(page.locator("#fig-2-1 .pfc-no-picture")).to_be_visible()
    expect(page.locator("#fig-2-1 blockquote")).to_be_visible()
