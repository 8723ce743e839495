"""Visitors of a soak test: people at the page, as a browser asks for them, and programs at the API."""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
from dialogues import Expected, Script

DEADLINE = 60.0
"""Seconds within which whatever is asked has an answer or a refusal."""
PAGE = re.compile(r"https://pfocr\.wikipathways\.org/figures/([^\"#?]+?)\.html")
TAGS = re.compile(r"<[^>]+>")


class BusyError(Exception):
    """The server refused, and said that it is busy."""


@dataclass
class Tally:
    """What all visitors saw. ``seconds`` are of whole answers by kind, ``first`` of the first text on the page."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    first: list[float] = field(default_factory=list)
    refusals: list[float] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)

    def answered(self, kind: str, seconds: float) -> None:
        self.seconds.setdefault(kind, []).append(seconds)

    def check(self, visitor: int, expected: Expected, cited: Sequence[str], question: str, text: str) -> None:
        """Compare what came with what was to come; anything else is an error, and may be somebody else's answer."""
        if question != expected.question:
            self.wrong(visitor, f"asked “{expected.question}”, answered “{question[:80]}”")
        elif set(cited) != set(expected.cited):
            self.wrong(visitor, f"“{question}” cites {sorted(cited)}, not {sorted(expected.cited)}")
        elif not text.strip():
            self.wrong(visitor, f"“{question}” has no text")

    def wrong(self, visitor: int, what: str) -> None:
        self.counts["wrong answers"] += 1
        self.errors.append(f"visitor {visitor}: {what}")


@dataclass(frozen=True)
class Site:
    """The server's address, and what its page has to be sent."""

    address: str
    ask: int
    stop: int
    visit: int
    answered: int
    blank: tuple[Any, ...]
    """The values of the page's components as it was loaded; the second one is the question."""
    chat: int
    panel: int

    @classmethod
    def read(cls, address: str) -> Site:
        """From the page's own description of itself."""
        config = httpx.get(f"{address}/config", timeout=DEADLINE).json()
        parts = {part["id"]: part for part in config["components"]}
        events = {event["api_name"]: event for event in config["dependencies"]}
        ask = events["on_ask"]
        names = [parts[number]["props"].get("elem_id") for number in ask["outputs"]]
        blank = tuple(parts[number]["props"].get("value") for number in ask["inputs"])
        ids = [events[name]["id"] for name in ("on_ask", "on_stop", "on_visit", "on_answered")]
        return cls(address, *ids, blank, names.index("pfc-chat"), names.index("pfc-panel"))


@dataclass
class Visitor:
    """One person or program that comes until ``until``, each time with another conversation of ``scripts``."""

    number: int
    site: Site
    scripts: Sequence[Script]
    tally: Tally
    until: float
    think: float
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.number)  # noqa: S311 - no secret  # nosec B311

    async def run(self) -> None:
        """Visit until the time is over; whatever goes wrong is told, and the visits go on."""
        ways: list[tuple[Callable[[httpx.AsyncClient, Script], Coroutine[Any, Any, None]], int]] = [
            *((self._reads, 8), (self._calls, 4), (self._stops, 2), (self._leaves, 2)),
            *((self._reads_slowly, 1), (self._comes_back, 1), (self._hangs_up, 1)),
        ]
        visits, weights = zip(*ways, strict=True)
        await asyncio.sleep(self.chance.uniform(0, min(2 * self.think, 5.0)))
        while time.monotonic() < self.until:
            (visit,) = self.chance.choices(visits, weights)
            script = self.chance.choice(self.scripts)
            name = visit.__name__.strip("_").replace("_", " ")
            limits = httpx.Limits(max_connections=None)
            async with httpx.AsyncClient(base_url=self.site.address, timeout=DEADLINE, limits=limits) as http:
                try:
                    async with asyncio.timeout(DEADLINE * len(script)):
                        await visit(http, script)
                    self.tally.counts[f"visits: {name}"] += 1
                except BusyError:
                    await asyncio.sleep(self.chance.uniform(1, 3))
                except TimeoutError:
                    self.tally.errors.append(f"visitor {self.number} {name}: no end after {DEADLINE:.0f} s a question")
                except (httpx.HTTPError, KeyError, ValueError, TypeError) as exc:
                    self.tally.errors.append(f"visitor {self.number} {name}: {type(exc).__name__}: {exc}"[:300])

    # At the page

    async def _reads(self, http: httpx.AsyncClient, script: Script) -> None:
        """Ask each question of a conversation, and read the answer."""
        async with _Tab(self, http) as tab:
            for expected in script:
                await tab.asks(expected)
                await self._thinks()

    async def _stops(self, http: httpx.AsyncClient, script: Script) -> None:
        """Stop the first answer, then ask the same again."""
        async with _Tab(self, http) as tab:
            await tab.stops(script[0])
            await tab.asks(script[0])
            await self._thinks()

    async def _leaves(self, http: httpx.AsyncClient, script: Script) -> None:
        """Close the tab in the middle of an answer, at any point."""
        async with _Tab(self, http) as tab:
            await tab.breaks_off(script[0], after=self.chance.randrange(0, 5))
        self.tally.counts["abandoned"] += 1

    async def _reads_slowly(self, http: httpx.AsyncClient, script: Script) -> None:
        """Take long over every piece of an answer."""
        async with _Tab(self, http) as tab:
            await tab.asks(script[0], pause=self.chance.uniform(0.2, 1.5))

    async def _comes_back(self, http: httpx.AsyncClient, script: Script) -> None:
        """Lose the connection in the middle of an answer, and ask again in the same tab."""
        async with _Tab(self, http) as tab:
            await tab.breaks_off(script[0], after=2)
            await asyncio.sleep(3)  # until then the page takes no other question: an answer is being written
            await tab.asks(script[0], may_have_turns=True)

    # At the API

    async def _calls(self, http: httpx.AsyncClient, script: Script) -> None:
        """Ask the first question, which stands alone there."""
        expected, started = script[0], time.monotonic()
        response = await http.post("/gradio_api/run/ask", json={"data": [expected.question]})
        self._refused(response, started)
        answer = response.json()["data"][0]
        self.tally.answered("api", time.monotonic() - started)
        cited = [citation["figid"] for citation in answer["citations"]]
        self.tally.check(self.number, expected, cited, answer["question"], answer["text"])
        if answer["figures"] != len(expected.figids):
            self.tally.wrong(self.number, f"“{expected.question}” has {answer['figures']} figures")
        self._note(answer["notes"])
        await self._thinks()

    async def _hangs_up(self, http: httpx.AsyncClient, script: Script) -> None:
        """Close the connection before the answer can have come."""
        try:
            async with asyncio.timeout(0.05):
                await http.post("/gradio_api/run/ask", json={"data": [script[0].question]})
        except TimeoutError:
            self.tally.counts["hung up"] += 1

    async def _thinks(self) -> None:
        await asyncio.sleep(self.chance.expovariate(1 / self.think) if self.think else 0)

    def _refused(self, response: httpx.Response, started: float) -> None:
        """Raise ``BusyError`` where the server says so, and an HTTP error for any other refusal."""
        if response.status_code == 503:
            sentence = response.json().get("detail") or ""
            if not re.search(r"\b(?:busy|full)\b", sentence):
                raise ValueError(f"a 503 that says {sentence!r}")
            self.tally.refusals.append(time.monotonic() - started)
            self.tally.counts[f"refused: {re.sub(r'[0-9]+', 'N', sentence)}"] += 1
            raise BusyError
        response.raise_for_status()

    def _note(self, notes: Sequence[str]) -> None:
        if any("language model is busy" in note for note in notes):
            self.tally.counts["quoted, the language model being busy"] += 1
        elif any("language model failed" in note for note in notes):
            self.tally.counts["quoted, the language model having failed"] += 1


class _Tab:
    """A tab of a browser with the page: a session, its heartbeat, and one question at a time."""

    def __init__(self, visitor: Visitor, http: httpx.AsyncClient) -> None:
        self._visitor = visitor
        self._site = visitor.site
        self._http = http
        self._session = uuid4().hex[:11]
        self._turns = 0
        self._heart: asyncio.Task[None] | None = None

    async def __aenter__(self) -> _Tab:
        await self._at_once(self._site.visit, [])
        self._heart = asyncio.create_task(self._beat())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._heart:
            self._heart.cancel()
            await asyncio.wait([self._heart])

    async def asks(self, expected: Expected, *, pause: float = 0.0, may_have_turns: bool = False) -> None:
        """Ask, read the answer with a ``pause`` before each piece, and check it."""
        started, first, data = time.monotonic(), 0.0, None
        async for message in self._messages(expected.question, started):
            await asyncio.sleep(pause)
            if message["msg"] == "process_generating" and not first and "pfc-stage" not in json.dumps(message):
                first = time.monotonic() - started
            if message["msg"] == "process_completed":
                data = message["output"]["data"] if message["success"] else None
        if data is None:
            raise ValueError("the answer was not completed")
        if not pause:
            self._visitor.tally.answered("page", time.monotonic() - started)
            self._visitor.tally.first.append(first)
        self._check(data, expected, may_have_turns=may_have_turns)
        await self._at_once(self._site.answered, self._values("")[:1] + self._values("")[2:])

    async def stops(self, expected: Expected) -> None:
        """Ask, stop the answer when it begins, and wait for its end."""
        started = time.monotonic()
        async for message in self._messages(expected.question, started):
            if message["msg"] == "process_generating":
                await self._at_once(self._site.stop, [None])
        self._turns += 1
        self._visitor.tally.counts["stopped"] += 1

    async def breaks_off(self, expected: Expected, *, after: int) -> None:
        """Ask, and close the connection after so many messages."""
        count = 0
        async for _ in self._messages(expected.question, time.monotonic()):
            count += 1
            if count > after:
                break

    def _check(self, data: list[Any], expected: Expected, *, may_have_turns: bool) -> None:
        tally, number = self._visitor.tally, self._visitor.number
        messages = data[self._site.chat]
        said = [message["content"][0]["text"] for message in messages]
        self._turns = len(messages) // 2 if may_have_turns else self._turns + 1
        if len(messages) != 2 * self._turns:
            tally.wrong(number, f"the chat has {len(messages)} messages after {self._turns} questions")
            return
        cards = str(data[self._site.panel]).partition(f'id="cards-{self._turns}"')[2]
        cited = dict.fromkeys(PAGE.findall(cards))
        asked = _text(re.findall(r'class="pfc-question">(.*?)<', said[-2])[0])
        tally.check(number, expected, tuple(cited), asked, TAGS.sub("", said[-1]))
        self._visitor._note([said[-1]])

    async def _messages(self, question: str, started: float) -> AsyncIterator[dict[str, Any]]:
        body = {"data": self._values(question), "fn_index": self._site.ask, "session_hash": self._session}
        response = await self._http.post("/gradio_api/queue/join", json=body)
        self._visitor._refused(response, started)
        event = response.json()["event_id"]
        query = {"session_hash": self._session}
        async with self._http.stream("GET", "/gradio_api/queue/data", params=query) as stream:
            async for line in stream.aiter_lines():
                if line.startswith("data:"):
                    message = json.loads(line[5:])
                    if message.get("event_id") in (event, None):
                        yield message
                        if message["msg"] in ("process_completed", "close_stream", "unexpected_error"):
                            return  # as a browser does, where nothing else is being answered

    def _values(self, question: str) -> list[Any]:
        values = list(self._site.blank)
        values[1] = question
        return values

    async def _at_once(self, event: int, values: list[Any]) -> None:
        body = {"data": values, "fn_index": event, "session_hash": self._session}
        response = await self._http.post("/gradio_api/run/predict", json=body)
        self._visitor._refused(response, time.monotonic())

    async def _beat(self) -> None:
        async with self._http.stream("GET", f"/gradio_api/heartbeat/{self._session}", timeout=None) as stream:
            async for _ in stream.aiter_bytes():
                pass


def _text(html: str) -> str:
    return (
        html.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", '"')
        .replace("&#x27;", "'")
        .replace("&amp;", "&")
    )
