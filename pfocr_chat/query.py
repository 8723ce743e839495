"""Understanding a question: what it names, what it asks for, and what it leaves out.

Deterministic: patterns for ids, years and the kind of answer, and the catalog's names for the
genes, chemicals and diseases. No language model takes part.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from difflib import SequenceMatcher

from pfocr_chat.answers import Conversation, Turn
from pfocr_chat.catalog import Catalog
from pfocr_chat.config import MAX_QUESTION
from pfocr_chat.entities import entities_in, mentioned_atoms
from pfocr_chat.errors import QuestionError
from pfocr_chat.filters import read_filters
from pfocr_chat.lexicon import RELATION_WORDS, STOPWORDS, atoms, singular
from pfocr_chat.logic import excluded_words, grouped
from pfocr_chat.organisms import ORGANISMS, find_organisms
from pfocr_chat.queries import Entity, Filters, Intent, Query
from pfocr_chat.references import read_references, without_ids
from pfocr_chat.wording import corrected, expansions_of

LONGEST = 25 * MAX_QUESTION
"""Characters of a question with those that cannot be seen, which do not count."""
MAX_SUBJECT = 1_000
"""Characters of the turn before that a follow-up is read with."""

_NOUN = r"(?:figures?|figs?|pathways?|diagrams?|schemes?|illustrations?|papers|articles|publications)"
_PLURAL = r"(?:figures|figs|diagrams|schemes|illustrations|papers|articles|publications)"
_GOES_ON = (
    r"(?:about|on|with|without|except|excluding|not|lacking|for|that|of|from|showing|where|in|published|before|after|since"
    r"|between|until|up to|by|\w+ing)"
)
_LISTING = re.compile(
    rf"\b(?:which|what|any|all|list|find|show me|give me|get me)\b(?:\W+\w+){{0,4}}?\W+{_NOUN}\b"
    rf"|^\W*(?:\w+\W+){{0,6}}?(?:figures?|figs?)\W+{_GOES_ON}\b"
    rf"|^\W*(?!(?:how|why|who|where|when|do|does|did|is|are|can|explain|describe)\b)(?:\S{{1,60}}\s+){{1,8}}?{_PLURAL}"
    rf"(?:\W*$|\W+{_GOES_ON}\b)"
    r"|\banything (?:on|about)\b|\bwhich ones\b|^\W*(?:and )?any (?:with|on|about|of)\b",
    re.IGNORECASE,
)
_COUNT = re.compile(
    rf"\bhow many\b(?:\W+\w+){{0,2}}?\W+(?:{_NOUN}|of (?:them|these|those))\b"
    rf"|^\W*(?:and |so )?how many(?:\W*$|\W+(?:are|were|show|have|mention|contain|include|{_GOES_ON})\b)"
    r"|\bnumber of figures\b|\bcount\b(?:\W+\w+){0,3}?\W+figures\b",
    re.IGNORECASE,
)
_SPECIES = frozenset(organism.latin for organism in ORGANISMS)
_ONE_FIGURE = re.compile(r"\b(?:an?|one|this|that|the) (?:[\w-]+ ){0,2}(?:figure|diagram|scheme)\b", re.IGNORECASE)
_HELLO = (
    r"(?:hi|hello|hey|good (?:morning|afternoon|evening)|thanks|thank you|bye|goodbye|ok|okay|yes|no|cool|great|test)"
    r"(?:[\s,]+(?:thanks|thank you|for that|there|all|everyone|again|to you|friend|pfocr|chat|bot|assistant"
    r"|(?:so|very) much|a lot))*"
)
_ASKS_HELP = (
    r"(?:help|what can you do|who (?:are|made) you|what are you|how do(?:es)? (?:you|this) work|what is this"
    r"|(?:how )?can you help|what (?:kind of |sort of )?questions can i ask(?: you)?|what can i ask(?: you)?)"
    r"(?: for)?(?: me)?"
)
_GREETING = re.compile(rf"^\W*(?:{_HELLO}(?:\W+{_ASKS_HELP})?|{_ASKS_HELP})\W*$", re.IGNORECASE)
_CONTINUES = re.compile(
    r"^\W*(?:and|but|or|also|only|just|what about|how about|what (?:else|changes|happens)"
    r"|same|those|these|them|it|they|without|except|excluding|not|no|which (?:ones|of (?:them|these|those))"
    r"|any (?:with|on|about|of))\b",
    re.IGNORECASE,
)
_ASKS_MORE = re.compile(r"^\W*(?:who|when|where|in which|which (?:paper|journal|year|organism))\b", re.IGNORECASE)
_WHOLE = re.compile(
    rf"\b(?:{_NOUN} (?:are there|do you (?:have|hold|know|index))"
    r"|(?:in|of) (?:the|this|your) (?:whole |entire )?(?:index|database|collection|corpus)|altogether|overall"
    r"|in (?:all|total))\b",
    re.IGNORECASE,
)
_ALL = re.compile(
    rf"{_WHOLE.pattern}|\b(?:all|every|list|show)(?: me)?(?: of)?(?: the| your)? {_NOUN}\W*$|\bhow many {_NOUN}\W*$",
    re.IGNORECASE,
)
_ADVICE = re.compile(
    r"\b(?:recommended|safe|daily|starting|usual) (?:\w+ ){0,2}(?:dose|dosage|dosing)\b(?! response)"
    r"|\b(?:recommended|daily) (?:\w+ )?intake\b"
    r"|\b(?:dose|dosage)\b.{0,40}\b(?:can|should|may) (?:i|we|he|she)\b"
    r"|\b(?:should|can|may) (?:i|we) (?:take|eat|give|drink|buy|order)\b|\bsafe to (?:take|eat|drink|give|drive)\b"
    r"|\bside effects? of\b(?!.{0,60} (?:on|through|via|by)\b)|\bprices? (?:of|for)\b|\bhow expensive\b"
    r"|\bcosts? of (?:an?|the|one) (?:[\w-]+ ){0,3}(?:kits?|drugs?|tests?|machines?|reagents?|vials?)\W*$"
    r"|\b(?:how much|what) (?:does|do)\b.{0,60}\bcost(?: (?:now|today|right now|at the moment|per \w+|in \w+))?\W*$"
    r"|\b(?:where|how) can i (?:buy|order|get a prescription)\b",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[^\W_]+(?:[-‐-―−/'’+][^\W_]+)*")
_OTHERWISE = re.compile(r"^\W*(?:and |but |so )*(?:what|how) about\b", re.IGNORECASE)
_EXPLAINS = re.compile(
    r"^\W*(?:(?:and|but|so) )*(?:how(?! about| many)|why|explain|describe|does|do|did|can"
    r"|what (?:does|do|is|happens))\b",
    re.IGNORECASE,
)
"""A follow-up on a list that asks how something works, not for another list."""
_LEFT = re.compile(r"\b(?:are|is|were) (?:still )?left\b", re.IGNORECASE)
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>")
_PRONOUN = re.compile(
    r"\b(?:its?|they|them|their|those|these|(?:that|this) (?:one|figure)|(?:do|does|did|is|can|could|will)"
    r" (?:that|this)|the (?:first|second|third|last|other|same)|(?:next|previous) one)\b",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"[A-Za-z]{3,6}-?\d{1,3}[A-Za-z]?")
_EXAMPLE = re.compile(r"\b(?:such as|like|including|e\.g\.|for example)\W*$", re.IGNORECASE)
_CODE = re.compile(r"[A-Za-z]{2,6}-?\d{4,6}|[A-Z]{2,6}-?\d{1,3}(?:[A-Z]\d?)?")
"""Names that are their letters with their number: "CDK2" says nothing of another CDK."""
_STRAIN = re.compile(
    r" ?(?:cells?|lines?|mice|mouse|rats?|strains?|plants?|tumou?rs?|xenografts?)\b|\.\d", re.IGNORECASE
)
"""After a code: it is a cell line or the like, which says where, not what; or no code ("PM2.5")."""
_CODE_LIKE = re.compile(r"[A-Za-z]\d|\d[A-Za-z]|[A-Za-z]-\d|[a-z][A-Z]|[A-Z]{3}")
# Endings of enzymes, proteins and chemicals, and stems of the WHO's international non-proprietary names that they
# do not cover: https://www.who.int/teams/health-product-and-policy-standards/inn/stembook
_MOLECULE_ENDING = re.compile(
    r"(?:ase|in|ine|ide|ol|ose|ane|ene|yne|ogen|nib|mab|cept|stat|azole|vir|sartan|pril|xaban|gatran|glutide|tecan"
    r"|triptan|lukast|profen|coxib|limus|ciclib|parib|degib|taxel|platin|azepam|barbital)s?$"
)
_ORDINARY_WORDS = frozenset(
    """accept again airplane airline aside base baseline begin berlin beside bulletin cabin cane captain case certain
    chain chase choose close coin coincide combine complain compose concept constrain contain control cool countryside
    crane curtain database deadline decide decline decrease define determine diagnose dine disclose discipline disease
    dispose divide divine doctrine domain dose downside ease enclose engine enrol entertain erase examine except explain
    expose fin fine gain gene genuine grain guide guideline headline hide humane hurricane hygiene imagine impose
    increase insane inside intercept intertwine intervene join lane latin lease line login loose lose machine magazine
    main maintain margin marine medicine membrane mine mountain nationwide nine nose obtain online oppose origin outline
    outside override pain patrol phase phrase pin pipeline plain plane please plugin pool pose pride propose protocol
    provide purchase purpose quarantine rain refine refrain regain release remain reside restrain retain ride rose
    routine ruin scene school serene showcase side slide stain strain suppose sustain symbol terrain thin tide timeline
    tool train twin uncertain undermine upside vaccine whose wide within wine worldwide""".split()
)
"""English words with the ending of a molecule."""
_ORDINARY_ENDING = re.compile(
    r"(?:ing|ed|ly|ates?|i[sz]es?|ness|tions?|ments?|[ai]ble|ful|less|ous|ish|ists?|ers?|ors?|ives?|als?|ary|ity|ies"
    r"|ify|ance|ence|ant|ent|wise)$"
)


def understand(
    question: str, catalog: Catalog, conversation: Conversation | None = None, *, filters: Filters | None = None
) -> Query:
    """What ``question`` asks of the catalog, with the last turn where it refers back to it.

    ``filters`` hold besides those that the question states, and over any that contradict them.

    Raises:
        QuestionError: the question is empty or longer than 4,000 characters.
    """
    question = checked_question(question)
    last = conversation.last if conversation else None
    referred = read_references(question, catalog, last)
    plain = _LEFT.sub(" ", _TAG.sub(" ", without_ids(question)))
    reading = read_filters(plain, journals=catalog.journals, organisms=catalog.organisms)
    rest, corrections = corrected(reading.rest, catalog)
    refers_back = last is not None and not referred.intent and _refers_back(question, rest, catalog)
    text = f"{_taken_over(last, question, rest, catalog)} {rest}" if last and refers_back else rest
    terms = _terms(text)
    subjects = _subjects(terms)
    named = entities_in(text, catalog)
    unknown, unfamiliar = _not_in_corpus(rest, named, catalog)
    intent = referred.intent or _intent(question)
    if last and refers_back and intent is Intent.RELATION and not _EXPLAINS.search(question):
        intent = last.intent
    if refers_back and unfamiliar and set(_subjects(_terms(rest))) <= {*map(_key, unfamiliar)}:
        unknown = (*unknown, *unfamiliar)  # all that the follow-up brings in
    species = tuple(o for o in reading.filters.organisms if o in _SPECIES or " " in o)
    listing = intent.is_list
    # Many records name another organism than the one they are about: where no list is asked for, an organism is a
    # word like any other, and a group ("plants") always is.
    stated = replace(reading.filters, organisms=species if listing else ())
    groups, excluded = grouped(text, named) if listing else (tuple((entity,) for entity in named), ())
    # An exclusion that could not be used ("not in mice") is no word that a figure must have.
    covered = mentioned_atoms(named) | {atom for words in reading.ignored for atom in atoms(words)}
    if last and refers_back:
        stated = stated.over(last.filters)
    if intent is Intent.LOOKUP:
        stated = Filters()  # "What does PMC… (2018) show?": the figure is named, no others are asked for
    held, contradicted = (filters or Filters()).narrowed(stated)
    organisms = _organism_atoms(text, catalog)
    covered |= organisms if held.organisms else set()
    others = tuple(s for s in subjects if not covered.intersection(s.split()))
    without = excluded_words(text, others) if listing else ()
    return Query(
        question=question,
        text=text,
        intent=intent,
        terms=terms,
        subjects=subjects,
        other_words=tuple(word for word in others if word not in without),
        entities=tuple(entity for group in groups for entity in group),
        groups=groups,
        excluded=excluded,
        excluded_words=without,
        expansions=expansions_of(text, named, catalog),
        filters=held,
        stated=stated,
        figids=referred.figids,
        missing=referred.missing,
        unknown=tuple(word for word in unknown if not organisms.intersection(atoms(word))),
        unfamiliar=tuple(word for word in unfamiliar if not covered.intersection(atoms(word))),
        ignored=reading.ignored,
        contradicted=contradicted,
        corrections=corrections,
        refers_back=refers_back,
    )


def checked_question(question: str) -> str:
    """The question in one line, without what cannot be seen.

    Raises:
        QuestionError: it is empty or longer than 4,000 characters.
    """
    # Soft hyphens and other invisible characters that come with text from a PDF stand inside words.
    # One that is far too long is not looked at letter by letter.
    visible = "" if len(question) > LONGEST else (c for c in question if unicodedata.category(c) != "Cf")
    text = " ".join("".join(c if c.isprintable() else " " for c in visible).split())
    if not text and len(question) <= LONGEST:
        raise QuestionError("The question is empty. Ask, for example: Which figures link integrins to YAP?")
    length = len(text) or len(question)
    if length > MAX_QUESTION:
        raise QuestionError(
            f"The question has {length:,} characters; at most {MAX_QUESTION:,} can be read. Shorten it and ask again."
        )
    return text


def _intent(question: str) -> Intent:
    if _GREETING.search(question):
        return Intent.CHAT
    if _COUNT.search(question):
        return Intent.COUNT
    return Intent.LISTING if _LISTING.search(question) and not _ONE_FIGURE.search(question) else Intent.RELATION


def asks_of_all(question: str) -> bool:
    """Whether a question is about all that the index holds: "how many figures are there?"."""
    return bool(_WHOLE.search(question)) and not _CONTINUES.search(question) and not _PRONOUN.search(question)


def asks_for_advice(question: str) -> bool:
    """Whether a question is one for a doctor or a shop: doses, side effects for a person, prices."""
    return bool(_ADVICE.search(question))


def names_nothing(query: Query) -> bool:
    """Whether a question says nothing of what is wanted; "all figures" and conditions say it for a list."""
    if not query.intent.is_list:
        return not query.subjects and not query.entities and query.intent is Intent.RELATION
    said = query.entities or query.other_words or query.excluded or query.excluded_words or query.filters
    return not said and not _ALL.search(query.question)


def _refers_back(question: str, rest: str, catalog: Catalog) -> bool:
    """Whether a question needs the turn before it: it continues it, or names little or nothing of its own.

    ``rest`` is the question without its conditions.
    """
    if asks_of_all(question):
        return False
    subjects = _subjects(_terms(rest))
    if _CONTINUES.search(question) or not subjects:
        return True
    if _ASKS_MORE.search(question) and len(subjects) < 2:
        return True
    return bool(_PRONOUN.search(question)) and len(entities_in(question, catalog)) < 2


def _taken_over(last: Turn, question: str, rest: str, catalog: Catalog) -> str:
    """The subject of the turn before, as far as a follow-up keeps it.

    After a list, "what about IL6?" puts a name in the place of the last one of its kind, else in that of the only
    topic, where a topic goes too; any other follow-up adds to the subject.
    """
    subject = last.subject[:MAX_SUBJECT]
    if not (last.intent.is_list and _OTHERWISE.search(question)):
        return subject
    organisms = _organism_atoms(rest, catalog)
    if all(organisms.issuperset(term.split()) for term in _subjects(_terms(rest))):
        return subject  # only conditions
    before = entities_in(subject, catalog)
    kinds = {entity.kind for entity in entities_in(rest, catalog)}
    replaced = [entity.mention for entity in before if entity.kind in kinds][-1:]
    topics = [term for term in _subjects(_terms(subject)) if not mentioned_atoms(before).intersection(term.split())]
    if not replaced and len(topics) == 1:
        replaced = [word for word in _WORDS.findall(subject) if _key(word) == topics[0]]
    for words in replaced:
        subject = subject.replace(words, " ")
    return subject


def _organism_atoms(text: str, catalog: Catalog) -> set[str]:
    """The normalised words of the organisms that a text names."""
    return {a for s in find_organisms(text, catalog.organisms) for a in atoms(text[s.start : s.end])}


def _key(word: str) -> str:
    return " ".join(atoms(word))


def _terms(text: str) -> tuple[str, ...]:
    """The words of the text that say what it is about, each in normalised form, in order.

    A single capital belongs to the word before it ("vitamin D", "complex I").
    """
    keys: list[str] = []
    before = ""
    for word in _WORDS.findall(without_ids(text)):
        key = " ".join(atoms(word))
        if len(word) == 1 and word.isupper() and keys and before == keys[-1]:
            keys[-1] = f"{keys[-1]} {key}"
        elif len(key) > 1 and not word.endswith(("n't", "n’t")) and not {word.lower(), key} & STOPWORDS:
            keys.append(key)
        before = key
    return tuple(dict.fromkeys(keys))


def _subjects(terms: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(term for term in terms if term not in RELATION_WORDS)


def _not_in_corpus(
    text: str, entities: tuple[Entity, ...], catalog: Catalog
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Words of the text that stand in no record, nor close to a word that does: names, and other words.

    A name is written like a gene, cell line or code (a digit or an inner capital), or ends like a
    drug, a protein or a chemical, and is no example ("such as"). In a question all in capitals, capitals say nothing.
    """
    text = text.lower() if text.isupper() else text
    named = {atom for entity in entities for atom in atoms(entity.mention)}
    names: list[str] = []
    others: list[str] = []
    bare = without_ids(text)
    for found in re.finditer(r"[^\W_]+(?:[-‐-―−][^\W_]+)*", bare):
        word = found.group()
        is_example = bool(_EXAMPLE.search(bare[: found.start()]))
        code = _key(word)
        is_example |= bool(_STRAIN.match(bare, found.end()))
        if _CODE.fullmatch(word) and not (is_example or named.issuperset(code.split()) or catalog.has_phrase(code)):
            names.append(word)
            continue
        shortest = 3 if _NUMBERED.fullmatch(word) else 4
        for atom in atoms(word):
            if len(atom) < shortest or not atom.isalpha() or atom in named or atom in STOPWORDS:
                continue
            if {atom, singular(atom)} & _ORDINARY_WORDS:
                continue
            if catalog.has_word(atom) or _near(atom, list(catalog.words_like(atom[:3]))):
                continue
            if (_CODE_LIKE.search(word) or _MOLECULE_ENDING.search(atom)) and not is_example:
                names.append(word)
            elif not _ORDINARY_ENDING.search(atom):
                others.append(word)
            break
    return tuple(dict.fromkeys(names)), tuple(dict.fromkeys(others))


def _near(word: str, vocabulary: list[str]) -> bool:
    """Whether ``word`` is a likely misspelling, or another form, of a stem in ``vocabulary``."""
    return any(
        (len(stem) >= 6 and word.startswith(stem))
        or (abs(len(stem) - len(word)) <= 3 and SequenceMatcher(None, stem, word).ratio() >= 0.85)
        for stem in vocabulary
    )
