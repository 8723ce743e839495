"""Understanding questions: what they name, what they ask for, and what they refer back to."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import fields, replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from planted import BOTH, FAK, FAK_2, SUMMARY, Planted

from pfocr_chat.answers import Conversation, Turn
from pfocr_chat.catalog import FILE_NAME, Catalog
from pfocr_chat.config import MAX_QUESTION
from pfocr_chat.errors import QuestionError
from pfocr_chat.queries import Filters, Intent, Query
from pfocr_chat.query import MAX_SUBJECT, asks_for_advice, understand
from pfocr_chat.records import Kind


@pytest.fixture(scope="module")
def catalog(planted: Planted) -> Iterator[Catalog]:
    with Catalog(planted.folder / FILE_NAME) as opened:
        yield opened


def talk(question: str, catalog: Catalog, figids: tuple[str, ...] = ()) -> Conversation:
    """A conversation whose last turn asked ``question``."""
    query = understand(question, catalog)
    return Conversation((Turn(question, query.text, query.intent, figids, query.filters),))


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
@example(text="FAK 0\u13a0")  # a Cherokee letter: its small form folds to the capital
@settings(max_examples=150, deadline=None)
def test_any_text_is_understood_or_refused(text: str, catalog: Catalog) -> None:
    """No question makes understanding fail in any other way than by a QuestionError."""
    try:
        query = understand(text, catalog)
    except QuestionError:
        return
    assert isinstance(query, Query)
    assert query.question.isprintable()
    assert all(term == term.lower() for term in query.terms)


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
        ("show me a diagram of TNF", Intent.RELATION),
        ("find the figure in which FAK activates YAP1", Intent.RELATION),
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
    assert (query.filters, query.ignored) == (Filters(low, high), ())
    assert query.text == "figures on TNF"


@pytest.mark.parametrize(
    "question", ["2010 cells bind TNF", "figures on TNF in 20101", "TNF at 1900 rpm", "NM_2010 of TNF"]
)
def test_other_numbers_are_no_years(question: str, catalog: Catalog) -> None:
    """A number that is not said to be a year bounds nothing."""
    assert understand(question, catalog).filters == Filters()


@pytest.mark.parametrize(
    ("question", "ignored"),
    [
        ("TNF since 2090", "since 2090"),
        ("figures on TNF not in 2010", "not in 2010"),
        ("which figures show TNF not in mice?", "not in mice"),
        ("figures on TNF in the journal Annals of Quokkas", None),
    ],
)
def test_a_condition_that_cannot_be_used_is_kept_apart(question: str, ignored: str | None, catalog: Catalog) -> None:
    """Years to come and exclusions restrict nothing and are told as typed; a journal that is not there is one."""
    query = understand(question, catalog)
    assert query.ignored == ((ignored,) if ignored else ())
    assert query.filters == (Filters() if ignored else Filters(journals=("Annals of Quokkas",)))


def test_a_journal_restricts_and_is_not_searched_for(catalog: Catalog) -> None:
    """It is spelled as the records spell it, and its words are left out."""
    query = understand("which figures in the journal of planted records show FAK since 2010?", catalog)
    assert query.filters == Filters(year_from=2010, journals=("Journal of Planted Records",))
    assert query.text == "which figures show FAK?"
    assert query.subjects == ("fak",)


@pytest.mark.parametrize(
    ("question", "organisms", "other_words"),
    [
        ("Which figures show FAK in mice?", ("Mus musculus",), ()),
        ("How many figures show FAK in zebrafish or fruit flies?", ("Danio rerio", "Drosophila melanogaster"), ()),
        ("How does FAK bind YAP1 in mice?", (), ("mice",)),
        ("Show me a figure of FAK in mice", (), ("mice",)),
        ("Which figures show FAK in plants?", (), ("plants",)),
    ],
)
def test_an_organism_restricts_a_list(
    question: str, organisms: tuple[str, ...], other_words: tuple[str, ...], catalog: Catalog
) -> None:
    """Where figures of one kind are asked for, a species is a condition; elsewhere, as a group always, a word."""
    query = understand(question, catalog)
    assert (query.filters.organisms, query.other_words) == (organisms, other_words)
    assert set(query.unfamiliar) <= set(other_words)


@pytest.mark.parametrize("question", ["How does bovine TNF act?", "Which figures show TNF in murine cells?"])
def test_an_organism_is_no_unknown_name(question: str, catalog: Catalog) -> None:
    """Though it ends like a molecule and stands in no record."""
    assert understand(question, catalog).unknown == ()


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


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("p53", "TP53"),
        ("HER2", "ERBB2"),
        ("tumor necrosis factor", "TNF"),
        ("interleukin-6", "IL6"),
        ("TNFR1", "TNFRSF1A"),
    ],
)
def test_names_that_no_record_has_are_known(written: str, name: str, catalog: Catalog) -> None:
    """The nomenclature knows the names of genes that the corpus does not print."""
    query = understand(f"what does {written} do in cells?", catalog)
    assert [(entity.mention, entity.names) for entity in query.entities] == [(written, (name,))]


@pytest.mark.parametrize(
    ("question", "members"),
    [
        ("what recruits Ras?", {"HRAS", "KRAS", "NRAS"}),
        ("what do integrins do?", {"ITGB1", "ITGAV"}),
        ("what does AMPK do?", {"PRKAA1", "PRKAB2"}),
    ],
)
def test_a_family_stands_for_its_members(question: str, members: set[str], catalog: Catalog) -> None:
    """The name of a family is one entity with its genes."""
    (entity,) = understand(question, catalog).entities
    assert entity.is_family
    assert members <= set(entity.names)


@pytest.mark.parametrize(
    "question",
    ["How does it act in the nucleus?", "what acts on cells", "form in the membrane", "a cat at rest, no max"],
)
def test_ordinary_words_are_no_names(question: str, catalog: Catalog) -> None:
    """Words that only together, or only in capitals, would spell a gene stay words."""
    assert understand(question, catalog).entities == ()


def test_entities_come_in_order_and_once(catalog: Catalog) -> None:
    """An entity named twice is one, and they keep the order of the question."""
    query = understand("does IL-6 act on TNF, or TNF-α on IL6?", catalog)
    assert [(entity.mention, entity.names) for entity in query.entities] == [("IL-6", ("IL6",)), ("TNF", ("TNF",))]


@pytest.mark.parametrize(
    ("question", "groups", "excluded"),
    [
        ("which figures show FAK and TNF?", [["FAK"], ["TNF"]], []),
        ("which figures show FAK or TNF?", [["FAK", "TNF"]], []),
        ("how many figures show FAK and TNF or IL-6 but not YAP1?", [["FAK"], ["TNF", "IL-6"]], ["YAP1"]),
        ("how does FAK or TNF act without YAP1?", [["FAK"], ["TNF"], ["YAP1"]], []),
    ],
)
def test_a_list_is_of_all_one_or_none_of_the_names(
    question: str, groups: list[list[str]], excluded: list[str], catalog: Catalog
) -> None:
    """Alternatives and exclusions count where a list is asked for; elsewhere names are just names."""
    query = understand(question, catalog)
    assert [[entity.mention for entity in group] for group in query.groups] == groups
    assert [entity.mention for entity in query.excluded] == excluded
    assert query.entities == tuple(entity for group in query.groups for entity in group)
    assert query.other_words == ()


@pytest.mark.parametrize(
    ("question", "excluded", "others"),
    [
        ("which figures show FAK without the nucleus?", ("nucleus",), ()),
        ("which figures on membranes show FAK, not cancer?", ("cancer",), ("membranes",)),
        ("figures without a nucleus", ("nucleus",), ()),
        ("which figures don't show sepsis?", ("sepsis",), ()),
        ("which figures show FAK and sepsis, not only the nucleus?", (), ("sepsis", "nucleus")),
        ("how does FAK act without a nucleus?", (), ("nucleus",)),
    ],
)
def test_words_are_excluded_as_names_are(
    question: str, excluded: tuple[str, ...], others: tuple[str, ...], catalog: Catalog
) -> None:
    """A word after "not" or "without" is one that a listed figure must not have."""
    query = understand(question, catalog)
    assert (query.excluded_words, query.other_words) == (excluded, others)


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


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("glutathine keeps GPX4 active", "glutathione keeps GPX4 active"),
        ("ferroptosiss of neurons", "ferroptosis of neurons"),
        ("LTAS1 in sepsiis", "LATS1 in sepsis"),
    ],
)
def test_a_typing_error_is_mended_and_told(typed: str, read: str, catalog: Catalog) -> None:
    """A word close to one that stands in the records is read as that, and not taken for an invented name."""
    query = understand(typed, catalog)
    assert (query.question, query.text, query.unknown, query.unfamiliar) == (typed, read, (), ())
    pairs = zip(typed.split(), read.split(), strict=True)
    assert set(query.corrections) == {(before, after) for before, after in pairs if before != after}


def test_other_words_for_the_same_are_searched_for(catalog: Catalog) -> None:
    """Other spellings of names, forms of abbreviations and names of organisms stand beside the words typed."""
    query = understand("How does TNF act on LPS in zebrafish?", catalog)
    others = {expansion.words: set(expansion.others) for expansion in query.expansions}
    assert {"tnf alpha", "tnfa", "tumor necrosis factor"} <= others["tnf",]
    assert "lipopolysaccharide" in others["lps",]
    assert "danio rerio" in others["zebrafish",]
    assert not any(" ".join(words) in spelled for words, spelled in others.items())


# Follow-ups


@pytest.mark.parametrize(
    "question",
    [
        "and in which organism?",
        "only those after 2015",
        "before 2010 instead",
        "and TNF?",
        "does that happen with TNF?",
        "the next one",
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
    ("question", "text"),
    [
        ("Which figures show TNF?", "Which figures show TNF?"),
        ("Where is GLUT4 sent by AKT2?", "Where is GLUT4 sent by AKT2?"),
        ("Who discovered TNF in sepsis?", "Who discovered TNF in sepsis?"),
        ("PMC9000007", ""),
    ],
)
def test_a_new_question_does_not_refer_back(question: str, text: str, catalog: Catalog) -> None:
    """A question that stands alone is read alone; a figure's or a paper's id is no text to search for."""
    query = understand(question, catalog, talk("Which figures show FAK?", catalog))
    assert (query.refers_back, query.text) == (False, text)


def test_the_first_question_refers_to_nothing(catalog: Catalog) -> None:
    """Without a conversation even a pronoun refers to nothing."""
    assert not understand("and what about it?", catalog, Conversation()).refers_back


def test_a_followup_keeps_the_kind_of_answer(catalog: Catalog) -> None:
    """What follows a count is a count, and a list where one is asked for."""
    before = talk("How many figures show TNF?", catalog)
    assert understand("and IL-6?", catalog, before).intent is Intent.COUNT
    assert understand("which figures of these show IL-6?", catalog, before).intent is Intent.LISTING
    assert understand("how does it act?", catalog, before).intent is Intent.RELATION


@pytest.mark.parametrize(
    ("first", "then", "text"),
    [
        ("Which figures show FAK?", "what about TNF?", "Which figures show ? what about TNF?"),
        ("How many figures link FAK to YAP1?", "what about TNF?", "How many figures link FAK to ? what about TNF?"),
        ("Which figures show autophagy?", "how about sepsis?", " how about sepsis?"),
        ("Which figures link FAK to autophagy?", "what about sepsis?", "FAK what about sepsis?"),
        ("How does FAK act?", "what about TNF?", "How does FAK act? what about TNF?"),
    ],
)
def test_after_a_list_what_about_puts_one_thing_for_another(first: str, then: str, text: str, catalog: Catalog) -> None:
    """A name takes the place of the last one of its kind, a topic that of the topic; elsewhere both stay."""
    asked = understand(then, catalog, talk(first, catalog)).text
    assert " ".join(asked.split()) == " ".join(text.split())


def test_how_many_are_left(catalog: Catalog) -> None:
    """What is left of a list is no side of the body."""
    query = understand("how many are left after 2015?", catalog, talk("How many figures show TNF?", catalog))
    assert (query.intent, query.other_words, query.filters.year_from) == (Intent.COUNT, (), 2016)


def test_a_followup_of_nothing_known_brings_in_an_unknown(catalog: Catalog) -> None:
    """A word that stands in no record is no detail where it is all that the follow-up asks about."""
    before = talk("How does FAK act on YAP1?", catalog)
    assert understand("what about zzyzx?", catalog, before).unknown == ("zzyzx",)
    assert understand("what about zzyzx and TNF?", catalog, before).unknown == ()


def test_markup_says_nothing(catalog: Catalog) -> None:
    """Tags that come with copied text are no words to search for; what is less than something else is kept."""
    assert understand("Which <b>figures</b> show <i class='x'>TNF</i>?", catalog).other_words == ()
    assert understand("Which figures show TNF < FAK > YAP1?", catalog).groups != ()


@pytest.mark.parametrize(
    ("question", "filters"),
    [
        ("and IL-6?", Filters(year_from=2010, organisms=("Mus musculus",))),
        ("only those before 2009", Filters(year_to=2008, organisms=("Mus musculus",))),
        ("and in zebrafish?", Filters(year_from=2010, organisms=("Danio rerio",))),
        (
            "only those in the Journal of Planted Records",
            Filters(year_from=2010, organisms=("Mus musculus",), journals=("Journal of Planted Records",)),
        ),
    ],
)
def test_a_followup_keeps_the_conditions_that_it_does_not_set(
    question: str, filters: Filters, catalog: Catalog
) -> None:
    """Years, organism and journal carry over, each until the follow-up names its own."""
    before = talk("How many figures show TNF in mice since 2010?", catalog)
    query = understand(question, catalog, before)
    assert query.refers_back
    assert query.filters == filters
    assert query.other_words == ()


def test_a_new_question_drops_the_conditions(catalog: Catalog) -> None:
    """A question that stands alone is not restricted by the one before."""
    query = understand("Which figures show IL-6?", catalog, talk("Which figures show TNF in mice since 2010?", catalog))
    assert query.filters == Filters()


def test_a_conversation_does_not_grow_the_search(catalog: Catalog) -> None:
    """However long the questions before were, a follow-up is read with the beginning of their subject."""
    before = talk("Which figures show FAK " + "and more " * 300, catalog)
    query = understand("and TNF?", catalog, before)
    assert len(query.text) <= MAX_SUBJECT + len(" and TNF?")
    assert [entity.names for entity in query.entities] == [("PTK2",), ("TNF",)]


# What was understood, in words


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("How does FAK activate YAP1 in the nucleus?", "figures on FAK = PTK2 (gene), YAP1 (gene), “nucleus”"),
        ("which figures show Ras?", "all figures on Ras (a family of 3 genes)"),
        (
            "how many figures show TNF in mice since 2010?",
            "the number of figures on TNF (gene) published since 2010, in Mus musculus",
        ),
        (
            "which figures show FAK or TNF but not IL6?",
            "all figures on FAK = PTK2 (gene) or TNF (gene), not IL6 (gene)",
        ),
        ("which figures are there?", "all figures"),
        ("hello", "figures"),
        (f"what does {FAK} show?", f"the figure {FAK}"),
        ("what does PMC9000001 show?", f"the figures {FAK} and {FAK_2}"),
        (f"figures most like {FAK}", f"figures like {FAK}"),
        ("what does PMC1234567 show?", "figures on PMC1234567"),
    ],
)
def test_a_query_tells_what_was_understood(question: str, words: str, catalog: Catalog) -> None:
    """Names with what they stand for, other words, figures and conditions, in one line."""
    assert str(understand(question, catalog)) == words


def test_a_query_becomes_json(catalog: Catalog) -> None:
    """Plain values with all that was understood."""
    query = understand("how many figures show FAK or Ras but not TNF in sepsiis since 2010 not in mice?", catalog)
    told = query.to_dict()
    assert json.loads(json.dumps(told)) == told
    assert told["summary"] == str(query)
    assert (told["intent"], told["text"]) == ("count", query.text)
    assert [(e["mention"], e["names"], e["is_family"]) for e in told["entities"]] == [
        ("FAK", ["PTK2"], False),
        ("Ras", ["HRAS", "KRAS", "NRAS"], True),
    ]
    assert (told["groups"], [e["mention"] for e in told["excluded"]]) == ([["FAK", "Ras"]], ["TNF"])
    assert told["filters"] == {"year_from": 2010}
    assert told["other_words"] == ["sepsis"]
    assert told["corrections"] == [{"typed": "sepsiis", "read": "sepsis"}]
    assert (told["ignored"], told["unknown"]) == (["not in mice"], [])


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        (Filters(), ""),
        (Filters(year_from=2010), "published since 2010"),
        (Filters(year_to=2010), "published up to 2010"),
        (Filters(2010, 2010), "published in 2010"),
        (Filters(2008, 2010, journals=("Cell", "CELL", "eLife")), "published from 2008 to 2010 in Cell or eLife"),
        (Filters(journals=("Cell",), organisms=("Mus musculus",)), "published in Cell, in Mus musculus"),
        (Filters(pmcids=("PMC1", "PMC2", "PMC3")), "from PMC1, PMC2 or PMC3"),
        (Filters(figtypes=("Scheme",)), "of type Scheme"),
        (Filters(genes_all=("AKT1",), genes_none=("TP53",)), "printing the gene AKT1, not printing the gene TP53"),
        (Filters(genes_all=("A", "B"), genes_any=("C", "D")), "printing the genes A and B, printing the genes C or D"),
        (Filters(genes_none=("A", "B")), "not printing the genes A or B"),
        (
            Filters(chemicals_all=("ATP",), chemicals_any=("a", "b")),
            "printing the chemical ATP, printing the chemicals a or b",
        ),
    ],
)
def test_conditions_are_told_in_words(filters: Filters, words: str) -> None:
    """As they go on after "figures"; where there is none, nothing is said, and there is nothing to apply."""
    assert str(filters) == words
    assert bool(filters) == bool(words)


def test_conditions_can_be_relaxed_by_kind() -> None:
    """One kind after the other, the two years and the lists of genes each as one; without a condition, none."""
    filters = Filters(2008, 2010, organisms=("Mus musculus",), genes_all=("A",), genes_none=("B",))
    assert dict(filters.relaxed()) == {
        "years": replace(filters, year_from=None, year_to=None),
        "organisms": replace(filters, organisms=()),
        "genes": replace(filters, genes_all=(), genes_none=()),
    }
    assert dict(Filters(journals=("Cell",)).relaxed()) == {"journals": Filters()}
    assert list(Filters().relaxed()) == []


names = st.lists(st.sampled_from(["A", "B"]), max_size=2).map(tuple)
years = st.none() | st.integers(1990, 2020)
conditions = st.builds(Filters, years, years, names, names, names, names, names, names, names, names, names)


@given(conditions, conditions)
def test_later_conditions_go_before_earlier_ones(later: Filters, earlier: Filters) -> None:
    """Field by field, the two years as one; what is set in neither stays open, and to_dict holds what is set."""
    both = later.over(earlier)
    has_years = later.year_from is not None or later.year_to is not None
    bounds = later if has_years else earlier
    assert (both.year_from, both.year_to) == (bounds.year_from, bounds.year_to)
    for field in fields(Filters)[2:]:
        assert getattr(both, field.name) == (getattr(later, field.name) or getattr(earlier, field.name))
    assert later.over(Filters()) == later == Filters().over(later)
    assert both.to_dict().keys() == {f.name for f in fields(Filters) if getattr(both, f.name) not in (None, ())}
    assert json.loads(json.dumps(both.to_dict())) == both.to_dict()


@given(conditions)
def test_every_condition_belongs_to_one_kind(filters: Filters) -> None:
    """Dropping one kind after the other leaves no condition, and each kind drops something of its own."""
    dropped = [filters.to_dict().keys() - less.to_dict().keys() for _, less in filters.relaxed()]
    assert all(dropped)
    assert sum(map(len, dropped)) == len(filters.to_dict())
    assert set().union(*dropped) == filters.to_dict().keys()


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("What is the recommended dose of TNF inhibitors?", True),
        ("What are the side effects of rapamycin?", True),
        ("Is it safe to take curcumin?", True),
        ("How much does an antibody against TNF cost?", True),
        ("What is the cost of a knockout kit?", True),
        ("What does a sequencer cost?", True),
        ("Can we inhibit mTOR with rapamycin?", False),
        ("How should I interpret the Hippo pathway?", False),
        ("What is the cost of immune activation in insects?", False),
        ("glucose dose response of insulin", False),
        ("where can I find figures about YAP1?", False),
    ],
)
def test_requests_for_advice(question: str, asks: bool) -> None:
    """Doses, side effects and prices for a person, not those that cells pay."""
    assert asks_for_advice(question) == asks


def test_an_unknown_example_leaves_the_question(catalog: Catalog) -> None:
    """What follows "such as" is no name without which there is nothing to answer."""
    assert understand("Which receptors such as FROBX7 bind TNF?", catalog).unknown == ()
    assert understand("Which receptors bind FROBX7?", catalog).unknown == ("FROBX7",)


@pytest.mark.parametrize("name", ["TNF88", "YAP19", "IL-99", "PTK2B7"])
def test_a_known_name_with_another_number_is_unknown(name: str, catalog: Catalog) -> None:
    """The number is part of the name: that there is a TNF says nothing of a TNF88."""
    assert understand(f"What does {name} do in sepsis?", catalog).unknown == (name,)


@pytest.mark.parametrize("name", ["TNF", "IL-6", "YAP1", "PTK2"])
def test_a_name_that_stands_in_records_is_known(name: str, catalog: Catalog) -> None:
    """Names with and without numbers that figures or the nomenclature have."""
    assert understand(f"What does {name} do in sepsis?", catalog).unknown == ()


@pytest.mark.parametrize(
    "question",
    [
        "how can you help me?",
        "hey there, can you help?",
        "who made you?",
        "cool, thanks for that",
        "yes",
        "what can I ask?",
    ],
)
def test_talk_about_the_tool_is_small_talk(question: str, catalog: Catalog) -> None:
    """It is answered with what can be asked."""
    assert understand(question, catalog).intent is Intent.CHAT
