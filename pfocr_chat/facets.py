"""Counting figures by a facet: which breakdown a question asks for, and the table that answers it.

A question asks for a breakdown where it counts figures ("by year", "which genes appear most often with
SMAD4"). One that asks how things act on each other ("which genes does p53 activate"), or about one
record ("which genes are in PMC123"), does not. All repetitions of the patterns are bounded, so that the time
taken grows with the length of the question.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from pfocr_chat.catalog import Catalog
from pfocr_chat.journals import title_words
from pfocr_chat.organisms import canonical
from pfocr_chat.records import FIGID_PATTERN
from pfocr_chat.tables import Facet, FacetRow, FacetTable

# Counting


def count_facet(
    facet: Facet, figids: Sequence[str], catalog: Catalog, *, leave_out: Collection[str] = ()
) -> FacetTable:
    """The figures counted by a facet; figids that the index does not have are not counted.

    Spellings of a journal or an organism are counted together, under the commonest spelling of the
    journal and the one name of the organism. ``leave_out`` holds values, letter case aside, that get no
    row, such as the genes asked about; a figure that has no other still is one whose value is known.
    """
    recorded = catalog.facet_counts(facet, figids)
    known = {value: found for value, found in recorded.items() if value and value.strip()}
    counted = set(chain.from_iterable(known.values()))
    without = {figid for value, found in recorded.items() if value not in known for figid in found} - counted
    refused = {name.casefold() for name in leave_out}
    rows = [
        FacetRow(label, len(found), found)
        for label, found in _merged(facet, known, figids)
        if label.casefold() not in refused
    ]
    if facet is Facet.YEAR:
        rows.sort(key=lambda row: int(row.label))
    else:
        rows.sort(key=lambda row: (-row.figures, row.label.casefold(), row.label))
    return FacetTable(facet, tuple(rows), len(without), len(counted) + len(without))


def _merged(
    facet: Facet, known: Mapping[str, tuple[str, ...]], figids: Sequence[str]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Labels with their figures, in the order of ``figids``; values that mean the same are one."""
    if facet not in (Facet.JOURNAL, Facet.ORGANISM):
        yield from known.items()
        return
    alike: dict[str, list[str]] = defaultdict(list)
    for value in known:
        alike[_key(facet, value)].append(value)
    places: dict[str, int] = {}
    for values in alike.values():
        label = _label(facet, min(values, key=lambda value: (-len(known[value]), value)))
        if len(values) == 1:
            yield label, known[values[0]]
            continue
        places = places or {figid: place for place, figid in enumerate(dict.fromkeys(figids))}
        together = {figid for value in values for figid in known[value]}
        yield label, tuple(sorted(together, key=places.__getitem__))


def _key(facet: Facet, value: str) -> str:
    """What the spellings of a journal or an organism have in common."""
    if facet is Facet.JOURNAL:
        return title_words(value) or value.casefold()
    return _label(facet, value).casefold()


def _label(facet: Facet, value: str) -> str:
    return (facet is Facet.ORGANISM and canonical(value)) or " ".join(value.split())


# Reading

MAX_NOUNS = 50
"""Words such as "gene" that are looked at; a question with more of them is a pasted text."""

_FIGURES = r"(?:figures|figs|diagrams|schemes|drawings|illustrations|images|papers|publications|articles|records)"
_ONE_RECORD = re.compile(
    r"\bPMC\d+|\bfig(?:ure)?s?\.? ?\d{1,3}(?!\d)"
    r"|\b(?:this|that|the)(?: (?!top\b|most\b|per\b|by\b)[\w/+-]{1,40}){0,2}"
    r" (?:figure(?! ?types?)|diagram|paper|article|image)\b",
    re.IGNORECASE,
)
_WORDS = {
    Facet.FIGTYPE: r"(?:figure|diagram|image)[ -]types?|figtypes?|(?:types?|kinds?|sorts?) of (?:figures?|diagrams?)",
    Facet.YEAR: r"(?:(?:publication|calendar) )?years?(?: of publication)?|publication dates?",
    Facet.JOURNAL: r"(?:scientific )?journals?(?: titles?| names?)?",
    Facet.ORGANISM: r"(?:model )?(?:organisms?|species)|taxa",
    Facet.GENE: r"(?:human )?(?:genes?|proteins?)(?: symbols?| names?| products?)?",
    Facet.CHEMICAL: r"small molecules?|(?:chemical )?compounds?|chemicals?|metabolites?|drugs?|substances?",
    Facet.DISEASE: r"diseases?|disorders?",
    Facet.PAPER: r"(?:research )?(?:papers?|articles?|publications?)|studies",
}
_NOUN = re.compile(
    r"(?<![\w-])(?:"
    + "|".join(f"(?P<{facet.name}>{words})" for facet, words in _WORDS.items())
    + rf")(?:(?: and | or | & |/)(?:(?:by|per|which|what) )?(?:{'|'.join(_WORDS.values())})){{0,3}}(?![\w-])",
    re.IGNORECASE,
)
_ALWAYS_COUNTED = (Facet.YEAR, Facet.JOURNAL, Facet.FIGTYPE)
"""What is asked of figures only: "which journals" needs no other sign that figures are to be counted."""

# What a figure does with a name, and what may be said of anything else too.
_DRAWN = (
    r"(?:(?:co-?)?(?:appear|occur|feature|recur)(?:s|ed|r?ing)?|(?:show|come|turn|crop)s? up"
    r"|(?:co-?)?(?:shown|named|mentioned|drawn|depicted|printed|featured|listed|displayed|illustrated))"
)
_TOLD = (
    r"(?:found|seen|included|present|represented|discussed|covered|studied|used|investigated|reported|described"
    r"|examined|publish(?:es|ed|ing)?|carry|carries|contain(?:s|ed|ing)?|saw|sees?)"
)
_WORLDLY = re.compile(r"\b(?:found|seen|present|used|contain\w{0,3})\b", re.IGNORECASE)
_BE = r"(?:do|does|did|is|are|was|were|has|have|had|having|been|be|get|gets)"
_ENDS = (
    r"(?=\W*$| ?[,;:?!.)](?: |$)| (?:in|on|for|from|with|across|among|amongst|within|between|before|after|since|until"
    r"|over|about|by|and|or|but|together|along|alongside|beside|besides|next|showing|related|associated|linked"
    r"|connected|concerning|regarding|involving|during|throughout|per|published)\b)"
)
_SUPERLATIVE = (
    r"(?:(?:the )?(?:most|least)[ -](?:often|frequently|commonly|widely|regularly|frequent|common|popular|represented)"
    r"|(?:the )?commonest)"
)
_RANKED = (
    rf"(?:{_SUPERLATIVE}|(?:in )?(?:the )?(?:most|least|fewest|(?:highest|largest|greatest) number of)"
    rf"(?= (?:{_DRAWN}|{_TOLD}|{_FIGURES})\b|{_ENDS}))"
)
_OFTEN = r"(?:very |quite )?(?:often|frequently|commonly)"
_BESIDE = r"(?:together |along )?(?:with|alongside|beside)"


def _how_often(place: str) -> str:
    """The pattern of "most often" or "often", in groups named after their place."""
    return rf"(?:(?P<most_{place}> {_RANKED})|(?P<often_{place}> {_OFTEN}))?"


_NUMBERS = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "twelve": 12,
    "fifteen": 15, "twenty": 20, "thirty": 30, "fifty": 50, "hundred": 100,
}  # fmt: skip
_NUMBER = rf"(?:[1-9]\d{{0,2}}|{'|'.join(_NUMBERS)})"
_BEFORE = re.compile(
    rf"(?<![\w-])(?P<place>(?:in|from|by|for|of|during|on|{_BESIDE}) )?"
    r"(?:(?P<asks>(?:which|what) (?:(?:is|are|was|were) )?)|(?P<many>how many "
    r"|(?:(?:what|how (?:large|big|high)) (?:is|was) )?(?:the )?(?:total )?numbers? of )"
    r"|(?P<lists>(?:list|name|show|give|find|get|rank|tabulate|count|tell) (?:(?:me|us) )?))?"
    rf"(?:(?:all|of|the|other|different|distinct|unique|further|(?P<number>{_NUMBER})) ){{0,4}}"
    rf"(?P<top>top (?:(?P<top_number>{_NUMBER}) )?|(?:{_SUPERLATIVE}|{_OFTEN}|most) (?:{_DRAWN}|{_TOLD}) "
    rf"|{_SUPERLATIVE} )?$",
    re.IGNORECASE,
)
_TAIL = re.compile(
    rf"(?: that| which)?(?: (?:{_BE}|with(?= (?:the )?most))\b){{0,2}}(?: there\b)?{_how_often('before')}"
    rf"(?: (?:(?P<drawn>{_DRAWN})|(?P<told>{_TOLD}))\b)?{_how_often('after')}(?P<beside>(?= {_BESIDE}\b))?",
    re.IGNORECASE,
)
_INVERTED = re.compile(
    rf" {_BE}(?P<subject>(?: [^\s?!;]{{1,60}}){{1,12}}?)(?: (?:been|being|be|get))?{_how_often('before')}"
    rf" (?:(?P<drawn>{_DRAWN})|{_TOLD})\b{_how_often('middle')}(?: (?:in|on))?(?P<beside> {_BESIDE}\b)?"
    rf"{_how_often('after')}{_ENDS}",
    re.IGNORECASE,
)
_ENDS_THERE = re.compile(rf"{_ENDS}|(?= {_FIGURES}\b)", re.IGNORECASE)
_IN_FIGURES = re.compile(
    rf" (?:in|across|among|amongst|from|of|on|within|with|have|has)(?: [\w/+-]{{1,40}}){{0,4}}? {_FIGURES}(?![\w-])"
    rf"|(?P<bare>(?: (?:all|the|any|some|these|those|your|our|most))* {_FIGURES}(?![\w-]))",
    re.IGNORECASE,
)
_BY = re.compile(
    r"(?<![\w-])(?:(?P<how>[\w-]{1,40}) (?:down |up |out )?)?"
    r"(?P<by>(?:by|per|(?:for|in|from|of) (?:each|every)|according to) (?:the )?(?:publication )?)$",
    re.IGNORECASE,
)
_AFTER_BY = re.compile(rf"{_ENDS}|(?= (?:show|shows|have|is|are|were|mention|mentions|contain)\b)", re.IGNORECASE)
_SORTED = frozenset(
    """broken split grouped sorted counted divided ordered listed arranged tabulated plotted separated ranked organized
    organised summarized summarised distributed published""".split()
)
_ACROSS = re.compile(
    r"(?<![\w-])(?:(?:distributed|spread) )?(?:across|over|among|between)(?: the| all)?(?: different)? $", re.IGNORECASE
)
_ORDERS = re.compile(
    r"\W*(?:(?:please|can you|could you|would you|i want(?: you)? to|let us|let's|now|then|and|but|also|ok)\W+){0,4}"
    r"(?:sort|order|rank|group|split|divide|separate|arrange|organi[sz]e|categori[sz]e|classify|tabulate|count|list|show"
    r"|display|plot|chart|break)(?: me)?(?: (?:all|of|the|this|that|these|those|them|it|same|last|found)){0,4}"
    r"(?: (?:results?|lists?|answers?|hits|matches|ones))?(?: down| up| out)?",
    re.IGNORECASE,
)
"""An order to break down what was found before: "sort them", "now group the results"."""
_SPREAD = re.compile(r"\b(?:distribut\w{2,3}|spread|breakdown|compare)\b", re.IGNORECASE)
_COUNTING = re.compile(
    rf"\b(?:{_FIGURES}|how many|how often|numbers? of|counts?|trends?|distribution|breakdown|popularity|interest in"
    r"|research (?:on|in|into)|work on|publication|plot|chart|histogram|table)\b",
    re.IGNORECASE,
)
_EXPLAINS = re.compile(r"\W*(?:how (?!many|often)|why|do(?:es)?|did|is|are|can|explain|describe)\b", re.IGNORECASE)
_OF_ALL = re.compile(
    r"(?: (?:are|is)(?: there| shown)?)?(?: (?:here|altogether|overall|in (?:all|total)|in (?:the|this|your)"
    r" (?:whole |entire )?(?:index|database|collection|corpus)))?(?:,? please)?\W*$",
    re.IGNORECASE,
)
"""The end of a question that names nothing to be counted in."""
_OF_PEOPLE = re.compile(r"human\b", re.IGNORECASE)
_OVER_TIME = re.compile(
    r"(?:(?:been )?(?:grown?|grew|chang(?:e[ds]?|ing)|evolv(?:e[ds]?|ing)|develop(?:ed)?|var(?:y|ied)|risen?|rose"
    r"|increas(?:e[ds]?|ing)|declin(?:e[ds]?|ing)|distributed|spread) )?"
    r"\b(?:(?:over|through|throughout|across) (?:the )?(?:time|years)|year (?:by|over|after|on) year"
    r"|(?:each|every) year|annually|annual|yearly|(?:publication|time) trends?"
    rf"|trends? (?:of|in|for)(?= (?:the )?(?:number of )?{_FIGURES}\b))(?![\w-])(?! (?:series|course))",
    re.IGNORECASE,
)
_CHANGES = re.compile(r"\b(?:which|what|how|show(?:s|ing)?|depict\w{0,3}|illustrat\w{1,3})\b", re.IGNORECASE)
_WHEN = re.compile(
    rf"\W*(?P<when>when (?:were|did|have|are) )(?:[\w/+-]{{1,40}} ){{0,4}}?{_FIGURES}\b.{{0,300}}?"
    r"(?P<done>(?: first| mostly| been)? (?:published|appear|made|come out))?\W*$",
    re.IGNORECASE,
)
_SAID = re.compile(rf"(?:(?:{_RANKED}|{_OFTEN}) )?\b{_DRAWN}\b(?: (?:{_RANKED}|{_OFTEN}))?", re.IGNORECASE)

# What is left of a question when the words of its breakdown are cut out.
_LEFT_OVER = re.compile(
    r"\b(?:the )?(?:most|least) (?:often|frequently|commonly)\b| the most(?=\W*$)|,? please(?=\W*$)"
    r"|\b(?:together|along)(?= with\b)"
    r"|,? (?:newest|oldest|latest|earliest|largest|most) first(?=\W*$)|,? (?:in )?(?:a|de)scending(?: order)?(?=\W*$)"
    r"|\b(?:in|across|among|from) (?:all |the |published ){0,2}(?:figures|papers|publications|articles)"
    r"(?=\W*$| (?:published|since|before|after|between|until|from|in|by)\b)",
    re.IGNORECASE,
)
_CONTINUES = re.compile(r"\W*(?:and|but|also|ok|now)\b[ ,]*", re.IGNORECASE)
_FIGURES_SOON = rf"(?= (?:[\w/+-]{{1,40}} ){{0,3}}{_FIGURES}\b)"
_LEADS = re.compile(
    r"(?:(?:please|can you|could you|i want|i need"
    r"|(?:show|give|list|plot|chart|tabulate|break down)(?: me| us)?"
    rf"|(?:split|group|count|rank|sort|order|divide|compare|get|tell|make|draw)(?: me| us)?{_FIGURES_SOON}"
    rf"|(?:how(?: often)?|what) {_BE}(?= )"
    r"|(?:(?:a|an|the|all) )?(?:(?:bar|time|yearly) )?(?:table|plot|chart|graph|histogram|distribution|breakdown"
    r"|statistics|timeline|history|trends?|counts?|numbers?|frequency|popularity|interest|research|work)"
    r" (?:of|for|in|on|into)"
    rf"|(?:in|across|among|amongst|from|of|on|within|with|for|have|has|are|is|that){_FIGURES_SOON}"
    r")(?: |$)){1,8}",
    re.IGNORECASE,
)
_DANGLING = re.compile(
    r"(?:^|,? )(?:(?:and|or|comes?|came|in|from|by|of|for|on|with|is|are|was|were|do|did|have)(?:,? |$))+$",
    re.IGNORECASE,
)
_PAPERS = re.compile(r"\b(?:papers|articles|publications|studies)\b", re.IGNORECASE)
_PICTURES = re.compile(r"\b(?:figures|figs|diagrams|schemes|drawings|illustrations|images)\b", re.IGNORECASE)
_REQUESTS = re.compile(r"(?:how many|which|what|all|any|find)\b", re.IGNORECASE)
_PLACES = re.compile(
    r"(?:in|on|for|from|with|without|across|within|between|before|after|since|until|about|by|that|showing|related"
    r"|associated|during|published|of)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Phrase:
    """Asks for a breakdown by ``facet`` from ``start`` on; ``spans`` are the words that say so, to be cut out.

    One that is ``weak`` only says what is to be counted ("how many papers"). ``limit`` is the number of
    values asked for ("top 5 genes").
    """

    facet: Facet
    start: int
    spans: tuple[tuple[int, int], ...]
    is_weak: bool = False
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Breakdown:
    """What a question asks to be counted: the figures that ``rest`` asks for, by ``facet``.

    ``limit`` is the number of values it asks for ("top 5 genes"), if it says one; ``asks_number`` says
    that it asks how many values there are ("how many journals").
    """

    facet: Facet
    rest: str
    limit: int | None = None
    asks_number: bool = False


def read_breakdown(question: str) -> Breakdown | None:
    """The breakdown that a question asks for, if it does.

    The rest is a request for the figures to be counted ("all figures with SMAD4"), without the words of the
    breakdown; "all figures" where the question names nothing else.
    """
    text = " ".join(question.split())
    if _ONE_RECORD.search(text) or FIGID_PATTERN.search(text):
        return None
    found = [_sorted_by(text, noun) or _asked(text, noun) for noun in islice(_NOUN.finditer(text), MAX_NOUNS)]
    phrases = [phrase for phrase in (*found, _over_time(text)) if phrase]
    if not phrases:
        return None
    first = min(phrases, key=lambda phrase: (phrase.is_weak, phrase.start))
    others = [span for phrase in phrases if not phrase.is_weak for span in phrase.spans]
    return Breakdown(first.facet, _rest(text, {*first.spans, *others}), first.limit, first.is_weak)


def _facet_of(noun: re.Match[str]) -> Facet:
    return next(facet for facet in Facet if noun[facet.name])


def _is_plural(noun: str) -> bool:
    return any(word.endswith("s") or word == "taxa" for word in noun.lower().split())


def _sorted_by(text: str, noun: re.Match[str]) -> _Phrase | None:
    """ "By journal", "per year", "distributed across species"."""
    facet, start = _facet_of(noun), noun.start()
    counts = bool(_COUNTING.search(text))
    across = _ACROSS.search(text, max(0, start - 60), start)
    if across and counts and _is_plural(noun[facet.name]) and _SPREAD.search(text):
        return _Phrase(facet, across.start(), ((across.start(), noun.end()),))
    by = _BY.search(text, max(0, start - 80), start)
    orders = by and _ORDERS.fullmatch(text[: by.start("by")].rstrip())
    if by is None or (facet is not Facet.ORGANISM and not orders and _is_plural(noun[facet.name])):
        return None
    how = (by["how"] or "").lower()
    is_sorted = how in _SORTED
    if orders:
        is_meant = True
    elif facet is Facet.YEAR:
        is_meant = not re.match(r" ?\d", text[noun.end() :])
    else:
        is_meant = bool(_AFTER_BY.match(text, noun.end())) and (counts or not _EXPLAINS.match(text))
        is_meant = is_meant and (is_sorted or not how.endswith(("ed", "ven")))
    first = by.start() if is_sorted else by.start("by")
    return _Phrase(facet, first, ((first, noun.end()),)) if is_meant else None


def _asked(text: str, noun: re.Match[str]) -> _Phrase | None:
    """ "Which genes appear most often", "the most common genes", "how many papers"."""
    facet = _facet_of(noun)
    before = _BEFORE.search(text, max(0, noun.start() - 100), noun.start())
    if before is None or (before["many"] and facet is Facet.YEAR):
        return None
    start = before.start() if before["asks"] or before["many"] or not before["place"] else before.end("place")
    spans = _counted(text, start, noun, before)
    if spans is None and _is_always_counted(text, facet, noun, before):
        spans = _all_words(text, start, noun)
    if spans is None and before["many"] and facet is Facet.PAPER:
        # Of "how many papers" enough is left to ask for the number of figures.
        spans = () if before["many"].lower().startswith("how many") else ((start, noun.start()),)
    number = before["top_number"] or before["number"]
    limit = _NUMBERS.get(number.lower()) or int(number) if number else None
    return None if spans is None else _Phrase(facet, start, spans, is_weak=bool(before["many"]), limit=limit)


def _is_always_counted(text: str, facet: Facet, noun: re.Match[str], before: re.Match[str]) -> bool:
    """Whether a noun asks for a breakdown with nothing said of how often it is found."""
    asks, opens = bool(before["asks"]), before.start() == 0 and not before["place"]
    if before["many"]:
        return (
            facet in (Facet.JOURNAL, Facet.FIGTYPE)
            or (bool(before["place"]) and facet in (Facet.ORGANISM, Facet.PAPER))
            or (facet is not Facet.PAPER and _says_no_more(text, before, noun.end()))
        )
    if not _is_plural(noun[facet.name]) or facet is Facet.PAPER:
        return False
    if facet in _ALWAYS_COUNTED and (asks or (facet is Facet.JOURNAL and (before["lists"] or opens))):
        return True
    if facet is Facet.ORGANISM and asks and before["place"]:
        return True
    return asks and len(before["asks"].split()) == 1 and not text[noun.end() :].strip(" ?!.")


def _says_no_more(text: str, before: re.Match[str], end: int) -> bool:
    """Whether a question is only "how many genes" or "the most common diseases"."""
    first = text[: before.start()].strip()
    is_first = not before["place"] and (not first or bool(_CONTINUES.fullmatch(first)))
    return is_first and not _OF_PEOPLE.match(text[before.end() :]) and bool(_OF_ALL.match(text, end))


def _counted(text: str, start: int, noun: re.Match[str], before: re.Match[str]) -> tuple[tuple[int, int], ...] | None:
    """The words of a phrase that counts in how many figures something is, ``None`` where it does not."""
    tail = _TAIL.match(text, noun.end())
    inverted = _INVERTED.match(text, noun.end())
    opens = before.start() == 0 and not before["place"] and _is_plural(noun[0])
    asked = opens or bool(before["asks"] or before["many"] or before["lists"])
    place, top = (before["place"] or "").lower(), (before["top"] or "").lower()
    if tail is None:
        return None
    direct = ((start, tail.end()),)
    is_most = bool(tail["most_before"] or tail["most_after"])
    if noun["PAPER"] and not before["many"]:
        return direct if before["asks"] and is_most else None
    if _ENDS_THERE.match(text, tail.end()):
        is_often = bool(tail["often_before"] or tail["often_after"]) and bool(tail["drawn"])
        of_figures = tail["drawn"] or not _is_of_the_world(text, noun, f"{top} {tail['told']}")
        # Nothing but figures is meant where nothing else is said: "most common diseases".
        of_figures = of_figures or _says_no_more(text, before, tail.end())
        if (is_most or is_often or top) and (of_figures or top.startswith("top")):
            return direct
    figures = _IN_FIGURES.match(text, tail.end())
    if asked and figures and (not figures["bare"] or tail.end() > noun.end()):
        return direct
    if asked and tail["drawn"] and tail["beside"] is not None:
        return direct
    if inverted and _is_often(inverted, asked=asked):
        return (start, inverted.start("subject")), (inverted.end("subject"), inverted.end())
    if before["asks"] and place.endswith(("with ", "alongside ", "beside ")) and _SAID.search(text):
        return tuple(sorted([(start, tail.end()), *(said.span() for said in _SAID.finditer(text))]))
    return None


def _is_of_the_world(text: str, noun: re.Match[str], said: str) -> bool:
    """Whether "the most common disease" or "the proteins found most often" may not be meant of figures."""
    if _PICTURES.search(text) or _PAPERS.search(text):
        return False
    return bool(noun["DISEASE"] or noun["ORGANISM"] or _WORLDLY.search(said))


def _is_often(inverted: re.Match[str], *, asked: bool) -> bool:
    """Whether "which genes is SMAD4 shown with most often" counts figures."""
    places = ("before", "middle", "after")
    if any(inverted[f"most_{place}"] for place in places):
        return True
    often = any(inverted[f"often_{place}"] for place in places)
    return bool(inverted["drawn"]) and (often or (asked and bool(inverted["beside"])))


def _all_words(text: str, start: int, noun: re.Match[str]) -> tuple[tuple[int, int], ...]:
    """The words of a phrase that counts figures anyway."""
    tail = _TAIL.match(text, noun.end())
    inverted = _INVERTED.match(text, noun.end())
    if inverted and not (tail and (tail["drawn"] or tail["told"])):
        return (start, inverted.start("subject")), (inverted.end("subject"), inverted.end())
    return ((start, tail.end() if tail else noun.end()),)


def _over_time(text: str) -> _Phrase | None:
    """ "Over the years", "when were figures on mTOR published"."""
    if when := _WHEN.match(text):
        done = [when.span("done")] if when["done"] else []
        return _Phrase(Facet.YEAR, when.start("when"), (when.span("when"), *done))
    over = _OVER_TIME.search(text)
    if over is None:
        return None
    others = _COUNTING.sub(lambda found: " " if re.fullmatch(_FIGURES, found[0], re.IGNORECASE) else found[0], text)
    counts = bool(_COUNTING.search(others))
    has_figures = others != text and not _CHANGES.search(text[: over.start()])
    is_alone = not text[: over.start()].strip() and not text[over.end() :].strip(" ?!.")
    return _Phrase(Facet.YEAR, over.start(), (over.span(),)) if counts or has_figures or is_alone else None


def _rest(text: str, spans: Collection[tuple[int, int]]) -> str:
    """A request for the figures that are counted."""
    for start, end in sorted(spans):
        text = text[:start] + " " * (end - start) + text[end:]
    mark = "?" if text.rstrip().endswith("?") else ""
    text = _tidy(_LEFT_OVER.sub(" ", text))
    again = _CONTINUES.match(text)
    first, text = (again[0].strip(), text[again.end() :]) if again else ("", text)
    first = f"{first} " if first and not re.search("(?:now|ok)", first, re.IGNORECASE) else ""
    text = "" if _ORDERS.fullmatch(text) else text
    text = _DANGLING.sub("", _tidy(_LEADS.sub("", text, count=1) if _LEADS.match(text) else text))
    if not _PICTURES.search(text):
        text = _PAPERS.sub("figures", text, count=1)
    if not text:
        text = "all figures"
    elif _PICTURES.search(text):
        text = text if _REQUESTS.match(text) else f"all {text}"
    elif not re.fullmatch("how many", text, re.IGNORECASE):
        text = f"all figures {text}" if _PLACES.match(text) else f"all figures on {text}"
    return f"{first}{text}{mark}"


def _tidy(text: str) -> str:
    return re.sub(r" ([,;:?!.)])", r"\1", " ".join(text.split())).strip(" ,;:?!.")
