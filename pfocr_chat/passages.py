"""Cutting records into passages that fit the embedder's window and stand alone.

Every passage begins with the figure's title and its paper's; the caption follows, in as many
passages as it takes, so that none of its text falls outside the window.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from pfocr_chat.records import FigureRecord, Passage
from pfocr_chat.sentences import split_sentences

PASSAGE_FORMAT = 1
"""Version of this module's output; an index of another version has to be built anew."""

HEADER_SHARE = 0.4
"""At most this share of the window is given to the title and paper title."""

CountTokens = Callable[[str], int]


def to_passages(record: FigureRecord, *, window: int, count_tokens: CountTokens) -> tuple[Passage, ...]:
    """The passages of a record, in caption order; at least one.

    ``window`` is what the embedder reads at once and ``count_tokens`` measures text in the same
    unit, without the special tokens. Joining the passages' text after their header gives the
    caption's words in order.
    """
    count_tokens = cache(count_tokens)
    header = _header(record, int(window * HEADER_SHARE), count_tokens)
    room = max(window - count_tokens(header) - 1, 1)
    bodies = _bodies(record.caption or "", room, count_tokens) or [""]
    return tuple(
        Passage(f"{record.figid}#{number}", record.figid, f"{header}\n{body}".strip())
        for number, body in enumerate(bodies)
    )


def _header(record: FigureRecord, limit: int, count_tokens: CountTokens) -> str:
    title = record.title or ""
    paper = record.paper_title or ""
    parts = [title] if paper.rstrip(".").casefold() == title.rstrip(".").casefold() else [title, paper]
    header = " ".join(". ".join(part.rstrip(".") for part in parts if part).split())
    if count_tokens(header) <= limit:
        return header
    return next(iter(_pack(_words(header, limit, count_tokens), limit, count_tokens)), "")


def _bodies(caption: str, room: int, count_tokens: CountTokens) -> list[str]:
    """The caption in parts that fit into ``room``; most captions fit as they are, found out with one count."""
    whole = " ".join(split_sentences(caption))
    if whole and count_tokens(whole) <= room:
        return [whole]
    return _pack(_pieces(caption, room, count_tokens), room, count_tokens)


def _pieces(text: str, room: int, count_tokens: CountTokens) -> list[str]:
    """The sentences of ``text``; one that is longer than ``room`` is cut between words where it has any."""
    pieces = []
    for sentence in split_sentences(text):
        if count_tokens(sentence) <= room:
            pieces.append(sentence)
        else:
            pieces.extend(_pack(_words(sentence, room, count_tokens), room, count_tokens))
    return pieces


def _words(text: str, room: int, count_tokens: CountTokens) -> list[str]:
    """The words of ``text``; one that is longer than ``room`` (Chinese prose, a sequence) in parts that are not."""
    return [part for word in text.split() for part in _halved(word, room, count_tokens)]


def _halved(word: str, room: int, count_tokens: CountTokens) -> list[str]:
    if len(word) < 2 or count_tokens(word) <= room:
        return [word]
    middle = len(word) // 2
    return _halved(word[:middle], room, count_tokens) + _halved(word[middle:], room, count_tokens)


def _pack(pieces: list[str], room: int, count_tokens: CountTokens) -> list[str]:
    """Consecutive pieces joined by spaces, as many as fit into ``room`` each time."""
    packed: list[str] = []
    used = 0
    for piece in pieces:
        cost = count_tokens(piece)
        if packed and used + cost <= room:
            packed[-1] = f"{packed[-1]} {piece}"
            used += cost
        else:
            packed.append(piece)
            used = cost
    return packed
