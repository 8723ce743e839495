"""Which breakdown a question asks for, and figures counted by year, journal, organism, gene and the like."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from timing import least_seconds

from pfocr_chat.catalog import Catalog
from pfocr_chat.catalogwriter import open_catalog_writer
from pfocr_chat.citations import parse_keys
from pfocr_chat.facets import Breakdown, count_facet, read_breakdown
from pfocr_chat.queries import Intent
from pfocr_chat.query import understand
from pfocr_chat.records import FigureRecord, Kind, Mention, Tier
from pfocr_chat.tables import Facet, FacetRow, FacetTable, facet_lead

# Questions

ASKED = [
    ("How many figures show mTOR by year?", Facet.YEAR, "How many figures show mTOR?"),
    ("mTOR figures per year", Facet.YEAR, "all mTOR figures"),
    ("SMAD4 by year", Facet.YEAR, "all figures on SMAD4"),
    ("how many figures about ferroptosis over time", Facet.YEAR, "how many figures about ferroptosis"),
    ("figures on mTOR over the years", Facet.YEAR, "all figures on mTOR"),
    ("In which years were figures about Hippo published?", Facet.YEAR, "all figures about Hippo published?"),
    ("In which years is mTOR shown most?", Facet.YEAR, "all figures on mTOR?"),
    ("Which year has the most figures on Wnt?", Facet.YEAR, "all figures on Wnt?"),
    ("years with most figures on autophagy", Facet.YEAR, "all figures on autophagy"),
    ("When were figures about CRISPR published?", Facet.YEAR, "all figures about CRISPR?"),
    ("How has research on ferroptosis grown over time?", Facet.YEAR, "all figures on ferroptosis?"),
    ("How are figures on autophagy distributed over the years?", Facet.YEAR, "all figures on autophagy?"),
    ("yearly number of figures on STAT3", Facet.YEAR, "all figures on STAT3"),
    ("number of figures on TNF each year", Facet.YEAR, "all figures on TNF"),
    ("Show me a plot of mTOR figures per year", Facet.YEAR, "all mTOR figures"),
    ("publication trends for ferroptosis", Facet.YEAR, "all figures for ferroptosis"),
    ("how many papers per year mention mTOR", Facet.YEAR, "how many figures mention mTOR"),
    ("how many figures per journal and year show STAT3?", Facet.JOURNAL, "how many figures show STAT3?"),
    ("which journals publish figures on ferroptosis?", Facet.JOURNAL, "all figures on ferroptosis?"),
    ("Which journals publish papers on ferroptosis?", Facet.JOURNAL, "all figures on ferroptosis?"),
    ("mTOR by journal", Facet.JOURNAL, "all figures on mTOR"),
    ("which journal publishes most on autophagy?", Facet.JOURNAL, "all figures on autophagy?"),
    ("Which journal publishes the most figures on TNF per year?", Facet.JOURNAL, "all figures on TNF?"),
    ("which journals", Facet.JOURNAL, "all figures"),
    ("top 5 journals", Facet.JOURNAL, "all figures"),
    ("how many journals published figures on autophagy?", Facet.JOURNAL, "all figures on autophagy?"),
    ("List the journals that publish figures on light", Facet.JOURNAL, "all figures on light"),
    ("how many figures on TNF from each journal", Facet.JOURNAL, "how many figures on TNF"),
    ("distribution of figures on mTOR across journals", Facet.JOURNAL, "all figures on mTOR"),
    ("Which genes appear most often with SMAD4?", Facet.GENE, "all figures with SMAD4?"),
    ("WHICH GENES APPEAR MOST OFTEN WITH SMAD4?", Facet.GENE, "all figures WITH SMAD4?"),
    ("What genes are most common in figures about apoptosis?", Facet.GENE, "all figures about apoptosis?"),
    ("top genes", Facet.GENE, "all figures"),
    ("What are the top 10 genes in figures on Wnt?", Facet.GENE, "all figures on Wnt?"),
    ("Top genes for Alzheimer's disease since 2015", Facet.GENE, "all figures for Alzheimer's disease since 2015"),
    ("What are the most common genes in melanoma figures?", Facet.GENE, "all melanoma figures?"),
    ("which genes appear in figures about Wnt", Facet.GENE, "all figures about Wnt"),
    ("genes in figures about Wnt", Facet.GENE, "all figures about Wnt"),
    ("Which genes does SMAD4 appear with most often?", Facet.GENE, "all figures on SMAD4?"),
    ("with which genes does SMAD4 appear?", Facet.GENE, "all figures on SMAD4?"),
    ("SMAD4 is most often drawn with which genes?", Facet.GENE, "all figures on SMAD4?"),
    ("which other genes are shown together with TNF", Facet.GENE, "all figures with TNF"),
    ("which genes co-occur with TP53", Facet.GENE, "all figures with TP53"),
    ("What other proteins are commonly drawn with AKT1?", Facet.GENE, "all figures with AKT1?"),
    ("genes most often shown with SMAD4 since 2010", Facet.GENE, "all figures with SMAD4 since 2010"),
    ("which genes and chemicals are in figures on Wnt", Facet.GENE, "all figures on Wnt"),
    ("how many different genes appear with SMAD4", Facet.GENE, "all figures with SMAD4"),
    ("which gene appears in the most figures?", Facet.GENE, "all figures?"),
    ("Which genes are most studied in fibrosis", Facet.GENE, "all figures in fibrosis"),
    ("Which chemicals are in figures about glycolysis?", Facet.CHEMICAL, "all figures about glycolysis?"),
    ("Which metabolites appear most often with PKM?", Facet.CHEMICAL, "all figures with PKM?"),
    ("which chemicals/metabolites appear in papers on lipids", Facet.CHEMICAL, "all figures on lipids"),
    ("Which drugs are most frequently named with EGFR?", Facet.CHEMICAL, "all figures with EGFR?"),
    ("which diseases are mentioned in figures about lipids", Facet.DISEASE, "all figures about lipids"),
    ("Which diseases appear most often with TNF", Facet.DISEASE, "all figures with TNF"),
    ("Break down figures on mTOR by organism", Facet.ORGANISM, "all figures on mTOR"),
    ("group mTOR figures by species", Facet.ORGANISM, "all mTOR figures"),
    ("And by organism?", Facet.ORGANISM, "And all figures?"),
    ("In which organisms is mTOR shown?", Facet.ORGANISM, "all figures on mTOR?"),
    ("In which species has autophagy been studied?", Facet.ORGANISM, "all figures on autophagy?"),
    ("Which organisms have figures on autophagy?", Facet.ORGANISM, "all figures on autophagy?"),
    ("What are the most common species in figures on silk?", Facet.ORGANISM, "all figures on silk?"),
    ("How many papers show mTOR since 2015?", Facet.PAPER, "How many figures show mTOR since 2015?"),
    ("in how many papers is ferroptosis drawn", Facet.PAPER, "all figures on ferroptosis"),
    ("Which papers have the most figures on Wnt?", Facet.PAPER, "all figures on Wnt?"),
    ("figures per paper on Wnt", Facet.PAPER, "all figures on Wnt"),
    ("figures on mTOR by figure type", Facet.FIGTYPE, "all figures on mTOR"),
    ("what types of figures show Wnt", Facet.FIGTYPE, "all figures on Wnt"),
    # an order about the figures before names nothing to be searched for
    ("sort by year", Facet.YEAR, "all figures"),
    ("Sort by publication date, newest first", Facet.YEAR, "all figures"),
    ("now sort by year", Facet.YEAR, "all figures"),
    ("sort them by journal", Facet.JOURNAL, "all figures"),
    ("and sort these by year?", Facet.YEAR, "and all figures?"),
    ("rank by gene", Facet.GENE, "all figures"),
    ("can you sort those by disease?", Facet.DISEASE, "all figures?"),
    ("group the results by journal", Facet.JOURNAL, "all figures"),
    ("break them down by organism", Facet.ORGANISM, "all figures"),
    ("list them by genes", Facet.GENE, "all figures"),
    ("sort the figures by year", Facet.YEAR, "all the figures"),
    ("sort figures on TNF by year", Facet.YEAR, "all figures on TNF"),
    # nothing but figures is meant where nothing else is said
    ("most common diseases", Facet.DISEASE, "all figures"),
    ("What are the most common diseases?", Facet.DISEASE, "all figures?"),
    ("and the most common diseases?", Facet.DISEASE, "and all figures?"),
    ("which organisms are most common", Facet.ORGANISM, "all figures"),
    ("most frequent species in the index", Facet.ORGANISM, "all figures in the index"),
]

NOT_ASKED = [
    "Which figures show mTOR since 2015?",
    "How many figures show TNF and IL6?",
    "Which figures from the last 5 years show TNF?",
    "figures published before the year 2015",
    "figures published by year 2015",
    "figures in the journal Cell",
    "Which papers are about Wnt?",
    "top papers on mTOR",
    "What are the top figures on Wnt?",
    "figures about gene therapy",
    "Figures with the most genes",
    "Which figures contain genes and chemicals?",
    # about one record
    "which genes are in PMC123456",
    "what genes does PMC1__fig.g001 show",
    "list the genes in this figure",
    "Which genes are shown in the second figure?",
    "Show me the genes in figure 3 of that paper",
    "which journal is it from",
    "Which journal published this figure?",
    "In which year was the figure about YAP published?",
    "what year is it from",
    # about how things act on each other, or what they are
    "Which genes does p53 activate?",
    "which genes are activated by p53",
    "How many genes does p53 activate?",
    "Which genes regulate autophagy?",
    "Which genes are involved in autophagy?",
    "Which genes are found in mitochondria?",
    "Which genes are most strongly induced by interferon?",
    "Which genes are most commonly mutated in melanoma?",
    "Which genes are often mutated together with KRAS?",
    "which genes are common to apoptosis and autophagy",
    "What is the most important gene in melanoma?",
    "Which proteins are found most in muscle?",
    "Which proteins bind YAP1?",
    "which protein is encoded by the gene TP53",
    "Is transcription activated by gene X?",
    "How many human genes are there?",
    "Which chemicals inhibit mTOR?",
    "Which metabolites are toxic?",
    "which drugs are used with metformin",
    "What are the most commonly used drugs for malaria?",
    "what is the role of chemicals in inflammation",
    "Which figures show damage caused by disease?",
    "Which diseases are caused by SMAD4?",
    "Which disease is most common in children?",
    "the most common diseases of the liver",
    "How many genes are mutated in melanoma?",
    "number of genes activated by p53",
    "sort by relevance",
    "sort genes by name",
    "What is the most common cause of disease?",
    "Which organisms produce artemisinin?",
    "Which species lack FOXP2?",
    "What are model organisms?",
    "How does autophagy differ by species?",
    "How does NF-kB activity change over time?",
    "Which figures show mTOR activity over time?",
    "how does expression vary with the years of age",
    "how many steps are in glycolysis",
    "gene",
    "thanks",
    "",
]


def read_facet(question: str) -> tuple[Facet | None, str]:
    """The facet of the breakdown that a question asks for, and the rest of it; or ``None`` and the question."""
    asked = read_breakdown(question)
    return (asked.facet, asked.rest) if asked else (None, question)


@pytest.mark.parametrize(("question", "facet", "rest"), ASKED)
def test_a_question_that_counts_figures_asks_for_a_breakdown(question: str, facet: Facet, rest: str) -> None:
    """Its words are cut out, and what is left asks for the figures to be counted."""
    assert read_facet(question) == (facet, rest)


@pytest.mark.parametrize("question", NOT_ASKED)
def test_other_questions_ask_for_none(question: str) -> None:
    """About one record, or about how things act on each other; they stay as they are."""
    assert read_facet(question) == (None, question)


@pytest.mark.parametrize(
    ("question", "facet", "rest", "limit"),
    [
        ("top 5 genes with TNF", Facet.GENE, "all figures with TNF", 5),
        ("Top FIVE genes with TNF", Facet.GENE, "all figures with TNF", 5),
        ("the 5 most common genes with TNF", Facet.GENE, "all figures with TNF", 5),
        ("which 3 genes appear most often with TNF", Facet.GENE, "all figures with TNF", 3),
        ("list the ten most common genes in figures on Wnt", Facet.GENE, "all figures on Wnt", 10),
        ("top 100 journals", Facet.JOURNAL, "all figures", 100),
        ("top genes with TNF", Facet.GENE, "all figures with TNF", None),
        ("Which genes appear most often since 2015?", Facet.GENE, "all figures since 2015?", None),
    ],
)
def test_the_number_of_values_asked_for_is_read(question: str, facet: Facet, rest: str, limit: int | None) -> None:
    """In digits or words; it is no part of what is searched for."""
    assert read_breakdown(question) == Breakdown(facet, rest, limit)


@pytest.mark.parametrize(
    ("question", "facet", "rest"),
    [
        ("How many papers show TNF?", Facet.PAPER, "How many figures show TNF?"),
        ("what is the number of papers on TNF", Facet.PAPER, "all figures on TNF"),
        ("how many different journals?", Facet.JOURNAL, "all figures?"),
        ("number of journals", Facet.JOURNAL, "all figures"),
        ("how many genes", Facet.GENE, "all figures"),
        ("And how many genes?", Facet.GENE, "And all figures?"),
        ("How many genes are there in this collection?", Facet.GENE, "all figures in this collection?"),
        ("how many genes appear with TNF?", Facet.GENE, "all figures with TNF?"),
        ("how many species are shown", Facet.ORGANISM, "all figures"),
        ("how many diseases", Facet.DISEASE, "all figures"),
    ],
)
def test_a_question_may_ask_for_the_number_of_values(question: str, facet: Facet, rest: str) -> None:
    """Then that number, not the one of figures, is what has to be said first."""
    assert read_breakdown(question) == Breakdown(facet, rest, asks_number=True)


def test_a_breakdown_asks_for_no_number_unless_it_says_so() -> None:
    """ "How many figures by year" asks for figures, and so does "how many papers per year" for years."""
    for question in ("How many figures show mTOR by journal?", "how many papers per year mention mTOR", "top genes"):
        asked = read_breakdown(question)
        assert asked
        assert not asked.asks_number


def test_what_is_left_is_understood_as_a_list_or_a_count(catalog: Catalog) -> None:
    """So that every figure is counted, not those nearest in meaning."""
    intents = {rest: understand(rest, catalog).intent for _, _, rest in ASKED}
    assert {rest for rest, intent in intents.items() if intent not in (Intent.LISTING, Intent.COUNT)} == set()


def test_nothing_is_left_to_search_for_of_the_breakdown(catalog: Catalog) -> None:
    """ "Often" and "appear" stand in few records, and would narrow the figures to be counted."""
    for question in ("Which genes appear most often with SMAD4?", "In which years is SMAD4 shown most?"):
        query = understand(read_facet(question)[1], catalog)
        assert (query.subjects, query.other_words) == (("smad 4",), ())


@given(st.text(max_size=200) | st.lists(st.sampled_from(" ".join(q for q, _, _ in ASKED).split())).map(" ".join))
@example("by year " * 3)
@example("which genes which genes by year and year by")
def test_reading_any_text(text: str) -> None:
    """Nothing that is typed fails, and there is always something to ask for."""
    facet, rest = read_facet(text)
    assert rest.strip() if facet else rest == text


@pytest.mark.parametrize(
    "words",
    [
        "sort ",
        "please sort the ",
        "how many ",
        "5 genes ",
        "the 5 ",
        "gene ",
        "by year ",
        "which genes ",
        "top 9 genes ",
        "in which organisms is a b c ",
        "all ",
        "a",
        " ",
    ],
)
def test_a_long_question_is_read_quickly(words: str) -> None:
    """The time taken grows with the length of the text only."""
    assert least_seconds(lambda: read_facet((words * 4000)[:4000])) < 1


# Counting

JOURNALS = {
    "Cell": "cell",
    "Frontiers in Immunology": "frontiers in immunology",
    "Frontiers in immunology": "frontiers in immunology",
    "FRONTIERS IN IMMUNOLOGY.": "frontiers in immunology",
    "Molecules (Basel, Switzerland)": "molecules",
    "Molecules": "molecules",
    "(—)": "(—)",
}
ORGANISMS = {
    "C. elegans": "Caenorhabditis elegans",
    "Caenorhabditis elegans": "Caenorhabditis elegans",
    "Mus musculus": "Mus musculus",
    "Mouse": "Mus musculus",
    "Drosophlia melanogaster": "Drosophila melanogaster",
    "Hepatitis E Virus": "Hepatitis E Virus",
}
GENES = ("SMAD4", "TGFB1", "SMAD2", "TNF", "Tnf")
CHEMICALS = ("ATP", "Glucose", "a | b\nc")


def made_up(number: int) -> FigureRecord:
    """A record whose values follow from its number; every kind of value is missing in some."""
    spelled = list(ORGANISMS)
    mentions = [
        Mention(Kind.GENE, word, name, Tier(1 + (number + place) % 3))
        for place, name in enumerate(GENES)
        if (number >> place) & 1
        for word in (name, f"{name}s")
    ]
    mentions += [Mention(Kind.CHEMICAL, name, name, Tier.SYMBOL) for name in CHEMICALS[: number % 4]]
    mentions += [Mention(Kind.DISEASE, "TNF", "TNF", Tier.SYMBOL)] if number % 10 == 0 else []
    return FigureRecord(
        figid=f"PMC{100 + number // 3}__f{number}",
        pmcid=None if number % 11 == 0 else f"PMC{100 + number // 3}",
        figtype=("Figure", "Scheme", None, " ")[number % 4],
        year=None if number % 5 == 0 else 1998 + (number * 7) % 23,
        journal=[None, *JOURNALS][number % (len(JOURNALS) + 1)],
        organisms=tuple(spelled[number % 6 : number % 6 + number % 4]),
        mentions=tuple(mentions),
    )


RECORDS = {record.figid: record for record in map(made_up, range(70))}
FIGIDS = tuple(RECORDS)


def values_of(facet: Facet, record: FigureRecord) -> set[str]:
    """What a record has of a facet, where spellings that mean the same are one."""
    match facet:
        case Facet.YEAR:
            return {str(record.year)} if record.year else set()
        case Facet.JOURNAL:
            return {JOURNALS[record.journal]} if record.journal else set()
        case Facet.ORGANISM:
            return {ORGANISMS[name] for name in record.organisms}
        case Facet.PAPER:
            return {record.pmcid} if record.pmcid else set()
        case Facet.FIGTYPE:
            return {record.figtype} if (record.figtype or "").strip() else set()
    strong = [m for m in record.mentions if m.kind == facet.value and m.tier in (Tier.SYMBOL, Tier.SYNONYM)]
    return {m.name for m in strong}


def counted(facet: Facet, figids: Sequence[str]) -> Counter[str]:
    """The figures counted in plain Python."""
    return Counter(value for figid in figids for value in values_of(facet, RECORDS[figid]))


def by_value(table: FacetTable) -> dict[str, int]:
    """The numbers of a table under the names that ``values_of`` uses."""
    journals = table.facet is Facet.JOURNAL
    return {JOURNALS[row.label] if journals else row.label: row.figures for row in table.rows}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """A catalog of the made-up records."""
    path: Path = tmp_path_factory.mktemp("facets") / "catalog.sqlite"
    with open_catalog_writer(path) as writer:
        for record in RECORDS.values():
            writer.put(record, [], source=record.figid, digest="d")
        writer.commit()
    with Catalog(path) as opened:
        yield opened


@pytest.mark.parametrize("facet", Facet)
def test_counts_are_those_of_the_records(catalog: Catalog, facet: Facet) -> None:
    """Each value with its number of figures, and those without any."""
    table = count_facet(facet, FIGIDS, catalog)
    assert by_value(table) == counted(facet, FIGIDS)
    assert table.total == len(RECORDS)
    assert table.without == sum(not values_of(facet, record) for record in RECORDS.values())
    assert table.without > 0


@given(figids=st.lists(st.sampled_from(FIGIDS), max_size=90), facet=st.sampled_from(Facet))
def test_counts_of_some_figures(catalog: Catalog, figids: list[str], facet: Facet) -> None:
    """A figure given twice counts once, and each number is that of the figures behind it, in the order given."""
    distinct = list(dict.fromkeys(figids))
    table = count_facet(facet, figids, catalog)
    assert by_value(table) == counted(facet, distinct)
    assert table.total == len(distinct)
    assert table.without == sum(not values_of(facet, RECORDS[figid]) for figid in distinct)
    for row in table.rows:
        value = JOURNALS[row.label] if facet is Facet.JOURNAL else row.label
        assert row.figids == tuple(figid for figid in distinct if value in values_of(facet, RECORDS[figid]))
        assert row.figures == len(row.figids)


@given(figids=st.permutations(FIGIDS), facet=st.sampled_from(Facet))
def test_rows_stand_in_an_order_of_their_own(catalog: Catalog, figids: list[str], facet: Facet) -> None:
    """However the figures are ordered: years go up, all else goes down, and ties go by the alphabet."""
    rows = [(row.label, row.figures) for row in count_facet(facet, figids, catalog).rows]
    assert rows == [(row.label, row.figures) for row in count_facet(facet, FIGIDS, catalog).rows]
    if facet is Facet.YEAR:
        assert [label for label, _ in rows] == sorted(label for label, _ in rows)
    else:
        assert rows == sorted(rows, key=lambda row: (-row[1], row[0].casefold(), row[0]))


def test_years_without_figures_have_no_row(catalog: Catalog) -> None:
    """A gap is for who draws the plot to show."""
    of_two_years = [figid for figid, record in RECORDS.items() if record.year in (1998, 2020)]
    table = count_facet(Facet.YEAR, of_two_years, catalog)
    assert [row.label for row in table.rows] == ["1998", "2020"]


def test_a_journal_is_called_by_its_commonest_spelling(catalog: Catalog) -> None:
    """Of the figures counted; other spellings of it are counted with it."""
    spelled = {
        title: [figid for figid, record in RECORDS.items() if record.journal == title]
        for title in ("Frontiers in Immunology", "Frontiers in immunology")
    }
    for title, other in (tuple(spelled), tuple(spelled)[::-1]):
        figids = [*spelled[other][:1], *spelled[title][:3]]
        (row,) = count_facet(Facet.JOURNAL, figids, catalog).rows
        assert row == FacetRow(title, 4, tuple(figids))


def test_the_genes_asked_about_are_left_out(catalog: Catalog) -> None:
    """In any letter case; a figure that has no other gene still has one that is known."""
    with_smad = [figid for figid in FIGIDS if "SMAD4" in values_of(Facet.GENE, RECORDS[figid])]
    alone = [figid for figid in with_smad if values_of(Facet.GENE, RECORDS[figid]) == {"SMAD4"}]
    assert alone
    table = count_facet(Facet.GENE, with_smad, catalog, leave_out=["smad4"])
    others = counted(Facet.GENE, with_smad)
    assert by_value(table) == {gene: number for gene, number in others.items() if gene != "SMAD4"}
    assert (table.without, table.total) == (0, len(with_smad))
    assert count_facet(Facet.GENE, alone, catalog, leave_out=["SMAD4"]).rows == ()


def test_family_members_are_not_counted_as_genes(catalog: Catalog) -> None:
    """A printed family says that some member is shown, not which."""
    only_family = [
        figid
        for figid, record in RECORDS.items()
        if record.mentions_of(Kind.GENE) and all(m.tier is Tier.FAMILY for m in record.mentions_of(Kind.GENE))
    ]
    assert only_family
    assert count_facet(Facet.GENE, only_family, catalog) == FacetTable(
        Facet.GENE, (), len(only_family), len(only_family)
    )


@pytest.mark.parametrize("facet", Facet)
def test_figures_that_are_not_there_are_not_counted(catalog: Catalog, facet: Facet) -> None:
    """Nor is anything else that is given as a figid."""
    strangers = ["PMC9__none", "' OR 1=1 --", "", "é\x00\ud7ff"]
    assert count_facet(facet, strangers, catalog) == FacetTable(facet, (), 0, 0)
    assert count_facet(facet, [*strangers, FIGIDS[1]], catalog) == count_facet(facet, FIGIDS[1:2], catalog)
    assert count_facet(facet, [], catalog) == FacetTable(facet, (), 0, 0)


# Showing


def a_table(*rows: tuple[str, int], facet: Facet = Facet.GENE, without: int = 0) -> FacetTable:
    return FacetTable(
        facet, tuple(FacetRow(label, n, tuple(f"PMC1__{i}" for i in range(n))) for label, n in rows), without, 99
    )


def cells(markdown: str) -> list[list[str]]:
    """The text in the cells of a Markdown table, as a reader shows it, without its head."""
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    assert [token.type for token in tokens if token.level == 0] == ["table_open", "table_close"]
    inline = [token for token in tokens if token.type == "inline"]
    texts = ["".join(child.content for child in token.children or []) for token in inline]
    return [texts[at : at + 2] for at in range(2, len(texts), 2)]


def test_a_table_says_how_many_values_it_has() -> None:
    """In words, for the sentence before it."""
    assert facet_lead(a_table(("TNF", 2), ("IL6", 1))) == "2 genes"
    assert facet_lead(a_table(("TNF", 2)), others=True) == "1 other gene"
    assert facet_lead(a_table(*((f"PMC{n}", 1) for n in range(1_200)), facet=Facet.PAPER)) == "1,200 papers"
    assert facet_lead(a_table(facet=Facet.FIGTYPE)) == "0 figure types"


def test_a_table_in_markdown() -> None:
    """Numbers are at the right, in thousands; figures without a value come last."""
    table = FacetTable(Facet.JOURNAL, (FacetRow("Cell", 1234, ()), FacetRow("eLife", 5, ())), 6, 1245)
    assert table.to_markdown() == (
        "| journal | figures |\n| :--- | ---: |\n| Cell | 1,234 |\n| eLife | 5 |\n| not known | 6 |\n"
    )


def test_a_long_table_says_what_it_leaves_out() -> None:
    """All years are shown, of all else the first."""
    rows = [(str(year), 1) for year in range(2000, 2025)]
    genes = cells(a_table(*rows, without=3).to_markdown())
    assert [genes[0], genes[19], *genes[20:]] == [
        ["2000", "1"],
        ["2019", "1"],
        ["… and 5 more", ""],
        ["not known", "3"],
    ]
    assert cells(a_table(*rows, facet=Facet.YEAR).to_markdown(limit=2)) == [[year, "1"] for year, _ in rows]
    assert len(cells(a_table(*rows).to_markdown(limit=25))) == 25


@given(st.text(st.characters(exclude_categories=["C", "Z"]) | st.sampled_from(" |\\\n`*_[]<>&"), min_size=1))
@example("a | b\nc")
@example("\\|")
@example("benzo[1,2]furan [3]")
@example("[link](http://x.example) <b> *x* `y` &amp; ~~z~~")
def test_a_label_stays_in_its_cell(label: str) -> None:
    """And is shown as it is but for white space, whatever it would mean in Markdown."""
    shown = " ".join(label.split())
    markdown = a_table((label, 1), ("next", 1)).to_markdown()
    assert parse_keys(markdown) == ()
    assert cells(markdown) == [[shown, "1"], ["next", "1"]]


def test_a_table_for_json(catalog: Catalog) -> None:
    """With the figures behind each number."""
    table = count_facet(Facet.YEAR, FIGIDS[:3], catalog)
    assert json.loads(json.dumps(table.to_dict())) == {
        "facet": "year",
        "total": 3,
        "without": 1,
        "rows": [{"label": str(RECORDS[figid].year), "figures": 1, "figids": [figid]} for figid in FIGIDS[1:3]],
    }
