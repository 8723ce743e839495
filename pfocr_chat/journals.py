"""Journals in a question's words: "published in Cells", "from PLoS ONE", "in J Biol Chem".

Many titles are ordinary words ("Cells", "Cancer research"), so that one counts only where the
question says that it is a journal, or where the way it is written leaves no doubt. All repetitions of
the patterns are bounded, so that the time taken grows with the length of the text.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from pfocr_chat.lexicon import STOPWORDS, atom_spans, atoms
from pfocr_chat.years import MARK, PHRASE_ENDS, cut

_SMALL_WORDS = frozenset({"of", "the", "and", "in", "for", "on"})
_JOURNAL_WORDS = frozenset(
    """plos bmc bmj frontiers nature journal annals archives acta reviews letters transactions bulletin communications
    reports advances trends opinion proceedings fems febs embo iubmb acs amb""".split()
)
"""Words that make several words a title, however they are written."""
_COINED = frozenset({"heliyon", "oncotarget", "chembiochem", "theranostics"})
"""Titles of one word that mean nothing else; so do those with a capital inside (eLife)."""
_CALLED = {
    "pnas": "proceedings national academy sciences united states america",
    "proceedings national academy sciences": "proceedings national academy sciences united states america",
    "jbc": "journal biological chemistry",
    "jacs": "journal american chemical society",
    "ijms": "international journal molecular sciences",
    "nejm": "new england journal medicine",
}
"""What well-known journals are called besides their title, by its words."""
_SHORTENED = {"natl": "national", "intl": "international", "engl": "england", "usa": "united states america"}

_START = r"(?:the )?(?=[\w\"“'‘])"
_LEADS = re.compile(
    rf"\b(?P<refused>not )?(?:(?P<said>(?:published|appearing|appeared|printed)(?: online)?(?: ?{MARK})? ?(?:in|by) )"
    rf"|(?:in|from|of|by) |(?P<label>journals?(?: ?[:=] ?| (?=[\"“'‘]|(?-i:[A-Z])))))(?P<title>{_START})",
    re.IGNORECASE,
)
_SAYS_JOURNAL = re.compile(
    rf"(?:the )?(?:scientific )?journals?(?: called| named| titled)?(?: ?[:=])? {_START}", re.IGNORECASE
)
_JOURNAL_AFTER = re.compile(r" journals?\b", re.IGNORECASE)
_AND_JOURNAL = re.compile(rf"(?:,? (?:and|or)|,)(?: in)? {_START}", re.IGNORECASE)
_AND_CAPITAL = re.compile(r" and [A-Z][a-z]")
_BETWEEN_WORDS = re.compile(r"[ .,:&'’\-]{0,3}")
_QUOTED = re.compile(r"[\"“'‘]([^\"“”'‘’]{1,150})[\"”'’]")
_GOES_ON = re.compile(r"[\w\-]|['’]\w| (?:&|of\b|[A-Z])")
_PHRASE_ENDS = re.compile(PHRASE_ENDS + r"| \d", re.IGNORECASE)
_CAPITALS = re.compile(
    r"(?:(?:Frontiers|Trends|Advances|Progress|Perspectives|Methods) in )?"
    r"[A-Z][\w&.'’-]{0,40}(?:(?: (?:of|for|and|&)(?: the)?)? [A-Z][\w&.'’-]{0,40}){0,10}"
)
_SMALL_TYPED = re.compile(rf"[a-z][\w&'’-]{{0,40}}(?:(?!{PHRASE_ENDS}) [\w&'’-]{{1,40}}){{0,6}}")
_JOURNAL_OF = re.compile(
    rf"[Jj]ournal of (?:the )?(?P<subject>[\w&'’-]{{1,40}})(?:(?!{PHRASE_ENDS})(?: and)? [\w&'’-]{{1,40}}){{0,6}}"
)
_ABBREVIATED = re.compile(r"[A-Z][A-Za-z]{0,20}\.?(?: [A-Z][A-Za-z]{0,20}\.?){1,8}")
_WORD = re.compile(r"\w{1,20}")


@dataclass(frozen=True, slots=True)
class Titles:
    """The journals of an index, by the words of their titles (as ``title_words`` gives them) or an acronym.

    ``initials`` has the same words by their first letters, ``beginnings`` whatever words they begin with.
    """

    by_words: Mapping[str, tuple[str, ...]]
    initials: Mapping[str, tuple[str, ...]]
    beginnings: frozenset[str]


@dataclass(frozen=True, slots=True)
class Journals:
    """The titles wanted, the phrases that cannot be used, as typed, and the text with a mark for each phrase."""

    wanted: tuple[str, ...]
    ignored: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class _Named:
    """A journal named up to ``end``: the titles of the index, or what was typed where it has none."""

    end: int
    titles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Phrase:
    """``text[start:end]`` asks for journals; ``titles`` is empty where it cannot be used."""

    start: int
    end: int
    titles: tuple[str, ...] = ()


def title_words(title: str) -> str:
    """The words by which spellings of a journal are the same: no place, no subtitle, no small words."""
    bare = re.sub(r"[(\[][^()\[\]]*[)\]]", " ", title).partition(" : ")[0]
    return " ".join(atom for atom in atoms(bare) if atom not in _SMALL_WORDS)


@lru_cache(maxsize=4)
def index_titles(journals: frozenset[str]) -> Titles:
    """The journals of an index, ready to be found in questions."""
    by_words: dict[str, tuple[str, ...]] = {}
    initials: dict[str, tuple[str, ...]] = {}
    for title in sorted(journals):
        if words := title_words(title):
            by_words[words] = (*by_words.get(words, ()), title)
    for words in by_words:
        letters = "".join(word[0] for word in words.split())
        initials[letters] = (*initials.get(letters, ()), words)
    acronyms = {acronym[1]: title for title in sorted(journals) if (acronym := re.search(r" : (\w{2,6})$", title))}
    other = {acronym.lower(): by_words.get(title_words(title), ()) for acronym, title in acronyms.items()}
    other |= {called: by_words[words] for called, words in _CALLED.items() if words in by_words}
    by_words = {words: titles for words, titles in other.items() if titles} | by_words
    split = [words.split() for words in by_words]
    beginnings = frozenset(" ".join(words[:width]) for words in split for width in range(1, len(words) + 1))
    return Titles(by_words, initials, beginnings)


def read_journals(text: str, titles: Titles) -> Journals:
    """The journals that ``text`` restricts to, its white space being single spaces.

    A title that the index does not have counts, as typed, only where the text says that it is a
    journal. What else follows "published in" is ignored, and so is a journal that is excluded.
    """
    reader = _Reader(text, titles)
    phrases: list[_Phrase] = []
    for lead in _LEADS.finditer(text):
        if phrases and lead.start() < phrases[-1].end:
            continue
        if phrase := reader.phrase(lead):
            phrases.append(phrase)
    wanted = dict.fromkeys(title for phrase in phrases for title in phrase.titles)
    ignored = tuple(text[p.start : p.end] for p in phrases if not p.titles)
    ignored = tuple(" ".join(phrase.replace(MARK, " ").split()) for phrase in ignored)
    return Journals(tuple(wanted), ignored, cut(text, [(phrase.start, phrase.end) for phrase in phrases]))


class _Reader:
    """Finds journals in one text."""

    def __init__(self, text: str, titles: Titles) -> None:
        self.text = text
        self.titles = titles
        self._spans = list(atom_spans(text))
        self._starts = [start for _, start, _ in self._spans]
        words = re.findall(r"[^\W\d_]{4,}", text)
        self._capitals_mean_names = sum(word[0].isupper() for word in words) * 2 <= len(words) + 2

    def phrase(self, lead: re.Match[str]) -> _Phrase | None:
        """The phrase that a match of ``_LEADS`` begins, where it names a journal."""
        start, at = lead.start(), lead.end()
        is_said = bool(lead["said"] or lead["label"])
        named = self._known(at, is_said=is_said)
        if named is None and (says := _SAYS_JOURNAL.match(self.text, lead.end("title") - len(lead["title"]))):
            is_said = True
            named = self._known(says.end(), is_said=True) or self._typed(says.end(), is_published=bool(lead["said"]))
        if not lead["label"]:
            named = named or self._typed_as_journal(at, is_published=bool(lead["said"]))
        if named is None:
            end = self._end_of_unusable(at, is_published=bool(lead["said"]))
            return _Phrase(start, end) if end else None
        found, end = list(named.titles), named.end
        while (more := _AND_JOURNAL.match(self.text, end)) and (named := self._known(more.end(), is_said=is_said)):
            found, end = [*found, *named.titles], named.end
        return _Phrase(start, end) if lead["refused"] else _Phrase(start, end, tuple(found))

    def _end_of_unusable(self, at: int, *, is_published: bool) -> int | None:
        """Where a name ends that must be a journal or the like, and that no title of the index fits."""
        word = _WORD.match(self.text, at)
        if word and word[0].lower() in _CALLED:
            return word.end()
        other = _CAPITALS.match(self.text, at) if is_published and self._capitals_mean_names else None
        return other.end() if other else None

    def _known(self, at: int, *, is_said: bool) -> _Named | None:
        """The longest title of the index that stands at ``at``, in full or abbreviated.

        Titles that are also ordinary words count where ``is_said``, or quotation marks show, that
        they are titles.
        """
        if quoted := _QUOTED.match(self.text, at):
            titles = self.titles.by_words.get(title_words(quoted[1]), ())
            return _Named(quoted.end(), titles) if titles else None
        for end, words in (*self._in_full(at), *self._abbreviated(at)):
            after = _JOURNAL_AFTER.match(self.text, end)
            if self._ends_at(at, end, words) and (is_said or after or self._is_clear(at, words)):
                return _Named(after.end() if after else end, self.titles.by_words[words])
        return None

    def _in_full(self, at: int) -> list[tuple[int, str]]:
        """Where the titles that begin at ``at`` end, and their words, the longest first."""
        found: list[tuple[int, str]] = []
        words, last = "", at
        for number in range(bisect_left(self._starts, at), len(self._spans)):
            atom, start, end = self._spans[number]
            if not _BETWEEN_WORDS.fullmatch(self.text, last, start):
                break
            last = end
            if atom in _SMALL_WORDS and words:
                continue
            words = f"{words} {atom}".strip()
            if words not in self.titles.beginnings:
                break
            if words in self.titles.by_words:
                found.append((end, words))
        return found[::-1]

    def _abbreviated(self, at: int) -> Iterator[tuple[int, str]]:
        """As ``_in_full``, for titles with shortened words: "J. Biol. Chem."."""
        run = _ABBREVIATED.match(self.text, at)
        pieces = run[0].split(" ") if run else []
        for count in range(len(pieces), 1, -1):
            typed = " ".join(pieces[:count])
            if words := self._spelled_out(typed):
                yield at + len(typed), words

    def _spelled_out(self, typed: str) -> str:
        """The words of the one title that an abbreviation stands for, or ""."""
        short = " ".join(_SHORTENED.get(word, word) for word in atoms(typed)).split()
        if sum(map(len, short)) < 5 or any(len(word) == 1 and word not in "jusa" for word in short):
            return ""
        candidates = self.titles.initials.get("".join(word[0] for word in short), ())
        fitting = [words for words in candidates if all(map(str.startswith, words.split(), short))]
        return fitting[0] if len(fitting) == 1 else ""

    def _ends_at(self, at: int, end: int, words: str) -> bool:
        """Whether the title that was found may end there, and is not the beginning of another one."""
        if _JOURNAL_AFTER.match(self.text, end):
            return True
        if _GOES_ON.match(self.text, end):
            return False
        if _AND_CAPITAL.match(self.text, end) and " " not in words:
            more = _AND_JOURNAL.match(self.text, end)
            return more is not None and bool(self._in_full(more.end()))
        return self.text[at].isupper() or bool(_PHRASE_ENDS.match(self.text, end))

    def _is_clear(self, at: int, words: str) -> bool:
        """Whether what stands there can only be a title."""
        if words in _CALLED or words in _COINED:
            return True
        if " " not in words:
            return any(re.fullmatch(r"\w*[a-z][A-Z]\w*", title) for title in self.titles.by_words[words])
        is_marked = self._capitals_mean_names and any(c.isupper() for c in self.text[at : at + len(words)])
        return is_marked or not _JOURNAL_WORDS.isdisjoint(words.split())

    def _typed_as_journal(self, at: int, *, is_published: bool) -> _Named | None:
        """A title that itself says "Journal" and is not in the index."""
        typed = _CAPITALS.match(self.text, at)
        if typed and " " in typed[0] and "Journal" in typed[0].split():
            return _Named(typed.end(), (typed[0],))
        typed = _JOURNAL_OF.match(self.text, at)
        if typed and (is_published or typed["subject"][0].isupper()):
            return _Named(typed.end(), (_as_title(typed[0]),))
        return None

    def _typed(self, at: int, *, is_published: bool) -> _Named | None:
        """Whatever follows "the journal", where it looks like a title."""
        if typed := _QUOTED.match(self.text, at) or _CAPITALS.match(self.text, at):
            return _Named(typed.end(), (typed[typed.lastindex or 0],))
        typed = _SMALL_TYPED.match(self.text, at) if is_published else None
        if typed is None or typed[0].split()[0] in STOPWORDS:
            return None
        return _Named(typed.end(), (_as_title(typed[0]),))


def _as_title(typed: str) -> str:
    """What was typed with capitals."""
    return " ".join(word if word in _SMALL_WORDS else word[:1].upper() + word[1:] for word in typed.split())
