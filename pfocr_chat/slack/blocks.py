"""Answers as messages of Slack's Block Kit, within its limits; pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pfocr_chat.answers import Answer, Citation
from pfocr_chat.plaintext import shortened
from pfocr_chat.queries import Hit, Intent
from pfocr_chat.slack.mrkdwn import (
    SECTION_LIMIT,
    Piece,
    escape,
    line,
    link,
    literal,
    pack,
    to_pieces,
)

BLOCK_LIMIT = 50
TEXT_LIMIT = 11_000
"""Characters of the answer's own text in one message, which Slack still shows without trouble."""
IMAGES = 3
CITED = 25
"""Figures of an answer that are named one by one."""
PAGE = 10
"""Figures in a message of more figures."""
FALLBACK = 300
"""Characters of what a notification shows."""
ALT_LIMIT = 1_000
BUTTON_LIMIT = 74

Block = dict[str, Any]


class Action(StrEnum):
    """What buttons of an answer ask for: the start of their ``action_id``."""

    MORE = "pfocr_more"
    CSV = "pfocr_csv"
    SHARE = "pfocr_share"
    FOLLOW = "pfocr_follow"
    FEEDBACK = "pfocr_feedback"


FEEDBACK_LABELS = {"useful": "Useful", "wrong citation": "Wrong citation", "missed figure": "Missed figure"}
"""What the buttons say, by the kind of feedback."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message: ``text`` is what notifications and screen readers get of it."""

    text: str
    blocks: tuple[Block, ...] = ()

    @property
    def has_images(self) -> bool:
        """Whether it shows an image."""
        return any(block["type"] == "image" for block in self.blocks)

    def to_dict(self) -> dict[str, Any]:
        """The arguments of Slack's methods."""
        return {"text": self.text, **({"blocks": list(self.blocks)} if self.blocks else {})}


@dataclass(frozen=True, slots=True)
class Shown:
    """How an answer is to be shown.

    ``token`` is what its buttons carry. ``asked`` is the question where nobody can see it otherwise, ``cut_to`` the
    characters that were read of it where it was longer. A ``private`` answer can be shared. Of a
    ``streamed`` answer the text is on the screen already. ``suggestions`` are questions that go on from it.
    """

    token: str
    asked: str = ""
    cut_to: int = 0
    private: bool = False
    streamed: bool = False
    images: bool = True
    suggestions: tuple[str, ...] = ()


def render_answer(answer: Answer, shown: Shown) -> Message:
    """An answer or abstention: text with its keys as links, the figures cited, images, notes and buttons."""
    urls = {citation.key: citation.url for citation in answer.citations}
    blocks = [_context(f"Question: {line(shown.asked, 600)}")] if shown.asked else []
    if not shown.streamed:
        blocks += _text(answer, urls)
    if answer.near_misses:
        named = "\n".join(f"• {link(near.title or near.figid, near.url)}" for near in answer.near_misses[:PAGE])
        blocks += [_section(text) for text in pack([Piece(f"*Nearest figures*\n{named}")])]
    blocks += _cited(answer)
    if shown.images:
        blocks += _images(answer)
    blocks += _notes(answer, shown)
    blocks += _buttons(answer, shown)
    return Message(_fallback(answer), tuple(blocks[:BLOCK_LIMIT]))


def render_figures(hits: Sequence[Hit], start: int, total: int, token: str, *, question: str) -> Message:
    """Figures of an answer from the one at ``start`` (from 0) on, at most a page, and a button for the next ones."""
    page = hits[:PAGE]
    head = f"*Figures {start + 1:,} to {start + len(page):,} of {total:,}* for “{line(question, 200)}”"
    lines = [_figure_line(number, hit) for number, hit in enumerate(page, start=start + 1)]
    blocks = [_section(text) for text in pack([Piece(head), *(Piece(text) for text in lines)])]
    following = start + len(page)
    buttons = [_button("Export CSV", Action.CSV, token)]
    if following < total:
        buttons.insert(0, _button("More figures", Action.MORE, f"{token}:{following}"))
    return Message(
        f"Figures {start + 1:,} to {following:,} of {total:,}", (*blocks, {"type": "actions", "elements": buttons})
    )


def render_sentence(sentence: str, *, asked: str = "", is_problem: bool = False) -> Message:
    """One sentence of the bot's: why there is no answer, or what it does."""
    mark = ":warning: " if is_problem else ""
    blocks = [_context(f"Question: {line(asked, 600)}")] if asked else []
    blocks += [_section(text) for text in pack([Piece(mark + literal(sentence))])]
    return Message(shortened(escape(sentence), FALLBACK), tuple(blocks))


def render_progress(stage: str) -> Message:
    """What is being done about a question."""
    words = f"{stage.rstrip(' .…')}…"
    return Message(escape(words), (_context(f":hourglass_flowing_sand: {literal(words)}"),))


def suggestions(answer: Answer) -> tuple[str, ...]:
    """Questions that go on from an answer, at most three, each for a button."""
    query = answer.query
    if answer.abstained or query is None or query.intent is Intent.CHAT or not answer.figids:
        return ()
    found = []
    figids = set(answer.figids)
    years = sorted(hit.record.year for hit in answer.hits if hit.record.year and hit.figid in figids)
    middle = years[len(years) // 2] if years else None
    if middle and years[0] < middle and not query.filters.year_from:
        found.append(f"only those since {middle}")
    if query.intent.is_list and answer.table is None and len(answer.figids) > PAGE:
        found.append("how many by year?")
    if answer.citations and query.intent is not Intent.LOOKUP:
        found.append("which genes are in the first one?")
    if query.intent is Intent.LOOKUP and len(answer.figids) == 1:
        found.append(f"figures like {answer.figids[0]}")
    return tuple(found[:3])


def _text(answer: Answer, urls: Mapping[int, str]) -> list[Block]:
    pieces = to_pieces(answer.text, urls.get)
    if answer.abstained:
        pieces.insert(0, Piece("*No answer in the figures*"))
        if answer.reason and answer.reason not in answer.text:
            pieces.append(Piece(literal(answer.reason)))
    texts, room = [], TEXT_LIMIT
    for text in pack(pieces):
        if len(text) > room:
            texts.append("_The rest is too long for a message; “Export CSV” has every figure._")
            break
        texts.append(text)
        room -= len(text)
    return [_section(text) for text in texts]


def _cited(answer: Answer) -> list[Block]:
    if not answer.citations:
        return []
    years = {hit.figid: hit.record for hit in answer.hits}
    lines = [_citation_line(citation, years) for citation in answer.citations[:CITED]]
    if len(answer.citations) > CITED:
        lines.append(f"… and {len(answer.citations) - CITED:,} more")
    return [_section(text) for text in pack([Piece("\n".join(("*Figures*", *lines)))])]


def _citation_line(citation: Citation, records: Mapping[str, Any]) -> str:
    links = dict(citation.links)
    record = records.get(citation.figid)
    where = [str(record.year)] if record and record.year else []
    if url := links.get("Paper at PMC"):
        where.append(link(citation.pmcid or "paper", url))
    if citation.quote_source == "summary":
        where.append("the quote is a summary written for this collection")
    return " · ".join((f"*[{citation.key}]* {link(_title(citation.title, citation.figid), citation.url)}", *where))


def _figure_line(number: int, hit: Hit) -> str:
    record = hit.record
    where = [str(record.year)] if record.year else []
    where += [link(record.pmcid or "paper", record.paper_url)] if record.paper_url else []
    found = f"\n    {line('; '.join(map(str, hit.matches)), 200)}" if hit.matches else ""
    return " · ".join((f"{number:,}. {link(_title(record.title, record.figid), record.page_url)}", *where)) + found


def _title(title: str | None, figid: str) -> str:
    return shortened(title or figid, 150)


def _images(answer: Answer) -> list[Block]:
    blocks: list[Block] = []
    for citation in answer.citations:
        url = dict(citation.links).get("Image at PMC", "")
        if not url.startswith("https://") or len(url) > 2_000 or len(blocks) == IMAGES:
            continue
        about = f"[{citation.key}] {_title(citation.title, citation.figid)}"
        alternative = shortened(f"Figure {citation.figid}: {citation.title or ''} {citation.quote}", ALT_LIMIT)
        title = {"type": "plain_text", "text": about, "emoji": False}
        blocks.append({"type": "image", "image_url": url, "alt_text": alternative, "title": title})
    return blocks


def _notes(answer: Answer, shown: Shown) -> list[Block]:
    notes = [f"The question was cut to its first {shown.cut_to:,} characters."] if shown.cut_to else []
    notes += answer.notes
    if answer.grounding.checks and not answer.abstained:
        notes.append(f"Checked: {answer.grounding}.")
    if answer.query is not None and answer.query.intent is not Intent.CHAT:
        notes.append(f"Understood as: {answer.query}.")
    if answer.usage and answer.usage.billed:
        notes.append(f"Tokens: {answer.usage}.")
    return [_context(text) for text in pack([Piece(line(note, 1_200)) for note in notes])][:3]


def _buttons(answer: Answer, shown: Shown) -> list[Block]:
    token = shown.token
    if answer.query is None or answer.query.intent is Intent.CHAT:
        return [_row([_button("Share to channel", Action.SHARE, token)])] if shown.private else []
    first = [_button("Share to channel", Action.SHARE, token)] if shown.private else []
    if answer.figids and not answer.abstained:
        if set(answer.figids) - {citation.figid for citation in answer.citations}:
            first.append(_button(f"More figures ({len(answer.figids):,})", Action.MORE, f"{token}:0"))
        first.append(_button("Export CSV", Action.CSV, token))
    follow = [
        _button(question, f"{Action.FOLLOW}_{number}", f"{token}:{question}")
        for number, question in enumerate(shown.suggestions)
    ]
    said = [
        _button(label, f"{Action.FEEDBACK}_{number}", f"{token}:{kind}")
        for number, (kind, label) in enumerate(FEEDBACK_LABELS.items())
    ]
    return [_row(buttons) for buttons in (first, follow, said) if buttons]


def _fallback(answer: Answer) -> str:
    """The beginning of the answer as plain words."""
    words = " ".join(piece.text for piece in to_pieces(answer.text) if not piece.fenced)
    words = words if len(words) <= FALLBACK else words[:FALLBACK].rsplit(" ", 1)[0] + "…"
    return words or "The answer is in this message."


def _section(text: str) -> Block:
    return {"type": "section", "text": _mrkdwn(text)}


def _context(text: str) -> Block:
    return {"type": "context", "elements": [_mrkdwn(text)]}


def _mrkdwn(text: str) -> Block:
    # Verbatim: only the links that this code made are links.
    return {"type": "mrkdwn", "text": text[: SECTION_LIMIT + 99], "verbatim": True}


def _row(buttons: Sequence[Block]) -> Block:
    return {"type": "actions", "elements": list(buttons)}


def _button(label: str, action: str, value: str) -> Block:
    text = {"type": "plain_text", "text": shortened(label, BUTTON_LIMIT), "emoji": False}
    return {"type": "button", "text": text, "action_id": action, "value": shortened(value, 1_900)}
