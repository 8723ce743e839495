"""Hostile texts in a real browser: nothing runs, nothing becomes part of the page, and nothing is fetched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from browsing import Visit, address, ask, browser, expect_ready, in_browser, served, visit
from injecting import ObeyingChat
from payloads import COMMON, MARKUP, figid_of, write_payload_records
from playwright.sync_api import Page, expect
from test_security_markup import fragments

from pfocr_chat import Assistant
from pfocr_chat.embedder import Embedder
from pfocr_chat.indexing import build_index
from pfocr_chat.llm import Llm
from pfocr_chat.serving import Serving, open_generation

pytestmark = in_browser
PATIENCE_MS = 30_000
"""For an answer, where the machine has other things to do."""

PAYLOADS = list(MARKUP.values())
WORST = [
    MARKUP[name]
    for name in ("script", "image that fails", "drawing", "frame of its own text", "double quotes", "Markdown picture")
]
WATCH = """
() => {
  window.blocked = [];
  document.addEventListener("securitypolicyviolation", (event) => {
    window.blocked.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
  });
  for (const name of ["alert", "prompt", "confirm"]) window[name] = () => { window.pwned = name; };
}
"""
FOUND = """
() => ({
  ran: window.pwned === undefined ? null : String(window.pwned),
  blocked: window.blocked,
  elements: [...document.querySelectorAll("body .pwned, .pwned[onerror], x-pwned, object, embed, iframe, base[class]")]
    .map((element) => element.outerHTML.slice(0, 200)),
  handlers: [...document.querySelectorAll("body *")].flatMap((element) => [...element.attributes])
    .filter((attribute) => /^on/i.test(attribute.name)).map((attribute) => attribute.name + "=" + attribute.value),
  links: [...document.querySelectorAll("a[href], img[src], form[action], use[href]")]
    .map((element) => String(element.href || element.src || element.action))
    .filter((link) => !/^(https?|blob):/.test(link) || /evil/.test(new URL(link).hostname)),
})
"""
CLEAN = {"ran": None, "blocked": [], "elements": [], "handlers": [], "links": []}


@pytest.fixture(scope="module")
def hostile(embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a page over records, and with a language model, that hold nothing but payloads."""
    folder = tmp_path_factory.mktemp("hostile")
    write_payload_records(folder / "corpus", PAYLOADS)
    store: Path = folder / "vectorstore"
    report = build_index(folder / "corpus", store, embedder)
    assert report.problems == ()
    chat = ObeyingChat(sentences=tuple(f"{COMMON} drives necroptosis of cells {payload} [1]." for payload in PAYLOADS))
    llm = Llm(name=WORST[1], setting=WORST[0], chat=chat)
    with Assistant(Serving(store, lambda: open_generation(store, embedder, llm)), llm) as assistant:
        assert assistant.status().figures == len(PAYLOADS)
        with served(assistant) as at:
            yield at


def assert_clean(page: Page) -> None:
    """Nothing of a payload ran, was stopped from running, became an element, a handler or a link."""
    expect(page.locator("#pfc-go")).to_be_visible(timeout=PATIENCE_MS)
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    page.wait_for_timeout(50)
    assert page.evaluate(FOUND) == CLEAN


def ask_patiently(page: Page, question: str) -> None:
    """As ``ask``, with more patience for the answer."""
    expect.set_options(timeout=PATIENCE_MS)
    try:
        ask(page, question)
    finally:
        expect.set_options(timeout=5_000)


def opened(visit: Visit, at: str, path: str = "/") -> Page:
    page = visit(f"{at}{path}")
    page.evaluate(WATCH)
    return page


def test_a_payload_that_came_through_would_be_seen(hostile: str, visit: Visit) -> None:
    """What these tests look for is found where a payload is put into a page unescaped."""
    page = visit(hostile)
    frame = page.context.new_page()
    frame.set_content("<body><div id=here></div></body>")
    frame.evaluate(WATCH)
    frame.evaluate("(html) => { document.getElementById('here').innerHTML = html; }", MARKUP["image that fails"])
    frame.wait_for_function("window.pwned === 1")
    assert frame.evaluate(FOUND)["elements"]
    frame.close()


def test_what_the_server_makes_is_harmless_in_a_browser(hostile: str, visit: Visit) -> None:
    """Every piece of HTML made of every payload, put into the page under its policy: nothing runs or is stopped."""
    page = opened(visit, hostile)
    page.evaluate("document.body.append(Object.assign(document.createElement('div'), {id: 'here'}))")
    page.route("**/pictures/*", lambda route: route.abort())
    for name, payload in MARKUP.items():
        html = "\n".join(html.replace("<img ", '<img loading="lazy" hidden ') for html in fragments(payload))
        page.evaluate(
            """(html) => {
              const here = document.getElementById("here");
              here.innerHTML = html.replaceAll(/ src="(pictures|https:..europepmc)[^"]*"/g, "");
              for (const element of here.querySelectorAll("*")) {
                for (const kind of ["mouseover", "focus", "toggle"]) element.dispatchEvent(new Event(kind));
              }
            }""",
            html,
        )
        page.wait_for_timeout(10)
        assert page.evaluate(FOUND) == CLEAN, name


def test_hostile_records_are_listed_and_cited(hostile: str, visit: Visit) -> None:
    """Lists, counts, cards, genes to filter by, downloads and a reload show records that are payloads, and no more."""
    page = opened(visit, hostile)
    ask_patiently(page, f"Which figures show {COMMON}?")
    expect(page.locator(".pfc-results")).to_contain_text("necroptosis")
    assert_clean(page)
    while page.locator("a.pfc-page", has_text="Next").count():
        before = page.locator(".pfc-results").get_attribute("id")
        page.locator("a.pfc-page", has_text="Next").first.click()
        expect(page.locator(f"#{before}")).to_have_count(0)
        assert_clean(page)
    ask_patiently(page, "How many figures by journal?")
    assert_clean(page)
    named = ", ".join(figid_of(PAYLOADS.index(payload)) for payload in WORST)
    ask_patiently(page, f"What do {named} show?")
    assert_clean(page)
    ask_patiently(page, f"How does {COMMON} drive necroptosis of cells?")
    assert_clean(page)
    gene = page.locator("details.pfc-gene:visible").filter(has_not=page.get_by_text(COMMON, exact=True)).first
    page.evaluate("document.querySelectorAll('details.pfc-gene').forEach((each) => { each.open = false; })")
    gene.locator("summary").click()
    gene.locator("button", has_text="Only figures with it").click()
    expect(page.locator("#pfc-standing")).to_contain_text("only figures")
    assert_clean(page)
    page.reload()
    page.evaluate(WATCH)
    expect(page.locator("#pfc-chat .pfc-question").first).to_be_visible()
    assert_clean(page)


def test_a_hostile_visitor_harms_nobody(hostile: str, visit: Visit) -> None:
    """Questions, those in addresses, comments and what a browser has kept are text, for whoever is sent them."""
    page = opened(visit, hostile)
    for payload in WORST[:3]:
        ask_patiently(page, payload)
        expect(page.locator(".pfc-question").last).to_have_text(" ".join(payload.split()))
        assert_clean(page)
    page.locator("button.pfc-act", has_text="Wrong citation").last.click()
    page.locator("#pfc-comment textarea").fill(WORST[0])
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#pfc-comment")).to_have_count(0)
    assert_clean(page)
    entry = {"question": WORST[0], "text": WORST[1], "generation": WORST[2], "sources": [], "said": WORST[3], "at": "x"}
    page.evaluate("(entry) => localStorage.setItem('pfocr-chat-history', JSON.stringify([entry]))", entry)
    page.evaluate("(talk) => sessionStorage.setItem('pfocr-chat-conversation', talk)", json.dumps([entry]))
    page.reload()
    page.evaluate(WATCH)
    page.locator(".pfc-history summary").click()
    expect(page.locator(".pfc-recall")).to_contain_text(WORST[0])
    assert_clean(page)


@pytest.mark.parametrize("payload", [WORST[1], MARKUP["link"]])
def test_a_hostile_address_is_a_question(payload: str, hostile: str, visit: Visit) -> None:
    """A link to the page with a payload for a question, a condition and a generation asks it, and does no more."""
    text = quote(payload, safe="")
    page = opened(visit, hostile, f"/?q={text}&journals={text}&genes_all={text}&g={text}&__theme={text}")
    expect(page.locator("#pfc-chat [role=log]")).to_contain_text("class=pwned", timeout=30_000)
    expect_ready(page)
    assert_clean(page)
