"""Answers about named figures, written by code from their records."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pfocr_chat.answers import Evidence
from pfocr_chat.citations import render_keys
from pfocr_chat.generator import name_in_markdown, quoted_markdown
from pfocr_chat.queries import Query
from pfocr_chat.records import FigureRecord, Kind, Tier

MAX_NAMES = 60
MAX_CAPTION = 1_200
"""Characters of a caption shown when one figure is described."""

_PAPER = (
    r"who (?:wrote|made|drew|published)|authors?|paper|article|journal|publi\w+|(?:what|which) year|doi"
    r"|when(?=\W*$)|when (?:was|were) (?:\w+ ){1,3}(?:written|made|drawn)"
)
_ASKED = {
    "From": re.compile(rf"\b(?:{_PAPER})\b", re.IGNORECASE),
    "Organisms": re.compile(r"\b(?:organisms?|(?<!oxygen )(?<!nitrogen )species)\b", re.IGNORECASE),
    "Genes": re.compile(
        r"\b(?:(?:which|what) genes|list (?:all )?(?:the )?genes)\b(?! (?:does|do|did|can|could|will)\b)", re.IGNORECASE
    ),
    "Chemicals": re.compile(r"\b(?:chemicals?|metabolites?)\b", re.IGNORECASE),
    "Diseases": re.compile(r"\b(?:which|what|list|any) (?:the )?(?:diseases?|disorders?)\b", re.IGNORECASE),
}
"""Words that ask for each fact of a record."""
_LINK = re.compile(r"\blinks? to (?:the|its) (?:figure|paper)\b|\b(?:the|a|its) links?\b", re.IGNORECASE)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")


def is_about_the_record(query: Query) -> bool:
    """Whether a follow-up asks what the record of the figure in focus holds (paper, organism, genes).

    One with a year in it ("only those published after 2015") asks for other figures instead.
    """
    question = query.question
    asks = any(pattern.search(question) for pattern in (*_ASKED.values(), _LINK))
    return query.refers_back and asks and not _YEAR.search(question)


def describe_figures(evidence: Sequence[Evidence], question: str, *, total: int) -> str:
    """Markdown: what the figures show, in full for one, in a line each for several; every line has its key.

    Of one figure, the facts that ``question`` asks for come before its caption.
    """
    if len(evidence) == 1:
        return _describe(evidence[0], question)
    lines = [f"- *{name_in_markdown(e.record)}.* {_caption(e.record, short=e.hit.quote)} {_key(e)}" for e in evidence]
    rest = f"; the first {len(evidence)}" if total > len(evidence) else ""
    return f"**{total} figures**{rest}:\n\n" + "\n".join(lines)


def _describe(item: Evidence, question: str) -> str:
    record = item.record
    facts = {"From": _paper(record), "Organisms": ", ".join(record.organisms)}
    facts |= {label: _names(record, kind) for kind, label in _LABELS.items()}
    asks = {label for label in facts if _ASKED[label].search(question)}
    lines = {
        label: f"- {label}: {quoted_markdown(text) or 'the record has none'} {_key(item)}"
        for label, text in facts.items()
        if text or label in asks
    }
    asked = [line for label, line in lines.items() if label in asks]
    parts = [f"**{name_in_markdown(record)}** {_key(item)}", "\n".join(asked)]
    if record.caption:
        parts.append(f"{_caption(record)} {_key(item)}")
    parts.append("\n".join(line for line in lines.values() if line not in asked))
    return "\n\n".join(part for part in parts if part)


_LABELS = {Kind.GENE: "Genes", Kind.CHEMICAL: "Chemicals", Kind.DISEASE: "Diseases"}


def _key(item: Evidence) -> str:
    return render_keys([item.key])


def _caption(record: FigureRecord, short: str | None = None) -> str:
    caption = short if short is not None else record.caption or ""
    if len(caption) > MAX_CAPTION:
        caption = caption[:MAX_CAPTION].rsplit(" ", 1)[0] + "…"
    text = quoted_markdown(caption)
    return f"In summary: {text}" if record.caption_source == "summary" else f"“{text}”"


def _paper(record: FigureRecord) -> str:
    parts = [
        record.paper_title.rstrip(".") if record.paper_title else "",
        record.reference or "",
        record.journal or "",
    ]
    parts.append(str(record.year) if record.year else "")
    return ". ".join(part.rstrip(".") for part in parts if part)


def _names(record: FigureRecord, kind: Kind) -> str:
    """Symbols, strongest evidence first, each with the printed word where that differs; family members last."""
    named: dict[str, tuple[Tier, str]] = {}
    for mention in record.mentions_of(kind):
        best = named.get(mention.name)
        if best is None or mention.tier < best[0]:
            named[mention.name] = (mention.tier, mention.word)
    ordered = sorted(named.items(), key=lambda item: item[1][0])
    shown = [name if word.casefold() == name.casefold() else f"{name} (printed {word})" for name, (_, word) in ordered]
    more = f" and {len(shown) - MAX_NAMES} more" if len(shown) > MAX_NAMES else ""
    return ", ".join(shown[:MAX_NAMES]) + more
