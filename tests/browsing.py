"""A real browser over the page, served with a real assistant; shared by the tests of the page."""

from __future__ import annotations

import base64
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from serving import served

from pfocr_chat import (
    Answer,
    Assistant,
    Conversation,
    Facet,
    FacetTable,
    FigureRecord,
    Filters,
    Hit,
    Stage,
    Status,
    Text,
)
from pfocr_chat.traces import Observer

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for name in NAMES if (path := shutil.which(name))), None)
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # nothing leaves this machine
]
in_browser = [
    pytest.mark.skipif(CHROMIUM is None, reason=f"none of {', '.join(NAMES)} is installed"),
    # Gradio's queue counts its events in ways that newer versions of pandas deprecate.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
"""What a module of such tests sets as its ``pytestmark``."""

expect.set_options(timeout=15_000)  # a busy machine is no failure

PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAGCAIAAABxZ0isAAAAEUlEQVR42mPoOPMOK2IYSAkAr2dsYVFcCJsAAAAASUVORK5CYII="
)
PICTURE_HOSTS = ("www.ncbi.nlm.nih.gov", "europepmc.org")

SEED = "PMC11989024__ijms-26-03143-g003"
DESCRIBE_SEED = f"What does {SEED} show?"

Visit = Callable[..., Page]


class Watched:
    """The real assistant, watched: it remembers what it was asked, and waits or fails when told to."""

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self.asked: list[tuple[str, Conversation | None]] = []
        self.filters: list[Filters | None] = []
        self.failure: Exception | None = None
        self.wait_after: type[Stage | Text] = Stage
        self.go_on = threading.Event()
        self.go_on.set()
        self.closed = threading.Event()

    def status(self) -> Status:
        return self._assistant.status()

    def observed_by(self, observer: Observer) -> AbstractContextManager[None]:
        return self._assistant.observed_by(observer)

    @property
    def is_ready(self) -> bool:
        return self._assistant.is_ready

    def record(self, figid: str) -> FigureRecord | None:
        return self._assistant.record(figid)

    def hits(self, answer: Answer) -> list[Hit]:
        if self.failure:
            raise self.failure
        return self._assistant.hits(answer)

    def count(self, facet: Facet, figids: Iterable[str] | None = None) -> FacetTable:
        return self._assistant.count(facet, figids)

    def stream(
        self, question: str, conversation: Conversation | None = None, *, filters: Filters | None = None
    ) -> Iterator[Stage | Text | Answer]:
        self.asked.append((question, conversation))
        self.filters.append(filters)
        try:
            for event in self._assistant.stream(question, conversation, filters=filters):
                yield event
                while isinstance(event, self.wait_after) and not self.go_on.wait(0.2):
                    yield Stage("Waiting")
                if self.failure:
                    raise self.failure
        finally:
            self.closed.set()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(seed_assistant: Assistant) -> Iterator[str]:
    with served(seed_assistant) as address:
        yield address


@pytest.fixture
def watched(seed_assistant: Assistant) -> Watched:
    return Watched(seed_assistant)


@pytest.fixture
def watched_address(watched: Watched) -> Iterator[str]:
    with served(watched) as address:
        yield address


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Opens the page as a new visitor; in the end, only pictures were asked of others and no script failed.

    ``pictures=False`` leaves the pictures as they are found, which here is not at all.
    """
    fetched: list[str] = []
    failed: list[str] = []
    with ExitStack() as visitors:

        def open_page(
            address: str, *, width: int = 1440, height: int = 900, dark: bool = False, pictures: bool = True
        ) -> Page:
            scheme = "dark" if dark else "light"
            context = visitors.enter_context(
                browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
            )
            context.set_default_timeout(15_000)
            if pictures:
                context.route("**/pictures/*", lambda route: route.fulfill(body=PICTURE, content_type="image/png"))
            page = context.new_page()
            page.on("request", lambda request: fetched.append(request.url))
            page.on("pageerror", lambda error: failed.append(str(error)))
            page.on("console", lambda line: failed.append(line.text) if is_failure(line) else None)
            page.goto(address)
            expect(page.locator("#pfc-box textarea")).to_be_editable()
            return page

        yield open_page
    assert fetched
    elsewhere = [url for url in fetched if urlsplit(url).hostname not in ("127.0.0.1", *PICTURE_HOSTS)]
    assert [url for url in elsewhere if not url.startswith(("data:", "blob:"))] == []
    assert failed == []


def is_failure(line: ConsoleMessage) -> bool:
    """Whether the console tells of an error; a picture that does not come is none."""
    return line.type == "error" and urlsplit(line.location["url"]).hostname not in PICTURE_HOSTS


def ask(page: Page, question: str) -> None:
    """Type a question and press Enter until it is taken; wait until the page is ready for the next."""
    box = page.locator("#pfc-box textarea")
    box.fill(question)
    deadline = time.monotonic() + 10
    while box.input_value() and time.monotonic() < deadline:
        box.press("Enter")  # does nothing in the moment in which the last answer's event ends
        page.wait_for_timeout(200)
    expect(box).to_have_value("")
    expect_ready(page)


def expect_ready(page: Page) -> None:
    expect(page.locator("#pfc-go")).to_be_visible()
    expect(page.locator("#pfc-box textarea")).to_be_editable()


def answers(page: Page) -> int:
    return page.locator("#pfc-chat .pfc-answer").count()
