"""Checking citations in code: quotes are verbatim, and sentences say only what their figure says.

Pure: works on text, keys and records; calls no language model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from pfocr_chat.answers import Check, Evidence, Verdict
from pfocr_chat.effects import sense_of
from pfocr_chat.lexicon import STOPWORDS, atoms, contains, says, spaced
from pfocr_chat.queries import Entity
from pfocr_chat.records import FigureRecord
from pfocr_chat.sentences import split_sentences
from pfocr_chat.verification import OFF_TOPIC, Support, Verification

Verified = Callable[[str, Sequence[FigureRecord]], Verification]
"""How far figures bear a sentence out."""

KEY = re.compile(r"\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]")
_LIST = rf"{KEY.pattern}(?:\s*(?:[,–—-]\s*)?(?:(?:and|or)\s+|&\s*)?{KEY.pattern})*"
_KEYS = re.compile(_LIST)
_FIGURES = r"(?:the\s)?fig(?:ure)?s?\.?\s"
_NOUN = re.compile(
    rf"(?<!\w)(?:(?:as|in|by|from|per|see|see\salso|both|while|whereas|that|unlike|like|to|than|with)\s"
    rf"|(?P<word>{_FIGURES}))(?P<keys>{_LIST})",
    re.IGNORECASE,
)
_CONTRAST = re.compile(
    rf"(?<!\w)(?P<word>(?:unlike|like|as in|contrast to|compared (?:to|with))\s)"
    rf"(?P<keys>{KEY.pattern}),\s(?P<others>{_LIST})(?=\s[a-z])",
    re.IGNORECASE,
)
"""Two figures set against each other: "Unlike [1], [2] shows"."""
_ASIDE = re.compile(rf"\((?:(?:see|see also|cf\.?|shown in|as in|from|in)\s)?(?:{_FIGURES})?(?P<keys>{_LIST})\)", re.I)
"""Keys that have brackets of their own are marks, whatever word is with them."""
_NUMBERED = re.compile(r"(?<!\w)(?P<word>fig(?:ure)?\.?\s)(?P<number>\d{1,3})(?![\w.,-]*\w)", re.IGNORECASE)
_OPENING = re.compile(rf"^(?P<word>)\s*(?P<keys>{_LIST})(?=\s+[a-z]+\s)")
"""Keys that are part of the sentence ("as [1] shows", "Figure [2]"), not marks behind what they support."""
KEYS_HERE = "\ue000"
"""Stands in a text for keys that are part of its sentence."""
MAX_QUOTE = 400
"""Characters; a longer sentence is quoted up to a word boundary, with an ellipsis after it."""
MAX_EXCERPT = 800
"""The same, of the figure that answers a question best."""
MIN_SHARED = 0.8
"""Share of a sentence's content words that have to occur in the records it cites."""

MIN_WORDS = 3
"""Names and content words that a sentence needs to say something that can be checked."""

_WITHOUT_SENSE = frozenset("a an the this that these those here is are was were be been being it its also then".split())

_YES = re.compile(r"^Yes[,:.]?\s+")
_NAME_LIKE = re.compile(r"[^\W_]+(?:[-‐-―−/][^\W_]+)*")
_FIGID_LIKE = re.compile(r"PMC\d+(?:__\S+)?", re.IGNORECASE)
_ADDRESS = re.compile(r"\w://|\bwww\.", re.IGNORECASE)
_OPENERS = frozenset(
    """both each five four gain hence high less loss low many more next nine once six some ten thus two upon when
    yes""".split()
)
"""Short words that may open a sentence without being the name of anything."""


def parse_keys(text: str) -> tuple[int, ...]:
    """The evidence keys in ``text`` (``[1]``, ``[2, 3]``, ``[4]–[6]``), each once, in order."""
    found: list[int] = []
    end = 0
    for key in KEY.finditer(text):
        numbers = [int(number) for number in re.findall(r"\d+", key.group(1))]
        is_range = bool(found) and text[end : key.start()].strip() in _DASHES
        if is_range and numbers[0] - found[-1] <= MAX_RANGE:
            found.extend(range(found[-1] + 1, numbers[0]))
        found.extend(numbers)
        end = key.end()
    return tuple(dict.fromkeys(found))


_DASHES = ("-", "–", "—")
MAX_RANGE = 20
"""Keys that "[1]–[9]" may stand for."""


def render_keys(keys: Sequence[int]) -> str:
    """Evidence keys as they stand in an answer: ``[1][2]``."""
    return "".join(f"[{key}]" for key in keys)


def without_keys(text: str) -> str:
    """``text`` with its evidence keys taken out; those that the sentence needs as a noun become "the figure"."""
    plain, nouns = lifted_keys(text)
    for keys in nouns:
        plain = plain.replace(KEYS_HERE, "the figures" if len(keys) > 1 else "the figure", 1)
    return f"T{plain[1:]}" if nouns and plain.startswith("the figure") else plain


def lifted_keys(text: str) -> tuple[str, list[tuple[int, ...]]]:
    """``text`` without evidence keys, and the keys that ``KEYS_HERE`` stands for in it, in order.

    These are part of the sentence, which would not read without them; the others stand behind what they support.
    """

    def lift(found: re.Match[str]) -> str:
        start = found.start("word") if found.group("word") else found.start("keys")
        return f"{found.string[found.start() : start]}{KEYS_HERE}{found.group('keys')}{KEYS_HERE}"

    def part(found: re.Match[str]) -> str:
        one, others = found.group("keys"), found.group("others")
        return f"{found.group('word')}{KEYS_HERE}{one}{KEYS_HERE}, {KEYS_HERE}{others}{KEYS_HERE}"

    text = _with_numbers_as_keys(text.replace(KEYS_HERE, ""))
    parts = _CONTRAST.sub(part, _ASIDE.sub(lambda found: found.group("keys"), text)).split(KEYS_HERE)
    # What is between two marks is lifted; only what is outside can have more.
    parts = "".join(
        f"{KEYS_HERE}{piece}{KEYS_HERE}" if at % 2 else _NOUN.sub(lift, _OPENING.sub(lift, piece) if not at else piece)
        for at, piece in enumerate(parts)
    ).split(KEYS_HERE)
    nouns = [parse_keys(piece) for piece in parts[1::2]]
    plain = " ".join(KEYS_HERE.join(_KEYS.sub(" ", piece) for piece in parts[::2]).split())
    plain = re.sub(r"\s+([.,;:!?)])", r"\1", re.sub(r"\(\s?[,;]?\s?\)", "", plain))
    return plain.lstrip(":;, "), nouns


def _with_numbers_as_keys(text: str) -> str:
    """``text`` with "Figure 1" as "Figure [1]" where the sentence cites that key, which is what it means."""
    keys = set(parse_keys(text))

    def bracketed(found: re.Match[str]) -> str:
        number = found.group("number")
        return f"{found.group('word')}[{number}]" if int(number) in keys else found.group()

    return _NUMBERED.sub(bracketed, text)


def best_quote(record: FigureRecord, terms: Sequence[str], entities: Sequence[Entity] = ()) -> str:
    """What of the caption (of the title, where there is none) bears most on the question.

    The sentence that has most of what is asked, with sentences beside it as long as they add to
    that; a sentence that only repeats the title comes last. ``terms`` are normalised words. The
    result is verbatim from the record, but for a final ellipsis where it was cut; it is empty only
    where the record has no text at all.
    """
    sentences, (first, last) = _best_span(record, terms, entities)
    return _cut(" ".join(sentences[first : last + 1]), MAX_QUOTE)


def best_excerpt(record: FigureRecord, terms: Sequence[str], entities: Sequence[Entity] = ()) -> str:
    """As ``best_quote``, with as many of the sentences after and before it as fit into ``MAX_EXCERPT`` characters."""
    sentences, (first, last) = _best_span(record, terms, entities)
    length = len(" ".join(sentences[first : last + 1]))
    while last + 1 < len(sentences) and length + 1 + len(sentences[last + 1]) <= MAX_EXCERPT:
        last += 1
        length += 1 + len(sentences[last])
    while first and length + 1 + len(sentences[first - 1]) <= MAX_EXCERPT:
        first -= 1
        length += 1 + len(sentences[first])
    return _cut(" ".join(sentences[first : last + 1]), MAX_EXCERPT)


def _best_span(
    record: FigureRecord, terms: Sequence[str], entities: Sequence[Entity]
) -> tuple[list[str], tuple[int, int]]:
    """The sentences of the record, and the first and last of those that bear most on the question."""
    sentences = list(split_sentences(record.caption or "")) or [record.title or record.paper_title or ""]
    texts = [spaced(sentence) for sentence in sentences]
    whole, title = "".join(texts), spaced(record.title)
    said = [term for term in terms if says(whole, term)]
    named = [aliases for e in entities if (aliases := [alias for alias in e.aliases if says(whole, alias)])]
    scores = [(_overlap(t, said, named), t != title, min(len(s), 60)) for s, t in zip(sentences, texts, strict=True)]
    first = last = max(range(len(sentences)), key=lambda i: (*scores[i], -i))
    quote = sentences[first]
    while neighbour := _adding_neighbour(sentences, texts, (first, last), quote, said):
        first, last = min(first, neighbour[0]), max(last, neighbour[0])
        quote = neighbour[1]
    return sentences, (first, last)


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    return text[:limit].rsplit(" ", 1)[0].rstrip(",;: ") + "…"


def _adding_neighbour(
    sentences: Sequence[str], texts: Sequence[str], span: tuple[int, int], quote: str, terms: Sequence[str]
) -> tuple[int, str] | None:
    """The sentence before or after ``quote`` that has a term it lacks and fits: its position, and both joined."""
    first, last = span
    asked = [term for term in terms if not says("".join(texts[first : last + 1]), term)]
    for position in (last + 1, first - 1):
        if not 0 <= position < len(sentences) or not _overlap(texts[position], asked, ()):
            continue
        pair = (quote, sentences[position]) if position > last else (sentences[position], quote)
        if len(joined := " ".join(pair)) <= MAX_QUOTE:
            return position, joined
    return None


def is_restatement(sentence: str, quote: str) -> bool:
    """Whether a sentence says part of a quote in its own order and words, but for articles, "then" and forms of "be".

    Whatever could turn its sense stays: names in their letter case, prepositions, negations, and the
    sequence of what acts on what. For small language models, which swap agents.
    """
    said = [atom for atom in atoms(sentence) if atom not in _WITHOUT_SENSE]
    has = [atom for atom in atoms(quote) if atom not in _WITHOUT_SENSE]
    in_order = any(has[at : at + len(said)] == said for at in range(len(has) - len(said) + 1))
    names = [word for word in _NAME_LIKE.findall(sentence) if any(c.isupper() for c in word[1:])]
    return in_order and all(name in quote for name in names)


def _overlap(text: str, terms: Sequence[str], named: Sequence[Sequence[str]]) -> float:
    """How much of the question a sentence has: its terms, and twice as much for each entity."""
    entities = sum(any(says(text, alias) for alias in aliases) for aliases in named)
    return 2.0 * entities + sum(says(text, term) for term in terms)


def check_sentence(
    sentence: str,
    evidence: Mapping[int, Evidence],
    *,
    entities: Sequence[Entity] = (),
    min_shared: float = MIN_SHARED,
    verified: Verified | None = None,
) -> Check:
    """The verdict on one sentence of a draft that cites keys of ``evidence``.

    ``entities`` are those that the corpus knows the sentence to name. Supported means: it has a
    key, each key was shown in this turn, every entity, name and number in it stands in a record
    that it cites, and so does the share ``min_shared`` of its other words; it holds no address; and where ``verified``
    is given, that finds it supported too. Of several reasons the one that says most is given.
    """
    keys = parse_keys(sentence)
    plain = without_keys(sentence)
    if not keys:
        return Check(plain, (), Verdict.DROPPED, "cites no figure")
    unknown = [key for key in keys if key not in evidence]
    if unknown:
        shown = tuple(key for key in keys if key in evidence)
        return Check(plain, shown, Verdict.DROPPED, f"cites {render_keys(unknown)}, which was not shown")
    cited = [evidence[key].record for key in keys]
    words = [atom for record in cited for atom in record_atoms(record)]
    lacking = "holds an address" if _ADDRESS.search(plain) else None
    lacking = lacking or _missing_name(plain, words, cited) or _missing_entity(entities, words, cited)
    if lacking:
        return Check(plain, keys, Verdict.DROPPED, lacking)
    stray = _missing_words(plain, words, min_shared)
    found = verified(_YES.sub("", plain), cited) if verified else Verification(Support.SUPPORTED)
    if stray or found.verdict is Support.UNSUPPORTED:
        # That it speaks of other things is what its words show better than a word for it.
        telling = found.verdict is not Support.SUPPORTED and found.reason != OFF_TOPIC
        return Check(plain, keys, Verdict.DROPPED, found.reason if telling or not stray else stray)
    return Check(plain, keys, Verdict.PARTLY if found.reason else Verdict.SUPPORTED, found.reason)


def record_atoms(record: FigureRecord) -> list[str]:
    """The record's text and table words in normalised form; "|" keeps phrases from crossing fields."""
    return [atom for text in _texts(record) for atom in [*atoms(text), "|"]]


def _texts(record: FigureRecord) -> list[str]:
    fields = [record.title, record.caption, record.paper_title, record.journal, str(record.year or "")]
    fields += [*record.organisms, *record.keywords, record.number, record.reference]
    fields += [text for m in record.mentions for text in (m.word, m.name)]
    return [field for field in fields if field]


def _missing_name(sentence: str, words: Sequence[str], cited: Sequence[FigureRecord]) -> str | None:
    """A name, number or figid of the sentence that the cited records do not have."""
    for figid in _FIGID_LIKE.findall(sentence):
        if not any(figid.rstrip(".,;:)") in (record.figid, record.pmcid) for record in cited):
            return f"names {figid}"
    numbers = {word for record in cited for text in _texts(record) for word in _NAME_LIKE.findall(text)}
    before = ""
    for word in _NAME_LIKE.findall(_FIGID_LIKE.sub(" ", sentence)):
        if word.isdecimal():
            # The 38 of "p38" is no evidence for 38%, but "caspase 3" may stand for caspase-3.
            found = word in numbers or (before and contains(words, [*atoms(before), *atoms(word)]))
        else:
            found = not _is_name(word, first=not before) or _has_name(word, words)
        if not found:
            return f"“{word}” is not in the record"
        before = word
    return None


def _missing_entity(entities: Sequence[Entity], words: Sequence[str], cited: Sequence[FigureRecord]) -> str | None:
    """An entity that neither the tables nor the text of the cited records have."""
    printed = {(m.kind, m.name) for record in cited for m in record.mentions}
    for entity in entities:
        in_tables = any((entity.kind, name) in printed for name in entity.names)
        if not in_tables and not any(contains(words, alias.split()) for alias in entity.aliases):
            return f"“{entity.mention}” is not in the record"
    return None


def _is_name(word: str, *, first: bool) -> bool:
    """Whether a word is written as a name: with a digit or a capital.

    A word with nothing but its first letter in capitals that opens the sentence counts where it is
    as short as a gene's symbol ("Wnt", "Akt").
    """
    if any(c.isdigit() for c in word) or any(c.isupper() for c in word[1:]):
        return True
    if not word[0].isupper() or word.lower() in STOPWORDS:
        return False
    return not first or (len(word) <= 4 and word.lower() not in _OPENERS)


def _has_name(word: str, words: Sequence[str]) -> bool:
    """Whether a name occurs whole, or, where it is joined by hyphens or slashes, each of its parts does."""
    whole = atoms(word)
    if contains(words, whole):
        return True
    parts = [atoms(part) for part in re.split(r"[-‐-―−/]", word)]
    return len(parts) > 1 and all(
        contains(words, part)
        or (part and part[0] in _JOINED)
        or (len(part[0]) > 3 and part[0].isalpha() and _stem_in(part[0], words))
        for part in parts
        if part
    )


_JOINED = frozenset(
    """dependent independent dependently independently mediated induced driven dependence stimulated activated related
    associated specific positive negative deficient""".split()
)
"""What may be joined to a name with no such word in the record; what it says of the name is verified apart."""


def _missing_words(sentence: str, words: Sequence[str], min_shared: float) -> str | None:
    """Why the sentence strays from its records: too few of its content words stand there."""
    content = [a for a in atoms(sentence) if len(a) > 3 and a not in STOPWORDS]
    said = [w for w in _NAME_LIKE.findall(sentence) if _is_name(w, first=False) or set(atoms(w)) & set(content)]
    if not content or len(said) < MIN_WORDS:
        return "says too little to be checked"
    # Where less is asked for, what the words for effects say is verified apart, and they may be others.
    lenient = min_shared < MIN_SHARED
    strange = [a for a in content if not _stem_in(a, words) and not (lenient and sense_of(a) is not None)]
    if 1 - len(strange) / len(content) < min_shared:
        return f"{_listed(strange)} {'is' if len(strange) == 1 else 'are'} not in the record"
    return None


def _listed(words: Sequence[str]) -> str:
    named = [f"“{word}”" for word in words[:3]]
    if len(words) > len(named):
        return f"{', '.join(named)} and {len(words) - len(named)} more of its words"
    return " and ".join(filter(None, (", ".join(named[:-1]), named[-1])))


def _stem_in(atom: str, words: Sequence[str]) -> bool:
    """Whether another form of a word occurs: the same beginning of five letters or more, or all but its "s"."""
    is_short_form = len(atom) == 5 and atom.endswith("s") and not atom.endswith("ss")  # "binds", of "bind"
    stem = atom[:4] if is_short_form else atom[: max(5, len(atom) - 3)]
    return any(word.startswith(stem) for word in words)
