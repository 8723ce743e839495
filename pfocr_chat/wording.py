"""Other words for those of a question: typing errors mended, abbreviations and names written out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rapidfuzz import process
from rapidfuzz.distance import OSA

from pfocr_chat.catalog import Catalog
from pfocr_chat.lexicon import ENGLISH_LIKE, STOPWORDS, atoms, name_key, singular, squeezed
from pfocr_chat.organisms import ORGANISMS, find_organisms
from pfocr_chat.queries import Entity, Expansion

SHORTEST = 5
"""Letters of a word that may be mended where two changed places; a shorter one is close to too many others. With one
letter more, one may be missing or too many, and with two more, one may be wrong: "vision" is not "virion"."""
LONG = 10
"""Letters from which two errors are forgiven, not one."""
SHORTEST_NAME = 4
"""Letters of a name with a number that may be mended where two of them changed places; one more, where one is
wrong, missing or too many: TRAF8 may be a name as well as TRAJ8."""
CANDIDATES = 5
"""Stems that are looked at as what a word was meant to be, the nearest first."""
LONGEST_PHRASE = 6
MAX_OTHERS = 6
"""Ways to say the same that are searched for."""

_ORGANISM_NAMES = {o.latin: tuple(name_key(name) for name in (o.latin, *o.names)) for o in ORGANISMS}
_WORD = re.compile(r"(?<![^\W_])[^\W\d_]+(?![^\W_])")
_CAPITALS = re.compile(r"(?<![^\W_])[A-Z][A-Z\d]+(?![^\W_])")
_CODE = re.compile(r"(?<![^\W_])(?P<letters>[^\W\d_]{4,})[-‐-―−]?(?P<number>\d+)(?![^\W_])")
_ENDINGS = ("", "s", "e", "es", "ed", "ing", "ion", "ation", "ism", "al")


def corrected(text: str, catalog: Catalog) -> tuple[str, tuple[tuple[str, str], ...]]:
    """``text`` with its typing errors mended, and what was replaced by what.

    Only words that stand in no record and are no known name are looked at; the nearest word of the
    records that begins with the same two letters takes their place, at an optimal string alignment
    distance of one, or two in long words; in the shortest ones two letters may have changed places. A
    name with a number is read as the one name that has this number and almost these letters.
    """
    replaced: dict[str, str] = {}
    for code in _CODE.finditer(text):
        meant = _nearest_name(code, catalog)
        if meant:
            replaced[code.group()] = meant
    for word in dict.fromkeys(_WORD.findall(text)):
        meant = _nearest_word(word, catalog)
        if meant:
            replaced[word] = meant
    for word, meant in replaced.items():
        text = re.sub(rf"(?<![^\W_]){re.escape(word)}(?![^\W_])", meant, text)
    return text, tuple(replaced.items())


def _nearest_word(word: str, catalog: Catalog) -> str | None:
    atom = " ".join(atoms(word))
    if len(atom) < SHORTEST or not atom.isalpha() or atom in STOPWORDS or word.isupper():
        return None
    known = catalog.readings(squeezed(form) for form in (atom, singular(atom)) if form)
    if known or catalog.has_word(atom):
        return None
    limit = 2 if len(atom) >= LONG else 1
    for stem in _near_stems(atom, limit, catalog.words_like(atom[:2])):
        meant = catalog.word_like(stem, atom)
        # The stems may be closer than the words are: "nephriti" and "nephrin".
        nearest = min(meant, f"{meant}s", key=lambda form: OSA.distance(atom, form))
        close = meant != atom and OSA.distance(atom, nearest) <= limit and _is_likely(atom, nearest)
        if close and catalog.has_word(meant):
            return meant
    # Words whose second letter is wrong, or of which the corpus has no form as near.
    swapped = [other for other in _swaps(atom) if other[0] == atom[0] and catalog.has_word(other)]
    return swapped[0] if len(swapped) == 1 else None


def _near_stems(atom: str, limit: int, stems: Mapping[str, int]) -> list[str]:
    """Those stems of the corpus that a word may have if it is mistyped, the nearest and most frequent first."""
    near: dict[str, int] = {}
    forms = {atom.removesuffix(ending) for ending in _ENDINGS}
    for form in (forms | {re.sub("y$", "i", atom)}) - {""}:
        for stem, distance, _ in process.extract(form, stems.keys(), scorer=OSA.distance, score_cutoff=limit):
            if len(stem) >= SHORTEST - 1:
                near[stem] = min(int(distance), near.get(stem, limit))
    near |= {stem: limit for stem in stems if len(stem) > SHORTEST and atom.startswith(stem) and stem not in near}
    return sorted(near, key=lambda stem: (near[stem], -stems[stem], stem))[:CANDIDATES]


def _is_likely(word: str, meant: str) -> bool:
    """Whether a short word may be a slip for another."""
    if len(word) > SHORTEST + 1 or _is_swap(word, meant):
        return True
    return len(word) > SHORTEST and len(word) != len(meant)


def _swaps(word: str) -> set[str]:
    """A word with two neighbouring letters in each other's place."""
    return {word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word) - 1)} - {word}


def _is_swap(word: str, other: str) -> bool:
    """Whether two words differ in two neighbouring letters that have changed places."""
    return OSA.distance(word, other) == 1 and sorted(word) == sorted(other)


def _nearest_name(code: re.Match[str], catalog: Catalog) -> str | None:
    spelling = " ".join(atoms(code.group()))
    key = squeezed(spelling)
    letters, number = key.rstrip("0123456789"), code["number"]
    bare = key.removeprefix("p") if re.match("p[A-Z]", code.group()) else key
    if catalog.readings({key, bare}) or catalog.has_phrase(spelling) or not letters.isalpha():
        return None
    near = {f"{other}{number}" for other in _swaps(letters)}
    if len(letters) > SHORTEST_NAME:
        near |= {
            name
            for name in catalog.names_like(letters[:2])
            if name.rstrip("0123456789") + number == name and OSA.distance(name, key) == 1
        }
    # A name that no figure prints is as likely a coincidence.
    meant = {name for name, found in catalog.readings(near).items() if any(r.printed for r in found)}
    best = [name for name in sorted(meant) if _is_swap(name, key)] or sorted(meant)
    return best[0].upper() if len(best) == 1 else None


def expansions_of(text: str, entities: Sequence[Entity], catalog: Catalog) -> tuple[Expansion, ...]:
    """Other words for parts of ``text``: other spellings of its entities, the long forms of abbreviations and the
    abbreviations of long forms, and the other names of organisms."""
    words = atoms(text)
    found: dict[tuple[str, ...], dict[str, None]] = {}
    phrases = {
        " ".join(words[at : at + length]): tuple(words[at : at + length])
        for length in range(1, LONGEST_PHRASE + 1)
        for at in range(len(words) - length + 1)
    }
    forms = {form: phrase for phrase in phrases for form in (phrase, singular(phrase)) if form}
    capitals = {name_key(word) for word in _CAPITALS.findall(text)}
    asked = [form for form in forms if form in capitals or _may_be_expanded(form)]
    for form, others in catalog.expansions(asked).items():
        common = sorted(others, key=lambda other: (-others[other], other))[: MAX_OTHERS // 2]
        found.setdefault(phrases[forms[form]], {}).update(dict.fromkeys(common))
    for span in find_organisms(text):
        called = tuple(atoms(text[span.start : span.end]))
        found.setdefault(called, {}).update(dict.fromkeys(_ORGANISM_NAMES.get(span.name, ())))
    for entity in entities:
        spelled = sorted(entity.aliases, key=lambda alias: (len(alias.split()), len(alias), alias))
        found.setdefault(tuple(atoms(entity.mention)), {}).update(dict.fromkeys(spelled[:MAX_OTHERS]))
    return tuple(
        Expansion(phrase, kept)
        for phrase, others in found.items()
        if (kept := tuple(other for other in others if other != " ".join(phrase) and _may_be_expanded(other)))
    )


def _may_be_expanded(form: str) -> bool:
    """Whether words in lower case may be a short or a long form; "er" and "all" may not."""
    return len(form.replace(" ", "")) > 2 and form not in STOPWORDS and form not in ENGLISH_LIKE
