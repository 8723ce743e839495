"""Checks on the text of an answer: facts, sentences, quotes, figids, and what must not be in it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from functools import lru_cache
from pathlib import Path

from pfocr_chat.errors import EvaluationError
from pfocr_chat.records import FIGID_PATTERN

# name, letter, the Latin letter written for it
GREEK = (
    ("alpha", "α", "a"),
    ("beta", "β", "b"),
    ("gamma", "γ", "g"),
    ("delta", "δ", "d"),
    ("epsilon", "ε", "e"),
    ("zeta", "ζ", "z"),
    ("theta", "θ", "t"),
    ("kappa", "κ", "k"),
    ("lambda", "λ", "l"),
    ("sigma", "σ", "s"),
    ("omega", "ω", "w"),
)
_NAMES = re.compile("|".join(name for name, _, _ in GREEK))
_TO_NAME = str.maketrans({letter: f" {name} " for name, letter, _ in GREEK})
_TO_LATIN = str.maketrans({letter: latin for _, letter, latin in GREEK})
_LATIN = {name: latin for name, _, latin in GREEK}
_PARTS = re.compile(rf"{_NAMES.pattern}|(?:(?!{_NAMES.pattern})[^\W\d_])+|\d+")

KEY = re.compile(r"\[(\d+(?:\s*[,;]\s*\d+)*)\]")
_QUOTED = re.compile(r"“[^”]*”|\"[^\"]*\"")
_LINE_MARK = re.compile(r"^\s*(?:>\s*|[-*+]\s+|\d+[.)]\s+)+")
# A capital and a full stop are an initial ("S. Aureus", "J. Smith"), not the end of a sentence.
_SENTENCE_END = re.compile(r"(?<=\][.!?])\s+|(?<=[.!?])(?<!\b[A-Z]\.)(?<!\bFig\.)(?<!\bal\.)\s+(?=[^\W\d_a-z]|[“\"(*])")
_LATE_KEYS = re.compile(rf"([.!?])((?:\s*{KEY.pattern})+)")
_LAST_KEYS = re.compile(rf"(?:\s*{KEY.pattern})+[.!?]?$")

_LIVE_TAG = re.compile(r"(?<!\\)<\s*(?:script|img|iframe|svg|object|embed|form|style)\b", re.IGNORECASE)
_WORD = re.compile(r"\w+")
_PLACEHOLDER = re.compile(r"\{[^{}]*\}|\n\s*\n")
PHRASE_WORDS = 8


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _latin(folded: str) -> str:
    return _NAMES.sub(lambda m: _LATIN[m[0]], folded.translate(_TO_LATIN))


@lru_cache(maxsize=4096)
def _pattern(fact: str) -> re.Pattern[str] | None:
    """What finds a folded fact: its words and numbers in order, whatever stands between them."""
    parts = _PARTS.findall(fact)
    if not parts:
        return None
    first, last = parts[0], parts[-1]
    start = r"(?<![^\W_])" if first.isdigit() else r"(?<![^\W\d_])"
    end = r"(?!\d)" if last.isdigit() else r"(?:e?s)?(?![^\W\d_])"
    return re.compile(start + r"[\W_]*".join(map(re.escape, parts)) + end)


def fact_present(text: str, fact: str) -> bool:
    """Whether ``text`` holds the words of ``fact``.

    Case, dashes, spaces and plurals do not matter, and a Greek letter is its name or the Latin
    letter written for it (``NF-κB``, ``NF-kB``, ``NF-kappaB``). A word must be whole: ``Ras`` is
    not in "rash", ``IL-1`` not in "IL-10". Evidence keys and figids are not part of the text.
    """
    plain = _folded(FIGID_PATTERN.sub(" ", KEY.sub(" ", text)))
    wanted = _folded(fact)
    named = _pattern(wanted.translate(_TO_NAME))
    if named and named.search(plain.translate(_TO_NAME)):
        return True
    latin = _latin(wanted)
    # A lone Greek letter would become a lone Latin one, which is anywhere.
    lettered = _pattern(latin) if sum(map(str.isalnum, latin)) > 1 else None
    return bool(lettered and lettered.search(_latin(plain)))


def fact_coverage(text: str, facts: Collection[str]) -> float | None:
    """The share of ``facts`` that ``text`` holds; ``None`` where there are none."""
    if not facts:
        return None
    return sum(fact_present(text, fact) for fact in facts) / len(facts)


def sentences(text: str) -> tuple[str, ...]:
    """The statements of a Markdown answer, in order.

    Keys after a full stop belong to the sentence before. A list item or quotation whose keys stand
    only at its end is one statement, whatever its length. Headings, lines that lead in a list
    (ending in a colon), images and table rules are none.
    """
    found: list[str] = []
    for line in text.splitlines():
        bare = _LATE_KEYS.sub(r"\2\1", _LINE_MARK.sub("", line)).strip()
        if line.lstrip().startswith(("#", "![")) or bare.endswith(":"):
            continue
        pieces = [bare] if _is_one_statement(line, bare) else _SENTENCE_END.split(_QUOTED.sub("“quote”", bare))
        for piece in pieces:
            if any(map(str.isalpha, piece)):
                found.append(piece)
            elif found and KEY.search(piece):
                found[-1] += f" {piece}"
    return tuple(found)


def _is_one_statement(line: str, bare: str) -> bool:
    if line.lstrip().startswith(">"):
        return True
    end = _LAST_KEYS.search(bare)
    whole = _LINE_MARK.match(line) is not None or bare.startswith(("“", '"'))
    return whole and end is not None and not KEY.search(bare[: end.start()])


def keys_in(text: str) -> frozenset[int]:
    """The evidence keys that ``text`` carries."""
    return frozenset(int(key) for group in KEY.findall(text) for key in re.findall(r"\d+", group))


def keyed_sentences(text: str, keys: Collection[int]) -> tuple[int, int]:
    """How many sentences of ``text`` carry one of ``keys``, and how many there are."""
    found = sentences(text)
    return sum(bool(keys_in(sentence) & set(keys)) for sentence in found), len(found)


def is_verbatim(quote: str, sources: Iterable[str | None]) -> bool:
    """Whether ``quote`` stands in one of ``sources``, white space and a cut mark at its ends aside."""
    words = " ".join(quote.split()).strip("….").strip()
    return bool(words) and any(words in " ".join(source.split()) for source in sources if source)


def figids_in(text: str) -> tuple[tuple[str, ...], ...]:
    """The figids that ``text`` names; for each its possible readings, the longest first.

    A figid may hold full stops and underscores, so where it ends is open: ``…-g003.`` may be the
    end of a sentence and ``…-g003.html`` an address.
    """
    found = []
    for match in dict.fromkeys(FIGID_PATTERN.findall(text.replace("\\", ""))):
        page = match.removesuffix(".html")
        found.append(tuple(dict.fromkeys((match, page, page.rstrip("._-+")))))
    return tuple(found)


def live_tag(text: str) -> str | None:
    """The first HTML tag in ``text`` that a browser would act on, if there is one."""
    found = _LIVE_TAG.search(text)
    return found[0] if found else None


def _words(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))


def phrases_of(text: str) -> tuple[str, ...]:
    """Every run of eight words of ``text`` within a paragraph and between ``{placeholders}``."""
    found: dict[str, None] = {}
    for piece in _PLACEHOLDER.split(text):
        words = _words(piece).split()
        for start in range(len(words) - PHRASE_WORDS + 1):
            found[" ".join(words[start : start + PHRASE_WORDS])] = None
    return tuple(found)


def read_prompt_phrases(folder: Path) -> tuple[str, ...]:
    """What must never be shown of the prompt files in ``folder``: their runs of eight words."""
    try:
        texts = [p.read_text(encoding="utf-8") for p in sorted(folder.iterdir()) if p.is_file()]
    except (OSError, UnicodeDecodeError) as exc:
        raise EvaluationError(f"The prompt files in {folder} cannot be read: {exc}.") from exc
    return tuple(dict.fromkeys(phrase for text in texts for phrase in phrases_of(text)))


def leaked(text: str, phrases: Collection[str]) -> str | None:
    """The first of ``phrases`` that ``text`` holds, if it holds one."""
    words = f" {_words(text)} "
    return next((phrase for phrase in phrases if f" {_words(phrase)} " in words), None)
