"""Text in Slack's own markup ("mrkdwn"); pure functions.

Whatever comes from a person, a record or a language model is escaped here, so that it can neither
call somebody (``<!channel>``), nor hide an address behind a label, nor change the form of what is around it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from markdown_it.token import Token

from pfocr_chat.citations import KEY
from pfocr_chat.plaintext import markdown_reader, shortened

SECTION_LIMIT = 2_900
"""Characters of one text in a message; Slack refuses more than 3,000."""

KeyUrl = Callable[[int], str | None]

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|[\ud800-\udfff]")
_EMOJI = re.compile(r":(?=[\w+'-]+:)")
_EDGE_UNDERSCORE = re.compile(r"(?<!\w)_|_(?!\w)")
# Slack has no way to escape these; look-alikes keep a record's text from being set as something else.
_LOOK_ALIKES = str.maketrans({"*": "∗", "~": "∼", "`": "ˋ"})


@dataclass(frozen=True, slots=True)
class Piece:
    """A paragraph, list or table in mrkdwn; ``fenced`` text is shown with its spaces, between fences."""

    text: str
    fenced: bool = False


def escape(text: str) -> str:
    """Text in which ``&``, ``<`` and ``>`` mean themselves, without control characters."""
    text = _CONTROLS.sub("", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def literal(text: str) -> str:
    """Text that is shown as it is: no emphasis, no code, no emoji, no mention."""
    text = _EMOJI.sub(":\u200b", _EDGE_UNDERSCORE.sub("ˍ", text.translate(_LOOK_ALIKES)))
    return escape(text)


def line(text: str, limit: int = 300) -> str:
    """``literal`` text on one line, cut to about ``limit`` characters."""
    return literal(shortened(text, limit))


def link(label: str, url: str) -> str:
    """A link; an address that is not of the web leaves the label alone."""
    label = line(label).replace("|", "¦")
    if not url.startswith(("https://", "http://")):
        return label
    address = quote(_CONTROLS.sub("", url), safe=":/?#[]@!$&'()+,;=%-._~").replace("&", "&amp;")
    return f"<{address}|{label}>"


def safe_markdown(text: str) -> str:
    """Markdown, as Slack's streams take it, in which ``&`` and ``<`` mean themselves and labels hide no addresses."""
    text = re.sub(r"\](?=[(:])", "] ", _CONTROLS.sub("", text))
    return re.sub(r"\\?([&<])", lambda m: {"&": "&amp;", "<": "&lt;"}[m[1]], text)


def to_pieces(markdown: str, key: KeyUrl = lambda _: None) -> list[Piece]:
    """Markdown in Slack's markup; ``key`` gives the address that an evidence key such as ``[1]`` leads to.

    A language model's links and images lose their effect; headings become bold, tables are set in columns.
    """
    return list(_Reader(_MARKDOWN.parse(markdown), key).pieces())


def pack(pieces: Sequence[Piece], limit: int = SECTION_LIMIT) -> list[str]:
    """The pieces as texts of at most ``limit`` characters, none empty, in order; long pieces are divided."""
    texts: list[str] = []
    for piece in pieces:
        for part in _parts(piece, limit):
            if texts and len(texts[-1]) + 2 + len(part) <= limit:
                texts[-1] += f"\n\n{part}"
            else:
                texts.append(part)
    return texts


def _parts(piece: Piece, limit: int) -> Iterator[str]:
    fence = "```" if piece.fenced else ""
    room = limit - 2 * (len(fence) + 1)
    rest = piece.text.strip("\n") if piece.fenced else piece.text.strip()
    while len(rest) > room:
        end = _cut_at(rest, room)
        yield _fenced(rest[:end], fence)
        rest = rest[end:].lstrip("\n" if fence else None)
    if rest:
        yield _fenced(rest, fence)


def _fenced(text: str, fence: str) -> str:
    return f"{fence}\n{text.rstrip()}\n{fence}" if fence else text.rstrip()


def _cut_at(text: str, limit: int) -> int:
    """Where to divide a text, at most at ``limit``: between lines, else words, and never within a link or an entity."""
    for pattern in ("\n", " "):
        end = text.rfind(pattern, limit // 2, limit)
        while end > 0 and text.rfind("<", 0, end) > text.rfind(">", 0, end):
            end = text.rfind(pattern, 0, text.rfind("<", 0, end))
        if end > limit // 4:
            return end
    start, entity = text.rfind("<", 0, limit), text.rfind("&", max(0, limit - 5), limit)
    if start > text.rfind(">", 0, limit) and start > 0:
        return start
    return entity if entity > 0 and ";" not in text[entity:limit] else limit


class _Reader:
    """One pass over the tokens of a text in Markdown."""

    def __init__(self, tokens: Sequence[Token], key: KeyUrl) -> None:
        self._tokens = tokens
        self._key = key
        self._lists: list[int | None] = []
        self._quotes = 0
        self._heading = False
        self._lines: list[str] = []
        self._row: list[str] | None = None
        self._rows: list[list[str]] = []

    def pieces(self) -> Iterator[Piece]:
        for token in self._tokens:
            if token.type == "table_close":
                yield Piece(_columns(self._rows), fenced=True)
                self._rows, self._row = [], None
            elif token.type == "fence":
                yield Piece(escape(token.content.replace("```", "ˋˋˋ")), fenced=True)
            else:
                self._read(token)
            if token.level == 0 and token.nesting <= 0 and self._lines:
                yield Piece("\n".join(self._lines))
                self._lines = []

    def _read(self, token: Token) -> None:
        match token.type:
            case "bullet_list_open":
                self._lists.append(None)
            case "ordered_list_open":
                self._lists.append(int(token.attrGet("start") or 1))
            case "bullet_list_close" | "ordered_list_close":
                self._lists.pop()
            case "list_item_open":
                self._lines.append(self._mark())
            case "blockquote_open":
                self._quotes += 1
            case "blockquote_close":
                self._quotes -= 1
            case "heading_open" | "heading_close":
                self._heading = token.nesting > 0
            case "tr_open":
                self._row = []
            case "tr_close":
                self._rows.append(self._row or [])
                self._row = None
            case "inline":
                self._inline(token)

    def _mark(self) -> str:
        """What stands before an item of a list."""
        indent = "    " * (len(self._lists) - 1)
        number = self._lists[-1]
        if number is None:
            return f"{indent}• "
        self._lists[-1] = number + 1
        return f"{indent}{number}. "

    def _inline(self, token: Token) -> None:
        if self._row is not None:
            self._row.append(" ".join("".join(child.content for child in token.children or ()).split()))
            return
        text = _inline_text(token.children or (), self._key, bold=not self._heading)
        text = f"*{text}*" if self._heading and text.strip() else text
        if self._lists and self._lines and self._lines[-1].endswith(("• ", ". ")):
            self._lines[-1] += text
        else:
            quoted = "> " if self._quotes else ""
            self._lines += [f"{quoted}{part}" for part in text.split("\n")]


def _inline_text(tokens: Sequence[Token], key: KeyUrl, *, bold: bool) -> str:
    """Words, emphasis and keys of one paragraph; text that stands together is made literal together."""
    parts: list[str] = []
    plain = ""
    marks = {"strong_open": "*", "strong_close": "*", "em_open": "_", "em_close": "_"}

    def flush() -> None:
        nonlocal plain
        parts.append(literal(plain))
        plain = ""

    for token in tokens:
        if token.type == "text":
            done = 0
            for match in KEY.finditer(token.content):
                urls = [(int(n), key(int(n))) for n in match[1].split(",")]
                if any(url is None for _, url in urls):
                    continue
                plain += token.content[done : match.start()]
                flush()
                parts.append("".join(link(f"[{n}]", url) for n, url in urls if url))
                done = match.end()
            plain += token.content[done:]
        elif token.type in marks:
            flush()
            parts.append(marks[token.type] if bold or marks[token.type] == "_" else "")
        elif token.type == "code_inline":
            flush()
            parts.append(f"`{escape(token.content.replace('`', 'ˋ'))}`")
        elif token.type in ("softbreak", "hardbreak"):
            plain += "\n" if token.type == "hardbreak" else " "
        elif token.type not in ("link_open", "link_close"):
            plain += token.content
    flush()
    return "".join(parts)


def _columns(rows: Sequence[Sequence[str]]) -> str:
    """The rows of a table as lines of equal columns, numbers after the first to the right; long cells are cut."""
    cells = [[shortened(cell, 60) for cell in row] for row in rows]
    widths = [max(len(row[i]) if i < len(row) else 0 for row in cells) for i in range(max(map(len, cells), default=0))]
    lines = []
    for row in cells:
        aligned = [
            cell.rjust(width) if column and _is_number(cell) else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=False))
        ]
        lines.append("  ".join(aligned).rstrip())
    return escape("\n".join(lines).replace("```", "ˋˋˋ"))


def _is_number(cell: str) -> bool:
    return cell.replace(",", "").isdecimal()


_MARKDOWN = markdown_reader()
