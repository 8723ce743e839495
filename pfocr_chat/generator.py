"""Writing an answer's statements from evidence, each checked before it leaves this module.

A small language model restates the sentences of one figure that bear on the question, and code
attaches the key; a large one gets all the evidence in one prompt and sets the keys itself. A
statement that fails the check is replaced by a quote from the figure it was about. Without a
language model, figures are quoted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from pfocr_chat.answers import Check, Evidence, Verdict
from pfocr_chat.citations import (
    KEY,
    KEYS_HERE,
    MAX_QUOTE,
    Verified,
    check_sentence,
    is_restatement,
    lifted_keys,
    parse_keys,
    render_keys,
)
from pfocr_chat.errors import LlmError
from pfocr_chat.lexicon import atoms, contains
from pfocr_chat.prompting import Prompt
from pfocr_chat.queries import Entity, Query
from pfocr_chat.records import FigureRecord
from pfocr_chat.sentences import split_sentences

NO_EVIDENCE = "NO_EVIDENCE"
"""What a large language model writes where no figure answers."""
SMALL_MAX_TOKENS = 80
LARGE_MAX_TOKENS = 700

LARGE_SHARED = 0.5
"""Share of a large language model's words that the cited records have to have; how they are put is verified besides."""
PARTLY_MARK = " *(partly supported)*"

_MARKUP = re.compile(r"[*`\\]|<(?=[A-Za-z/!?])|(?<=\w):(?=//)|(?<=www)\.", re.IGNORECASE)
"""What means something in Markdown; some readers of it make links of bare addresses, too."""
_FIGID = re.compile(r"(PMC\d+)_{2,}(?=\w)", re.IGNORECASE)
"""What a caption calls so need not exist."""
_BULLET = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+")
_STAYS = r"(?:[a-z]++(?<=s|d)|and|or|but|also|show|depict|illustrate|demonstrate|indicate|suggest|give|do|has|have)\b"
_KEYS_AFTER_STOP = re.compile(
    rf"([.!?])\s*+((?:{KEY.pattern}\s*+)++)(?:\.(?=\s)|\.?+(?=[^\sa-z\[.]|[a-z]++[\w-]|(?!{_STAYS})[a-z]++\s))"
)
"""Keys between a full stop and another, a new sentence or a name; in "FAK binds. [2] shows …" they open a sentence."""
_LAST_KEYS = re.compile(rf"([.!?])\s*+((?:{KEY.pattern}\s*+)++)\.?+$")
_UNDECIDED = re.compile(r"(?:\[[\d\s,]*+\]?+\s*+)++(?:\.|[a-z]*+)")
"""What may be keys of the sentence before, or open a sentence of its own."""


EntitiesIn = Callable[[str], Sequence[Entity]]
"""What the corpus knows a text to name."""


class Llm(Protocol):
    """What writing needs of a language model."""

    def stream(self, system: str, user: str, *, max_tokens: int) -> Iterator[str]: ...


@dataclass(frozen=True, slots=True)
class Statement:
    """One piece of an answer in Markdown, with its keys, and the verdict on the draft behind it."""

    text: str
    check: Check


def quote_statement(evidence: Evidence, *, instead_of: Check | None = None) -> Statement:
    """A figure's own words with its key; ``instead_of`` is the failed sentence that they stand in for."""
    record, quote = evidence.record, evidence.hit.quote
    if not quote:
        body = f"{record.figid} has neither a title nor a caption."
    elif record.caption_source == "summary":
        body = f"In summary: {quoted_markdown(quote)}"
    else:
        body = f"“{quoted_markdown(quote)}”"
    text = f"{_title(record)}{body} {render_keys([evidence.key])}"
    if instead_of is None:
        return Statement(text, Check(quote, (evidence.key,), Verdict.QUOTED))
    return Statement(text, replace(instead_of, keys=(evidence.key,), verdict=Verdict.REPLACED))


def _title(record: FigureRecord) -> str:
    """The figure's title as a heading of its quote, unless the quote would only repeat it."""
    title = record.title or record.paper_title
    return f"*{quoted_markdown(title.rstrip('.'))}.* " if title and record.caption else ""


def plain_markdown(text: str) -> str:
    """Text in a form that Markdown shows as it is, and that holds no evidence key or link."""
    text = KEY.sub(lambda m: f"({m.group(1)})", text)
    text = text.replace("![", "! [").replace("](", "] (")
    return _MARKUP.sub(r"\\\g<0>", text)


def quoted_markdown(text: str) -> str:
    """A record's text as ``plain_markdown`` gives it, and without figids: only code names figures."""
    return plain_markdown(_FIGID.sub(r"\1 ", text))


def name_in_markdown(record: FigureRecord) -> str:
    """What a figure is called, as ``quoted_markdown``; one without a title by its figid."""
    return quoted_markdown(record.name) if record.title or record.paper_title else record.figid


def quoted(evidence: Sequence[Evidence]) -> Iterator[Statement]:
    """One quote for each figure."""
    for item in evidence:
        yield quote_statement(item)


def drafted_singly(
    llm: Llm, prompt: Prompt, query: Query, evidence: Sequence[Evidence], entities_in: EntitiesIn, verify: Verified
) -> Iterator[Statement]:
    """One sentence for each figure, written by a small language model, or a quote where it fails the check."""
    for item in evidence:
        if not item.record.caption or len(item.hit.quote) > MAX_QUOTE:
            # Of a long excerpt one sentence would lose more than it makes plain.
            yield quote_statement(item)
            continue
        # With the whole caption, or the question, it loses the thread.
        system, user = prompt.render(caption=" ".join(KEY.sub(" ", item.hit.quote).split()))
        draft = _first_sentence(llm.stream(system, user, max_tokens=SMALL_MAX_TOKENS))
        sentence = f"{draft} {render_keys([item.key])}"
        by_key = {item.key: item}
        check = check_sentence(sentence, by_key, entities=entities_in(sentence), min_shared=1.0, verified=verify)
        lost = _lost_subject(query, item.hit.quote, sentence)
        if check.verdict is Verdict.SUPPORTED and lost:
            check = replace(check, verdict=Verdict.DROPPED, reason=f"leaves out “{lost}”")
        elif check.verdict is Verdict.SUPPORTED and not is_restatement(draft, item.hit.quote):
            check = replace(check, verdict=Verdict.DROPPED, reason="changes what the figure's words say")
        if check.verdict is Verdict.SUPPORTED:
            yield _statement(sentence, check)
        else:
            yield quote_statement(item, instead_of=check)


def _statement(sentence: str, check: Check) -> Statement:
    """A sentence of a draft as it is shown: keys that are part of it in their places, the others behind it."""
    plain, nouns = lifted_keys(sentence)
    text = plain_markdown(plain)
    for keys in nouns:
        text = text.replace(KEYS_HERE, render_keys(keys), 1)
    text += f" {left}" if (left := render_keys([key for key in check.keys if key not in parse_keys(text)])) else ""
    mark = PARTLY_MARK if check.verdict is Verdict.PARTLY else ""
    return Statement(text + mark, replace(check, keys=parse_keys(text)))


def _lost_subject(query: Query, quote: str, sentence: str) -> str | None:
    """A subject of the question that the quote has and its restatement has not."""
    had, has = atoms(quote), atoms(sentence)
    subjects = (subject.split() for subject in query.subjects)
    return next((" ".join(s) for s in subjects if contains(had, s) and not contains(has, s)), None)


def _first_sentence(pieces: Iterator[str]) -> str:
    """The first sentence that the language model finishes, read no further; empty where it finishes none."""
    draft = ""
    for piece in pieces:
        draft += piece
        sentences = split_sentences(KEY.sub(" ", draft))
        if len(sentences) > 1:
            return " ".join(sentences[0].split())
    whole = " ".join(KEY.sub(" ", draft).split())
    return whole if whole.rstrip("\"”'’)").endswith((".", "!", "?")) else ""


def drafted_together(
    llm: Llm, prompt: Prompt, query: Query, evidence: Sequence[Evidence], entities_in: EntitiesIn, verify: Verified
) -> Iterator[Statement]:
    """Sentences by a large language model, each checked as soon as it is complete.

    A sentence that fails is replaced by a quote from the first figure it cites that was shown and
    has not been used yet, else dropped. Nothing is yielded where it finds that no figure answers.
    """
    by_key: Mapping[int, Evidence] = {item.key: item for item in evidence}
    system, user = prompt.render(question=query.text, evidence="\n\n".join(map(_shown, evidence)))
    used: set[int] = set()
    for sentence in _sentences(llm.stream(system, user, max_tokens=LARGE_MAX_TOKENS)):
        if NO_EVIDENCE in sentence:
            return
        entities = entities_in(sentence)
        check = check_sentence(sentence, by_key, entities=entities, min_shared=LARGE_SHARED, verified=verify)
        if check.verdict in (Verdict.SUPPORTED, Verdict.PARTLY):
            used.update(check.keys)
            yield _statement(sentence, check)
            continue
        spare = next((key for key in parse_keys(sentence) if key in by_key and key not in used), None)
        if spare is None:
            yield Statement("", check)
        else:
            used.add(spare)
            yield quote_statement(by_key[spare], instead_of=check)


def _shown(item: Evidence) -> str:
    """A figure as the prompt shows it; reference marks such as [12] would read as evidence keys."""
    record = item.record
    where = ", ".join(str(part) for part in (record.paper_title, record.journal, record.year) if part)
    organisms = f"\nOrganisms: {', '.join(record.organisms)}" if record.organisms else ""
    genes = ", ".join(dict.fromkeys(m.word for m in record.mentions))[:600]
    printed = f"\nPrinted in the figure: {genes}" if genes else ""
    text = f"{record.title or ''}\nPaper: {where}{organisms}{printed}\nCaption: {record.caption or 'none'}"
    return f"[{item.key}] {KEY.sub('', text)}"


def _sentences(pieces: Iterator[str]) -> Iterator[str]:
    """Whole sentences out of a stream of text, with the keys that follow their full stop.

    Where the stream fails, those that were finished come before the error.
    """
    buffer = ""
    try:
        for piece in pieces:
            # What was not the end of a sentence before is none now, but for the last words.
            since = max(0, len(buffer) - _UNSETTLED)
            buffer = buffer[:since] + _KEYS_AFTER_STOP.sub(_before_stop, buffer[since:] + piece)
            cut = _finished(buffer, since)
            yield from _split(buffer[:cut])
            buffer = buffer[cut:]
    except LlmError:
        rest = _split(_LAST_KEYS.sub(_before_stop, buffer))
        yield from (s for s in rest if s is not rest[-1] or (parse_keys(s) and s.endswith((".", "!", "?"))))
        raise
    yield from _split(_LAST_KEYS.sub(_before_stop, buffer))


def _before_stop(found: re.Match[str]) -> str:
    # On a line of its own, what follows is a new sentence, be it "p53 falls".
    return f" {found.group(2).strip()}{found.group(1)}\n"


_UNSETTLED = 200
"""Characters at the end of a stream that are looked at again with what follows them."""


def _finished(text: str, since: int) -> int:
    """Where in ``text`` the last sentence begins that may still grow, be it by keys behind its full stop.

    Up to ``since`` no sentence ends but by a line.
    """
    line = text.rfind("\n") + 1
    sentences = split_sentences(text[max(line, since) :])
    if not sentences or _UNDECIDED.fullmatch(sentences[-1]):
        return 0
    return len(text.rstrip()) - len(sentences[-1]) if len(sentences) > 1 else line


def _split(text: str) -> list[str]:
    """The sentences of ``text``, list items apart, without the marks of headings and emphasis."""
    lines = (_unstyled(_BULLET.sub("", line)) for line in text.splitlines())
    return [sentence for line in lines for sentence in split_sentences(line)]


_STYLED = re.compile(r"(?<![\w*])\*(?=[^\s*])([^*]+)(?<=\S)\*(?![\w*])")
"""Stars around words; those of an allele ("HLA-B*27") are part of its name."""


def _unstyled(line: str) -> str:
    return _STYLED.sub(r"\1", re.sub(r"^\s*#{1,6}\s+|\*{2,}|`", "", line))
