"""Understanding questions: what they name, what they ask for, and what they refer back to."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import BOTH, FAK, FAK_2, SUMMARY, Planted

from pfocr_chat.answers import Conversation, Turn
from pfocr_chat.catalog import FILE_NAME, Catalog
from pfocr_chat.config import MAX_QUESTION
from pfocr_chat.errors import QuestionError
from pfocr_chat.queries import Intent, Query
from pfocr_chat.query import MAX_SUBJECT, understand
from pfocr_chat.records import Kind


@pytest.fixture(scope="module")
def catalog(planted: Planted) -> Iterator[Catalog]:
    with Catalog(planted.folder / FILE_NAME) as opened:
        yield opened


def talk(question: str, catalog: Catalog, figids: tuple[str, ...] = ()) -> Conversation:
    """A conversation whose last turn asked ``question``."""
    query = understand(question, catalog)
    return Conversation((Turn(question, query.text, query.intent, figids, query.year_from, query.year_to),))


# The text of a question


@pytest.mark.parametrize("question", ["", " \t\n", "\x00\x07\x1b", "\u200b\u00ad\u202e"])
def test_a_question_of_nothing_is_refused(question: str, catalog: Catalog) -> None:
    """A question without a visible character is an error that shows how to ask."""
    with pytest.raises(QuestionError, match=r"The question is empty\. Ask, for example: Which figures"):
        understand(question, catalog)


def test_a_question_of_20_000_characters_is_refused(catalog: Catalog) -> None:
    """A question that is too long is refused in one sentence that says how long it is and how long it may be."""
    with pytest.raises(QuestionError, match=r"^The question has 20,000 characters; at most 4,000 can be read"):
        understand("y" * 20_000, catalog)


def test_the_longest_question_is_read(catalog: Catalog) -> None:
    """White space does not count, and a question of just the length allowed is read."""
    query = understand("FAK " * (MAX_QUESTION // 4) + " " * 20_000, catalog)
    assert len(query.question) == MAX_QUESTION - 1
    assert [entity.names for entity in query.entities] == [("PTK2",)]


def test_invisible_characters_are_taken_out(catalog: Catalog) -> None:
    """Control characters count as spaces; soft hyphens and direction marks inside a word vanish."""
    assert (
        understand("FAK\x00and\x1b[31m\nYA\u00adP\u200b1 \u202ein cells", catalog).question
        == "FAK and [31m YAP1 in cells"
    )


def test_lone_surrogates_do_no_harm(catalog: Catalog) -> None:
    """What a shell passes on that is not text is left out."""
    assert understand("FAK \udcff binds", catalog).question == "FAK binds"


@given(text=st.text(max_size=300))
@settings(max_examples=150, deadline=None)
def test_any_text_is_understood_or_refused(text: str, catalog: Catalog) -> None:
    """No question makes understanding fail in any other way than by a QuestionError."""
    try:
        query = understand(text, catalog)
    except QuestionError:
        return
    assert isinstance(query, Query)
    assert query.question.isprintable()
    assert all(term == term.casefold() for term in query.terms)


@pytest.mark.parametrize(
    "question",
    ["a" * 4_000, "figure " * 570, "x1y2 " * 800, "? " * 2_000, "(" * 4_000, "between 2000 and " * 230, "αβγ-" * 900],
)
def test_repetition_is_read_in_reasonable_time(question: str, catalog: Catalog) -> None:
    """No question takes the patterns more than moments."""
    began = time.monotonic()
    understand(question, catalog)
    assert time.monotonic() - began < 5


# What it asks for


@pytest.mark.parametrize(
    ("question", "intent"),
    [
        ("How does FAK activate YAP1?", Intent.RELATION),
        ("ferroptosis", Intent.RELATION),
        ("Which figures show FAK?", Intent.LISTING),
        ("list all pathways of TNF", Intent.LISTING),
        ("figures about insulin", Intent.LISTING),
        ("is there anything on autophagy?", Intent.LISTING),
        ("How many figures show TNF?", Intent.COUNT),
        ("what is the number of figures on IL-6", Intent.COUNT),
        (f"what does {FAK} show?", Intent.LOOKUP),
        ("PMC9000001", Intent.LOOKUP),
        ("hello", Intent.CHAT),
        ("Hi there!", Intent.CHAT),
        ("Good morning, everyone", Intent.CHAT),
        ("thanks a lot!", Intent.CHAT),
        ("thank you so much", Intent.CHAT),
        ("hi, what can you do?", Intent.CHAT),
        ("What can you do for me?", Intent.CHAT),
        ("help", Intent.CHAT),
    ],
)
def test_the_kind_of_answer_is_understood(question: str, intent: Intent, catalog: Catalog) -> None:
    """Relations, lists, counts, figures by name and small talk are told apart."""
    assert understand(question, catalog).intent is intent


@pytest.mark.parametrize(
    "question", ["hey FAK and YAP1", "hi TNF", "hello integrin", "thanks, and TNF?", "help me with TNF"]
)
def test_a_greeting_before_a_question_is_no_small_talk(question: str, catalog: Catalog) -> None:
    """What follows a greeting is asked."""
    assert understand(question, catalog).intent is not Intent.CHAT


@pytest.mark.parametrize(
    ("words", "low", "high"),
    [
        ("since 2010", 2010, None),
        ("from 2010 on", 2010, None),
        ("after 2010", 2011, None),
        ("newer than 2010", 2011, None),
        ("before 2010", None, 2009),
        ("prior to 2010", None, 2009),
        ("until 2010", None, 2010),
        ("up to 2010", None, 2010),
        ("in 2010", 2010, 2010),
        ("from 2010", 2010, 2010),
        ("2008-2010", 2008, 2010),
        ("2008 – 2010", 2008, 2010),
        ("between 2008 and 2010", 2008, 2010),
        ("between 2010 and 2008", 2008, 2010),
        ("from 2008 to 2010", 2008, 2010),
        ("not before 2010", 2010, None),
        ("no earlier than 2010", 2010, None),
        ("no later than 2010", None, 2010),
        ("not after 2010", None, 2010),
        ("from 2010 or later", 2010, None),
        ("in 2010 and before", None, 2010),
    ],
)
def test_years_become_inclusive_bounds(words: str, low: int | None, high: int | None, catalog: Catalog) -> None:
    """Years in words bound the search, and their words are not searched for."""
    query = understand(f"figures on TNF {words}", catalog)
    assert (query.year_from, query.year_to) == (low, high)
    assert query.text == "figures on TNF"


@pytest.mark.parametrize(
    "question", ["2010 cells bind TNF", "figures on TNF in 20101", "TNF at 1900 rpm", "NM_2010 of TNF"]
)
def test_other_numbers_are_no_years(question: str, catalog: Catalog) -> None:
    """A number that is not said to be a year bounds nothing."""
    assert understand(question, catalog).years is None


# Named figures


@pytest.mark.parametrize(
    "named",
    [
        FAK,
        FAK.lower(),
        FAK.upper(),
        f"({FAK})",
        f"{FAK}.",
        f"https://pfocr.wikipathways.org/figures/{FAK}.html",
        "PMC9000001__F1",
        "pmc9000001__f1",
        "figure 1 of PMC9000001",
        "Fig. 1 in pmc9000001",
        "PMC9000001, fig 1",
    ],
)
def test_a_figure_is_found_by_its_names(named: str, catalog: Catalog) -> None:
    """A figid in any letter case, its page's address, its alias, or its paper and number name one figure."""
    query = understand(f"what does {named} show", catalog)
    assert (query.figids, query.missing, query.intent) == ((FAK,), (), Intent.LOOKUP)


def test_a_paper_names_all_its_figures(catalog: Catalog) -> None:
    """A PMCID without a number stands for every figure of the paper."""
    assert understand("PMC9000001", catalog).figids == (FAK, FAK_2)


def test_two_papers_keep_their_own_numbers(catalog: Catalog) -> None:
    """Each paper goes with the figure number that stands next to it."""
    first = understand("compare figure 2 of PMC9000001 and figure 3 of PMC9000003", catalog)
    second = understand("compare PMC9000001 figure 2 with PMC9000003 figure 3", catalog)
    assert first.figids == second.figids == (FAK_2, SUMMARY)
    assert first.missing == second.missing == ()


@pytest.mark.parametrize(
    ("question", "missing"),
    [
        ("what does PMC1234567__no.g1 show", ("PMC1234567__no.g1",)),
        ("https://pfocr.wikipathways.org/figures/PMC1234567__no.html", ("PMC1234567__no",)),
        ("pmc1234567", ("PMC1234567",)),
        ("figure 9 of PMC9000001", ("figure 9 of PMC9000001",)),
    ],
)
def test_what_is_not_there_is_named(question: str, missing: tuple[str, ...], catalog: Catalog) -> None:
    """A figure or paper that the index does not have is reported by its name."""
    query = understand(question, catalog)
    assert (query.figids, query.missing, query.intent) == ((), missing, Intent.LOOKUP)


def test_found_and_missing_figures_are_kept_apart(catalog: Catalog) -> None:
    """Of two figures named, the one that exists is found and the other is reported."""
    query = understand(f"compare {BOTH} with PMC1234567__no.g1", catalog)
    assert (query.figids, query.missing) == ((BOTH,), ("PMC1234567__no.g1",))


# Entities


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("FAK", "PTK2"),
        ("fak", "PTK2"),
        ("TNF-α", "TNF"),
        ("TNFα", "TNF"),
        ("TNF alpha", "TNF"),
        ("IL-6", "IL6"),
        ("IL6", "IL6"),
    ],
)
def test_spellings_of_a_gene_are_one_entity(written: str, name: str, catalog: Catalog) -> None:
    """Greek letters, hyphens and letter case do not matter."""
    (entity,) = understand(f"what does {written} do in cells?", catalog).entities
    assert (entity.kind, entity.names) == (Kind.GENE, (name,))


def test_a_printed_family_stands_for_its_members(catalog: Catalog) -> None:
    """A word that figures print for several genes is a family."""
    (entity,) = understand("what recruits Ras?", catalog).entities
    assert (entity.is_family, "HRAS" in entity.names) == (True, True)


def test_entities_come_in_order_and_once(catalog: Catalog) -> None:
    """An entity named twice is one, and they keep the order of the question."""
    query = understand("does IL-6 act on TNF, or TNF-α on IL6?", catalog)
    assert [entity.names for entity in query.entities] == [("IL6",), ("TNF",)]


@pytest.mark.parametrize("name", ["FROBX7", "frobnicase", "blorfinib", "quuxamab", "Zzyx-9b"])
def test_invented_names_are_told(name: str, catalog: Catalog) -> None:
    """A word written like a gene or ending like a molecule that stands in no record is unknown."""
    assert understand(f"which figures link {name} to TNF?", catalog).unknown == (name,)


@pytest.mark.parametrize(
    "question",
    [
        "Please determine which figures provide the outline of TNF release, or define its purpose",
        "examine certain routines, baselines and guidelines online for vaccine control of TNF",
        "WHICH FIGURES SUMMARIZE TNF RECEPTORS PLEASE",
        "macrophage fibroblasts integrin ferroptosis",
    ],
)
def test_ordinary_words_are_no_unknown_names(question: str, catalog: Catalog) -> None:
    """English words that end like molecules, capitals in a question of capitals and other forms of known words pass."""
    assert understand(question, catalog).unknown == ()


def test_a_typing_error_is_no_unknown_name(catalog: Catalog) -> None:
    """A word close to one that stands in the records is not taken for an invented name."""
    assert understand("glutathine keeps GPX4 active", catalog).unknown == ()


# Follow-ups


@pytest.mark.parametrize(
    "question",
    [
        "and in which organism?",
        "only those after 2015",
        "what about TNF?",
        "which of them show YAP1?",
        "who wrote it?",
        "when was it published?",
        "in which organism?",
        "which journal?",
        "what is the link to the paper?",
        "which genes are involved?",
        "what does the second one show?",
    ],
)
def test_a_followup_refers_back(question: str, catalog: Catalog) -> None:
    """A question that continues the one before is read with its subject."""
    query = understand(question, catalog, talk("Which figures show FAK?", catalog))
    assert query.refers_back
    assert query.text.startswith("Which figures show FAK?")
    assert query.entities[0].names == ("PTK2",)


@pytest.mark.parametrize(
    "question",
    ["Which figures show TNF?", "Where is GLUT4 sent by AKT2?", "Who discovered TNF in sepsis?", "PMC9000007"],
)
def test_a_new_question_does_not_refer_back(question: str, catalog: Catalog) -> None:
    """A question that stands alone is read alone."""
    query = understand(question, catalog, talk("Which figures show FAK?", catalog))
    assert (query.refers_back, query.text) == (False, question)


def test_the_first_question_refers_to_nothing(catalog: Catalog) -> None:
    """Without a conversation even a pronoun refers to nothing."""
    assert not understand("and what about it?", catalog, Conversation()).refers_back


def test_a_followup_keeps_the_years_and_the_kind_of_answer(catalog: Catalog) -> None:
    """Years and intent carry over until the follow-up names its own."""
    before = talk("How many figures show TNF since 2010?", catalog)
    kept = understand("and IL-6?", catalog, before)
    changed = understand("only those before 2009", catalog, before)
    assert (kept.intent, kept.year_from, kept.year_to) == (Intent.COUNT, 2010, None)
    assert (changed.intent, changed.year_from, changed.year_to) == (Intent.COUNT, None, 2008)


def test_a_conversation_does_not_grow_the_search(catalog: Catalog) -> None:
    """However long the questions before were, a follow-up is read with the beginning of their subject."""
    before = talk("Which figures show FAK " + "and more " * 300, catalog)
    query = understand("and TNF?", catalog, before)
    assert len(query.text) <= MAX_SUBJECT + len(" and TNF?")
    assert [entity.names for entity in query.entities] == [("PTK2",), ("TNF",)]
