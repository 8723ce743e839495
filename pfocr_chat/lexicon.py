"""Names as the literature spells them, brought to one form.

``atoms`` is the one normalisation of the project: the lexical index, the names lexicon, the
question and the verifier all compare text in this form, so that "TNF-α", "TNFα" and "TNF alpha",
or "IL-6" and "IL6", are the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache

GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta", "η": "eta",
    "θ": "theta", "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi",
    "ο": "omicron", "π": "pi", "ρ": "rho", "σ": "sigma", "ς": "sigma", "τ": "tau", "υ": "upsilon",
    "φ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega", "ϵ": "epsilon", "ϕ": "phi", "ϑ": "theta",
}  # fmt: skip
_GREEK_PART = re.compile(
    r"[α-ωΑ-Ωϵϕϑ]|(?<![a-z])(?:[Aa]lpha|[Bb]eta|[Gg]amma|[Dd]elta|[Ee]psilon|[Kk]appa|[Ll]ambda|[Zz]eta|[Tt]heta)(?![a-z])"
)
_ATOM = re.compile(r"(?:[^\W\d_][\u0300-\u036f]*)+|\d+")
_LATIN = {
    "alpha": "a", "beta": "b", "gamma": "g", "delta": "d", "epsilon": "e", "zeta": "z", "eta": "h", "theta": "q",
    "iota": "i", "kappa": "k", "lambda": "l", "mu": "m", "sigma": "s", "tau": "t", "omega": "w",
}  # fmt: skip
"""The Latin letter that stands in for a Greek one in names ("TNFa", "NFkB", "HIF1a")."""

_GARBLED = {letter.encode().decode("mac_roman"): letter for letter in GREEK if len(letter.encode()) == 2}
_GARBLED_PART = re.compile("[Œœ][" + re.escape("".join(sorted({pair[1] for pair in _GARBLED}))) + "]")
"""A Greek letter whose UTF-8 bytes were read as Mac Roman ("NF-Œ∫B"), as some captions have it."""

# British spellings, and the American ones that everything is compared in.
_SPELLINGS = tuple(
    (re.compile(pattern), american)
    for pattern, american in (
        (r"(arm|behavi|col|endeav|fav|ferv|flav|glam|harb|hon|hum|lab|neighb|od|rig|rum|sav|tum|vap|vig)our", r"\1or"),
        (r"(cancel|channel|label|level|model|signal|total|travel|tunnel)l(?=(?:ing|ed|er|ers)$)", r"\1"),
        (r"(?<=[a-z]{3}[^aeioucvw])(?<!pr)is(?=(?:e|es|ed|ing|er|ers|ation|ations)$)", "iz"),
        (r"(?<=[a-z]{2})lys(?=(?:e|ed|ing)$)", "lyz"),
        (r"haem(?=[a-z])", "hem"), (r"aemi(?=[ac])", "emi"), (r"oesoph", "esoph"), (r"uraem", "urem"),
        (r"^oestr", "estr"), (r"oedem", "edem"), (r"^foet", "fet"), (r"paedi", "pedi"), (r"^aetiol", "etiol"),
        (r"anaesth", "anesth"), (r"^(an|isch|hypox)aem", r"\1em"), (r"^coeli", "celi"), (r"diarrhoe", "diarrhe"),
        (r"^amoeb", "ameb"), (r"^caec", "cec"), (r"^faec", "fec"), (r"gynaec", "gynec"), (r"sulph", "sulf"),
        (r"fibre", "fiber"), (r"^centre", "center"), (r"^(|milli|micro|centi|nano)(lit|met)re(?=s?$)", r"\1\2er"),
        (r"logue(?=s?$)", "log"), (r"^mould", "mold"), (r"^grey$", "gray"), (r"^ageing$", "aging"),
        (r"defence", "defense"), (r"^programme(?=s?$)", "program"), (r"aluminium", "aluminum"),
    )
)  # fmt: skip
_NOT_BRITISH = frozenset("premise premises promise promises compromise expertise advertise franchise dialogue".split())

STOPWORDS = frozenset(
    """a about above after all also am among an and any anything are as at be because been before being between both
    but by can could did do does doing done during each either else even every few find for from further get give
    given had has have having he her here him his how i if in into is it its itself just know let like list look
    make many may me might more most much must my no nor not of off on one only onto or other our out over own
    please same shall she should show showing shown shows since so some such tell than that the their them then
    there these they this those through to too under until up upon us use used using very via was we were what
    when where whether which while who whom whose why will with within without would you your
    figure figures fig pathway pathways diagram diagrams illustrate illustrates illustrated depict depicts depicting
    describe describes explain explains picture image drawing figs paper papers article articles published there
    illustrating display displays present presents presenting want wants need needs help hello hi thanks interested
    concerning together number total per year years last database collection index available mention mentions
    mentioned cover covers something except excluding exclude excluded excludes lacking neither minus title caption
    abstract wrote instead happen happens happened remain remains remaining""".split()
)
"""Words of a question that say nothing of what it is about."""

RELATION_WORDS = frozenset(
    """link links linked linking connect connects connected connecting connection relate relates related relation
    relationship involve involves involved involving act acts acting action actions activate activates activated
    activation inhibit inhibits inhibited inhibition induce induces induced induction regulate regulates regulated
    regulation control controls promote promotes suppress suppresses block blocks bind binds interact interacts
    interaction crosstalk cross talk role roles function effect effects affect affects mechanism mechanisms
    signal signals signaling signalling cascade cascades upstream downstream mediate mediates mediated model
    overview schematic summary process processes cell cells gene genes protein proteins family families superfamily deal
    deals dealing""".split()
)
"""Words of a question that say how things are related, or what kind of thing they are, and name no subject."""

ENGLISH_LIKE = frozenset(
    """act add age aim an and ant arc are arm art as at bad bar bat be beam best bid big bit box can cap cat
    cell cells chip clock cluster cope damp dark day direct disc dose drug end era etc eye fact far fast fat fig
    fish flap fly for form gap gas gene genes get had has help hip hit hot how ice impact impacts in ion is it
    jet key kit lab large last layer leg light link load lot map mark mask mass max met mice mid mix model mouse
    move mute nail net new no normal not now of off on out pace pad part past path peak pen per pin plan plant
    plants poly pop protein proteins rack rain rap rare rat ray red rest rim ring rip road role root sam sea set
    she ski skin sky small so son spy star stem step stress tail tan tap target task tax the top trap tub type
    via was wave week what who wiz""".split()
)
"""English words that are also names of genes: read as names only where they are written in capitals."""


def atoms(text: str) -> list[str]:
    """The normalised word pieces of ``text``: letters and digits apart, Greek letters by name, lower case."""
    if text.isascii():
        found: list[str] = []
        for run in _ATOM.findall(text):
            if run.islower() or not _GREEK_PART.search(run):
                found.append(_lower(run))
            else:
                found.extend(atom for atom, _, _ in _split_greek(run, 0, len(run)))
        return found
    return [atom for atom, _, _ in atom_spans(text)]


def atom_spans(text: str) -> Iterator[tuple[str, int, int]]:
    """As ``atoms``, each with its start and end in ``text``.

    Compatibility forms (ligatures, full-width letters, "µ") are folded one character at a time, so
    that the spans hold for the text as given.
    """
    folded = text if text.isascii() else _GARBLED_PART.sub(_mended, "".join(map(_fold, text)))
    for run in _ATOM.finditer(folded):
        yield from _split_greek(folded, run.start(), run.end())


def _mended(pair: re.Match[str]) -> str:
    """The Greek letter, with a mark that is dropped later so that the length stays."""
    return f"{_GARBLED.get(pair.group(), pair.group()[0])}\u0300"


@cache
def _fold(character: str) -> str:
    folded = unicodedata.normalize("NFKC", character)
    return folded if len(folded) == 1 else character


def _split_greek(text: str, start: int, end: int) -> Iterator[tuple[str, int, int]]:
    """The run ``text[start:end]`` with Greek letters, and Greek names beside capitals, split off."""
    at = start
    for found in _GREEK_PART.finditer(text[start:end]):
        first, last = start + found.start(), start + found.end()
        if first > at and (head := _lower(text[at:first])):
            yield head, at, first
        letter = found.group().lower()
        yield GREEK.get(letter, letter), first, last
        at = last
    if at < end and (tail := _lower(text[at:end])):
        yield tail, at, end


@lru_cache(maxsize=200_000)
def _lower(text: str) -> str:
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return _american(text.lower())


def _american(word: str) -> str:
    if len(word) < 4 or word in _NOT_BRITISH:
        return word
    for pattern, american in _SPELLINGS:
        word = pattern.sub(american, word)
    return word


def name_key(name: str) -> str:
    """The form in which a name is looked for in text."""
    return " ".join(atoms(name))


def lookup_key(name: str) -> str:
    """The form under which a name is looked up in the tables: without separators, Greek letters as Latin ones.

    "TNF-α", "TNFalpha", "TNF-a" and "TNFa" all give "tnfa"; "IL-1β" and "IL1B" give "il1b".
    """
    return squeezed(name_key(name))


def squeezed(key: str) -> str:
    """The lookup key of a ``name_key``."""
    parts = key.split()
    return "".join(_LATIN.get(part, part) for part in parts) if len(parts) > 1 else key


def greek_variants(spelling: str) -> set[str]:
    """A spelling, and what it is with Latin letters for the Greek ones: "tnf alpha", "tnf a", "tnfa"."""
    parts = spelling.split()
    variants = {spelling}
    for at, part in enumerate(parts):
        letter = _LATIN.get(part)
        if letter and len(parts) > 1:
            variants.add(" ".join([*parts[:at], letter, *parts[at + 1 :]]))
            if at and parts[at - 1].isalpha():
                variants.add(" ".join([*parts[: at - 1], parts[at - 1] + letter, *parts[at + 1 :]]))
    return variants


def singular(key: str) -> str | None:
    """The key of the singular where the last atom looks like a plural, else ``None``."""
    head, _, last = key.rpartition(" ")
    if len(last) > 3 and last.endswith("s") and not last.endswith(("ss", "us", "is")):
        return f"{head} {last[:-1]}".strip()
    return None


def name_windows(text: str, longest: int) -> list[tuple[str, int, int, str]]:
    """Every run of up to ``longest`` atoms that may be a name: (key, first atom, last atom + 1, as written).

    Runs do not cross punctuation other than hyphens, slashes, apostrophes and brackets within a name.
    """
    spans = list(atom_spans(text))
    windows = []
    for first in range(len(spans)):
        for last in range(first, min(first + longest, len(spans))):
            if last > first and not re.fullmatch(r"[ \-‐-―−/'’(),]?|, ", text[spans[last - 1][2] : spans[last][1]]):
                break
            if re.match(r"[-‐-―−]?\d", text[spans[last][2] :]):
                continue  # "IL" is not the name in "IL-6"
            written = text[spans[first][1] : spans[last][2]]
            windows.append((" ".join(s[0] for s in spans[first : last + 1]), first, last + 1, written))
    return windows


def is_ordinary_word(lowered: str) -> bool:
    """Whether a word in lower case is one of English before it is a name."""
    return lowered in STOPWORDS or lowered in ENGLISH_LIKE or lowered in RELATION_WORDS


def reads_as_name(written: str) -> bool:
    """Whether a word of a question may be looked up as a name.

    English words that are also gene symbols ("rest", "cat", "max") and those that say how things are
    related ("acts") count only with a capital inside ("CAT", "ERa"), single letters and bare numbers never.
    """
    lowered = written.lower()
    if is_ordinary_word(lowered):
        return any(c.isupper() for c in written[1:]) and len(written) > 2
    return len(lowered) > 1 and not written.isdigit()


def spaced(*texts: str | None) -> str:
    """Texts in normalised form, to be searched with ``says``; "|" keeps phrases from crossing from one to the next."""
    return f" {' | '.join(' '.join(atoms(text)) for text in texts if text)} "


def says(spaced_text: str, spelling: str) -> bool:
    """As ``contains``, for a text made by ``spaced`` and a name in the form of ``name_key``."""
    return any(form in spaced_text for form in _forms(spelling))


@lru_cache(maxsize=50_000)
def _forms(spelling: str) -> tuple[str, ...]:
    """A name with spaces around it, as singular and plural."""
    last = spelling.rpartition(" ")[2]
    bare = spelling[: len(spelling) - len(last)] + _without_s(last)
    plural = [f" {bare}s "] if len(_without_s(last)) > 2 else []
    return tuple(dict.fromkeys([f" {spelling} ", f" {bare} ", *plural]))


def contains(haystack: Sequence[str], needle: Sequence[str]) -> bool:
    """Whether the atoms ``needle`` stand in a row in ``haystack``; plural and singular of the last count as one."""
    width = len(needle)
    if not width:
        return False
    head, last = list(needle[:-1]), _without_s(needle[-1])
    for at in range(len(haystack) - width + 1):
        if _without_s(haystack[at + width - 1]) == last and haystack[at : at + width - 1] == head:
            return True
    return False


def _without_s(atom: str) -> str:
    return atom[:-1] if len(atom) > 3 and atom.endswith("s") and not atom.endswith("ss") else atom
