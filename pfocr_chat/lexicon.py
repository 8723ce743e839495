"""Names as the literature spells them, brought to one form.

``atoms`` is the one normalisation of the project: the lexical index, the names lexicon, the
question and the verifier all compare text in this form, so that "TNF-α", "TNFα" and "TNF alpha",
or "IL-6" and "IL6", are the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache

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
    mentioned cover covers something""".split()
)
"""Words of a question that say nothing of what it is about."""

RELATION_WORDS = frozenset(
    """link links linked linking connect connects connected connecting connection relate relates related relation
    relationship involve involves involved involving act acts acting action actions activate activates activated
    activation inhibit inhibits inhibited inhibition induce induces induced induction regulate regulates regulated
    regulation control controls promote promotes suppress suppresses block blocks bind binds interact interacts
    interaction crosstalk cross talk role roles function effect effects affect affects mechanism mechanisms
    signal signals signaling signalling cascade cascades upstream downstream mediate mediates mediated model
    overview schematic summary process processes cell cells gene genes protein proteins deal deals dealing""".split()
)
"""Words of a question that say how things are related, or what kind of thing they are, and name no subject."""

_ENGLISH_LIKE = frozenset(
    """add age aim an and ant arc are arm art as at bad bar bat be beam bid big bit box can cap cat cell cells chip
    clock cluster cope dark day direct disc dose drug end era eye fact far fast fat fig fish flap fly for form gap
    gas gene genes get had has hip hit hot how ice impact in ion is it jet key kit lab large last layer leg light
    link load lot map mark mask mass max met mice mid mix model mouse move mute nail net new no normal not now of
    off on out pace pad part past path peak pen per pin plan plant plants poly pop protein proteins rack rain rap
    rare rat ray red rest rim ring rip road role root sea set she ski sky skin small so son spy star stem step
    stress tail tan tap target task tax the top trap tub type via was wave week what who wiz""".split()
)
"""English words that are also names of genes: read as names only where they are written in capitals."""


def atoms(text: str) -> list[str]:
    """The normalised word pieces of ``text``: letters and digits apart, Greek letters by name, lower case."""
    return [atom for atom, _, _ in atom_spans(text)]


def atom_spans(text: str) -> Iterator[tuple[str, int, int]]:
    """As ``atoms``, each with its start and end in ``text``.

    Compatibility forms (ligatures, full-width letters, "µ") are folded one character at a time, so
    that the spans hold for the text as given.
    """
    folded = text if text.isascii() else "".join(map(_fold, text))
    for run in _ATOM.finditer(folded):
        yield from _split_greek(folded, run.start(), run.end())


@cache
def _fold(character: str) -> str:
    folded = unicodedata.normalize("NFKC", character)
    return folded if len(folded) == 1 else character


def _split_greek(text: str, start: int, end: int) -> Iterator[tuple[str, int, int]]:
    """The run ``text[start:end]`` with Greek letters, and Greek names beside capitals, split off."""
    at = start
    for found in _GREEK_PART.finditer(text[start:end]):
        first, last = start + found.start(), start + found.end()
        if first > at:
            yield _lower(text[at:first]), at, first
        letter = found.group().lower()
        yield GREEK.get(letter, letter), first, last
        at = last
    if at < end:
        yield _lower(text[at:end]), at, end


def _lower(text: str) -> str:
    if text.isascii():
        return text.lower()
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))


def name_key(name: str) -> str:
    """The form under which a name is looked up."""
    return " ".join(atoms(name))


def singular(key: str) -> str | None:
    """The key of the singular where the last atom looks like a plural, else ``None``."""
    head, _, last = key.rpartition(" ")
    if len(last) > 3 and last.endswith("s") and not last.endswith(("ss", "us", "is")):
        return f"{head} {last[:-1]}".strip()
    return None


def name_windows(text: str, longest: int = 6) -> list[tuple[str, int, int, str]]:
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


def reads_as_name(written: str) -> bool:
    """Whether a word of a question may be looked up as a name.

    English words that are also gene symbols ("rest", "cat", "max") count in capitals only, single
    letters and bare numbers never.
    """
    lowered = written.lower()
    if lowered in STOPWORDS or lowered in _ENGLISH_LIKE:
        return written.isupper() and len(written) > 2
    return len(lowered) > 1 and not written.isdigit()


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
