"""Years in a question's words: "since 2015", "from 2010 to 2015", "the last 5 years", "the 1990s".

All repetitions of the patterns are bounded, so that the time taken grows with the length of the text.
A phrase that is cut out leaves a mark where it stood, which shows later readers that a phrase ended.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

FIRST_YEAR = 1900
"""No figure is older: an earlier year is a slip, or no year."""

MARK = "\ue000"
NOUNS = (
    r"(?:figures|figs|figure(?! ?\d)|diagrams?|schemes?|schematics?|drawings?|illustrations?|images?|pictures?"
    r"|papers?|articles?|publications?|records?)\b"
)
PHRASE_ENDS = (
    rf"(?: ?(?:$|[,.;:?!)\]\"”]|{MARK})| (?:about|on|in|of|for|from|with|by|via|that|which|who|whose|where|when|how"
    r"|showing|shows?|shown|published|since|before|after|during|between|under|upon|only|is|are|was|were|has|have|as|at"
    r"|through|against|involving|depicting|describing|illustrating|related|regarding|concerning|containing|but"
    r"|not|except|excluding)\b)"
)

# What makes the number before it an amount: "in 2010 cells".
_AMOUNT = re.compile(
    r" ?(?:%|°|(?:[nµμmf]M|[kmgµμn]g|[mµμ]l|[kmg]?bp|kb|nt|k?da|rpm|hz|[mkn]m|cells?|patients?|genes?|proteins?|mice"
    r"|rats|transcripts?|samples?|subjects?|individuals?|cases|participants?|people|women|men|children|years?|residues?"
    r"|amino|nucleotides?|copies|times|fold|units?|steps?|metabolites?|compounds?|peptides?|sites?|min(?:ute)?s?"
    r"|sec(?:ond)?s?|hours?)\b)",
    re.IGNORECASE,
)
# What makes the number after it a name, an amount or a place: "LY 2015", "about 2015".
_NO_YEAR_AFTER = re.compile(
    r"(?:^|[ (])(?:(?-i:[A-Z]{1,2})|ATCC|DSM|NCTC|CBS|compound|strain|no\.?|number|positions?|residues?|nucleotides?"
    r"|gene|patent|version|isolate|coronavirus(?: disease)?|covid|pages?|locus|at|about|around|approximately|over"
    r"|than) $",
    re.IGNORECASE,
)
_STARTS_WITH_NOUN = re.compile(rf" {NOUNS}", re.IGNORECASE)
_NOUN_SOON = re.compile(rf"(?: [\w'’/-]{{1,40}}){{0,3}} {NOUNS}", re.IGNORECASE)
_ASKS_FOR_NUMBER = re.compile(r"\b(?:show|list|give|find|get|me|first|top|next) $", re.IGNORECASE)
_ENDS = re.compile(PHRASE_ENDS, re.IGNORECASE)

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?|spring|summer|autumn|fall|winter)\.?,?"
)
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_DATE = (
    r"(?:the )?(?:years? )?(?:(?:early|mid|late|(?:the )?(?:start|beginning|middle|end) of)[ -](?:the )?)?"
    rf"(?:(?P<NAMEmonth>(?:{_DAY} )?{_MONTH} (?:{_DAY},? )?(?:of )?|\d{{1,2}}/(?:\d{{1,2}}/)?)?"
    r"(?P<NAMEyear>\d{4,6})(?:(?P<NAMEdecade>['’]?s\b)|-(?P<NAMEpart>\d\d)(?P<NAMEday>-\d\d)?(?!\d))?"
    r"|(?P<NAMErelative>this|(?<!the )last|(?<!the )previous|(?:the )?current) year\b)"
)
_RELATIONS = {
    "refused": r"not (?:published )?(?:in|from|during|of)|except(?:ing)?(?: for)?(?: in| from)?|excluding"
    r"|other than(?: in| from)?",
    "since": r"since|(?:starting|beginning) (?:in|from|with)|as of|not before|(?:no|not) (?:earlier|older) than"
    r"|(?:in|on) (?:or|and) after",
    "after": r"after|(?:later|newer|younger|more recent) than",
    "before": r"before|(?:earlier|older) than|prior to",
    "until": r"until|till|up (?:to|until|till)|through|not after|(?:no|not) (?:later|newer) than"
    r"|(?:in|on) (?:or|and) before|by",
    "within": r"(?:between|from|in|during|of|for|within|throughout|dated|published)(?: in)?"
    rf"|on(?= (?:{_DAY} )?{_MONTH} )",
}
_SIGNS = {
    ">": "after", ">=": "since", "=>": "since", "≥": "since", "<": "before", "<=": "until", "=<": "until", "≤": "until",
    "post": "after", "pre": "before",
}  # fmt: skip
_YEARS = re.compile(
    r"(?P<label>(?<![\w-])(?:publication )?(?:years?|dates?)(?: ?: ?| ?(?=[<>=≥≤])| ))?"
    r"(?:(?<![\w-])(?:"
    + "|".join(f"(?P<{name}>{words})" for name, words in _RELATIONS.items())
    + r") |(?P<sign>[<>]=?|=[<>]?|[≥≤]) ?|(?<![\w-])(?P<fix>post|pre)[- ]|(?<![\w.\-–—/#=@&+]))"
    + _DATE.replace("NAME", "")
    + r"(?: ?(?P<join>[-–—]|(?<= )(?:to|and|or|until|till|through|thru)(?= )|,) ?"
    + _DATE.replace("NAME", "to_")
    + r"(?P<more>(?:,? (?:and |or )?\d{4}\b){0,8}))?"
    r"(?:(?P<later>(?: or| and) (?:later|newer|after(?:wards)?|more recent(?:ly)?|above|up|beyond|onwards?)\b"
    r"(?! (?:the )?\d)"
    r"| (?:onwards?|forward)\b|\+| (?:to|until|till) (?:the )?(?:present(?: day)?|now|today|date)\b|-(?:present|now)\b)"
    r"|(?P<earlier>(?: or| and) (?:earlier|older|before|below)\b(?! (?:the )?\d))"
    rf"|(?P<on> on)(?={PHRASE_ENDS}))?(?![\w%°]|[-–—/.,'’]\w)",
    re.IGNORECASE,
)
_SINCE_NOTHING = re.compile(rf"\bsince (?:\d{{1,3}}|\d{{7,12}})(?={PHRASE_ENDS})", re.IGNORECASE)
_NUMBERS = {
    "couple of": 2, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "twelve": 12, "fifteen": 15, "twenty": 20,
}  # fmt: skip
_LAST_YEARS = re.compile(
    r"\b(?:(?:in|over|during|within|from|for|of|since) )?(?P<the>the )?(?P<which>last|past|previous|latest|most recent)"
    rf" (?:(?P<count>\d{{1,6}}|few|several|{'|'.join(_NUMBERS)}) )?(?P<unit>years?|decades?|months?)\b(?! of\b)",
    re.IGNORECASE | re.ASCII,  # else "ſix" would count as a number
)


@dataclass(frozen=True, slots=True)
class Years:
    """Inclusive bounds, the phrases that set none, as typed, and the text with a mark for each phrase."""

    low: int | None
    high: int | None
    ignored: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class _Phrase:
    """``text[start:end]`` bounds the years; with neither bound it says something that cannot be used."""

    start: int
    end: int
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True)
class _Date:
    """The years that a date names; ``is_part`` where it is less than a year."""

    low: int
    high: int
    is_part: bool = False


def cut(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The text with a mark in place of each span, one for several that only "and" or a comma parts."""
    pieces: list[str] = []
    at = 0
    for start, end in sorted(spans):
        pieces += [text[at:start], MARK]
        at = end
    return re.sub(rf"{MARK}(?:(?:,? (?:and|or|but))? ?,? ?{MARK})+", MARK, "".join([*pieces, text[at:]]))


def read_years(text: str, today: date) -> Years:
    """The bounds that all phrases about years in ``text`` set together, its white space being single spaces.

    A date less than a year counts as its year, "the last 5 years" as the year 5 years ago and all
    since. A phrase that contradicts those before it is ignored, and so is one that excludes a year
    or names one before 1900 or after next year.
    """
    low, high, at = None, None, 0
    ignored: list[str] = []
    spans: list[tuple[int, int]] = []
    for phrase in sorted(_phrases(text, today), key=lambda p: (p.start, -p.end)):
        if phrase.start < at:
            continue
        at = phrase.end
        spans.append((phrase.start, phrase.end))
        lows = [year for year in (low, phrase.low) if year is not None]
        highs = [year for year in (high, phrase.high) if year is not None]
        is_usable = phrase.low is not None or phrase.high is not None
        if is_usable and not (lows and highs and max(lows) > min(highs)):
            low, high = max(lows, default=None), min(highs, default=None)
        else:
            ignored.append(text[phrase.start : phrase.end])
    return Years(low, high, tuple(ignored), cut(text, spans))


def _phrases(text: str, today: date) -> Iterator[_Phrase]:
    for match in _LAST_YEARS.finditer(text):
        if match["count"] or match["the"] or match["unit"].lower() != "year" or match["which"].lower() == "past":
            yield _last_years(match, today)
    for match in _YEARS.finditer(text):
        if phrase := _phrase(match, today):
            yield phrase
    for match in _SINCE_NOTHING.finditer(text):
        yield _Phrase(*match.span())


def _last_years(match: re.Match[str], today: date) -> _Phrase:
    """What "the last 5 years" says; "the last few years" says nothing that can be used."""
    count, unit = (match["count"] or "").lower(), match["unit"].lower()
    if count in {"few", "several"} or (not count and unit.endswith("s")):
        return _Phrase(*match.span())
    number = _NUMBERS.get(count) or int(count or 1)
    months = number * (120 if unit.startswith("decade") else 12 if unit.startswith("year") else 1)
    low = (today.year * 12 + today.month - 1 - months) // 12
    return _Phrase(*match.span(), low=low if low >= FIRST_YEAR else None)


def _phrase(match: re.Match[str], today: date) -> _Phrase | None:
    """What a match of ``_YEARS`` says, or ``None`` where its number is no year."""
    text, start, end = match.string, match.start(), match.end()
    relation = next((name for name in _RELATIONS if match[name]), None)
    word = match[relation].lower() if relation else ""
    if _AMOUNT.match(text, end) or (match["sign"] and not match["label"] and text[start - 1 : start].strip()):
        return None
    dates = [found for name in ("", "to_") if (found := _date(match, name, today))]
    if len(dates) < (2 if match["join"] else 1):
        return None
    dates += [_Date(int(year), int(year)) for year in re.findall(r"\d{4}", match["more"] or "")]
    goes_on = bool(match["on"]) and (relation == "since" or word == "from")
    end = end if goes_on else end - len(match["on"] or "")
    start += len("published ") if word.startswith("published") else 0
    usable = [found for found in dates if FIRST_YEAR <= found.low <= today.year + 1]
    if not usable:
        is_meant = bool(match["label"]) or (
            relation is not None and word not in {"of", "for", "by", "through", "up to"}
        )
        return _Phrase(start, end) if is_meant and _ENDS.match(text, end) else None
    is_said = relation or match["label"] or match["sign"] or match["fix"] or match["later"] or match["earlier"]
    if not is_said and not _is_bare_date(match, dates, today):
        return None
    if relation == "refused":
        return _Phrase(start, end)
    if match["later"] or goes_on:
        relation = "since"
    elif match["earlier"]:
        relation = "until"
    low, high = _bounds(relation or _SIGNS.get((match["fix"] or match["sign"] or "").lower(), ""), dates)
    within_reach = (low if low and low >= FIRST_YEAR else None, high if high and high <= today.year + 1 else None)
    return _Phrase(start, end, *within_reach)


def _date(match: re.Match[str], name: str, today: date) -> _Date | None:
    """The date in the groups of ``match`` whose names begin with ``name``."""
    if relative := match[f"{name}relative"]:
        year = today.year - (relative.lower() in {"last", "previous"})
        return _Date(year, year)
    if not match[f"{name}year"]:
        return None
    year = int(match[f"{name}year"])
    if match[f"{name}decade"] and year % 10 == 0:
        return _Date(year, year + 9)
    if part := match[f"{name}part"]:
        if int(part) > year % 100 and not match[f"{name}day"]:
            return _Date(year, year - year % 100 + int(part))  # 2010-15
        return _Date(year, year, is_part=True) if 1 <= int(part) <= 12 else None
    return _Date(year, year, is_part=bool(match[f"{name}month"]))


def _bounds(relation: str, dates: list[_Date]) -> tuple[int | None, int | None]:
    """The first and last year that a phrase lets through; several dates count with the years between them."""
    low, high = min(found.low for found in dates), max(found.high for found in dates)
    is_part = any(found.is_part for found in dates)
    if len(dates) > 1:
        return (low + 1 if relation == "after" and not is_part else low), high
    if relation == "since":
        return low, None
    if relation == "after":
        return (low if is_part else high + 1), None
    if relation == "before":
        return None, (high if is_part else low - 1)
    return (None, high) if relation == "until" else (low, high)


def _is_bare_date(match: re.Match[str], dates: list[_Date], today: date) -> bool:
    """Whether a date that no word introduces is meant as one."""
    if match["month"] or match["relative"] or match["decade"]:
        return True
    text, start, end = match.string, match.start(), match.end()
    if any(not 1990 <= found.low <= today.year + 1 for found in dates) or _NO_YEAR_AFTER.search(text[:start][-30:]):
        return False
    if len(dates) > 1 or dates[0].high > dates[0].low:
        return (match["join"] or "-") not in {"and", "or", ","}
    if _STARTS_WITH_NOUN.match(text, end):
        return match["year"] != "2000" or not _ASKS_FOR_NUMBER.search(text[:start][-10:])
    if start == 0 and _NOUN_SOON.match(text, end):
        return True
    in_brackets = text[start - 1 : start] in {"(", "["} and text[end : end + 1] in {")", "]"}
    return in_brackets or not text[end:].strip(" .?!,;:)\"'”" + MARK)
