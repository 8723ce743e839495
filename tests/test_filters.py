"""Conditions in a question's words: years, journals, organisms, and what is left to search for."""

from __future__ import annotations

import time
from dataclasses import fields
from datetime import date
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from timing import least_seconds

from pfocr_chat.filters import Reading, read_filters
from pfocr_chat.journals import title_words
from pfocr_chat.organisms import find_organisms
from pfocr_chat.queries import Filters

TODAY = date(2024, 5, 17)
NEUROSCIENCE = "The Journal of neuroscience : the official journal of the Imaginary Society"
PNAS = "Proceedings of the National Academy of Sciences of the United States of America"
JOURNALS = (
    "PloS one", "PLoS pathogens", "Cells", "Viruses", "Genes", "Cell", "Nature", "Nature communications",
    "Cell reports", "Frontiers in plant science", "Frontiers in Plant Science", "Microbial cell factories",
    "Cancer research", "eLife", "Molecules (Basel, Switzerland)", "Molecular & cellular proteomics : MCP",
    "The Journal of biological chemistry",
    "(—)", NEUROSCIENCE, "Journal of cell science",
    "RNA (X, Y.)", PNAS,
    "Cell death & disease", "Oncotarget", "Evidence-based complementary and alternative medicine : eCAM", "3 Biotech",
    "British journal of haematology", "Nature reviews. Microbiology", "BMC plant biology",
    "Plant biotechnology journal", "Life (Basel, Switzerland)",
)  # fmt: skip


def read(question: str, organisms: tuple[str, ...] = ()) -> Reading:
    return read_filters(question, journals=JOURNALS, organisms=organisms, today=TODAY)


# Years


@pytest.mark.parametrize(
    ("words", "low", "high"),
    [
        ("since 2010", 2010, None),
        ("since 2010 on", 2010, None),
        ("from 2010 on", 2010, None),
        ("from 2010 onwards", 2010, None),
        ("2010 onward", 2010, None),
        ("starting in 2010", 2010, None),
        ("as of 2010", 2010, None),
        ("not before 2010", 2010, None),
        ("no earlier than 2010", 2010, None),
        ("not older than 2010", 2010, None),
        ("in or after 2010", 2010, None),
        ("from 2010 or later", 2010, None),
        ("2010 and newer", 2010, None),
        ("2010+", 2010, None),
        (">= 2010", 2010, None),
        ("≥2010", 2010, None),
        ("year >= 2010", 2010, None),
        ("from 2010 to now", 2010, None),
        ("from 2010 until today", 2010, None),
        ("2010 to the present", 2010, None),
        ("2010-present", 2010, None),
        ("after 2010", 2011, None),
        ("later than 2010", 2011, None),
        ("newer than 2010", 2011, None),
        ("more recent than 2010", 2011, None),
        ("> 2010", 2011, None),
        ("post-2010", 2011, None),
        ("before 2010", None, 2009),
        ("older than 2010", None, 2009),
        ("earlier than 2010", None, 2009),
        ("prior to 2010", None, 2009),
        ("< 2010", None, 2009),
        ("pre-2010", None, 2009),
        ("until 2010", None, 2010),
        ("up to 2010", None, 2010),
        ("by 2010", None, 2010),
        ("through 2010", None, 2010),
        ("no later than 2010", None, 2010),
        ("not after 2010", None, 2010),
        ("in or before 2010", None, 2010),
        ("in 2010 and before", None, 2010),
        ("2010 or earlier", None, 2010),
        ("<=2010", None, 2010),
        ("in 2010", 2010, 2010),
        ("from 2010", 2010, 2010),
        ("of 2010", 2010, 2010),
        ("for 2010", 2010, 2010),
        ("during 2010", 2010, 2010),
        ("in the year 2010", 2010, 2010),
        ("year 2010", 2010, 2010),
        ("year: 2010", 2010, 2010),
        ("year=2010", 2010, 2010),
        ("dated 2010", 2010, 2010),
        ("2010", 2010, 2010),
        ("(2010)", 2010, 2010),
        ("2008-2010", 2008, 2010),
        ("2008 – 2010", 2008, 2010),
        ("2008—2010", 2008, 2010),
        ("2008-10", 2008, 2010),
        ("2008 to 2010", 2008, 2010),
        ("from 2008 to 2010", 2008, 2010),
        ("from 2008-2010", 2008, 2010),
        ("from 2008 through 2010", 2008, 2010),
        ("since 2008 until 2010", 2008, 2010),
        ("between 2008 and 2010", 2008, 2010),
        ("between 2010 and 2008", 2008, 2010),
        ("from the year 2008 to the year 2010", 2008, 2010),
        ("in 2008 or 2009", 2008, 2009),
        ("in 2008, 2009 and 2010", 2008, 2010),
        ("after 2008 and before 2012", 2009, 2011),
        ("since 2008 but before 2012", 2008, 2011),
        ("from 2020 to 2010", 2010, 2020),
    ],
)
def test_years_become_inclusive_bounds(words: str, low: int | None, high: int | None) -> None:
    """Years in words or signs bound the search, at the end of a question or at its beginning, and are cut out."""
    for question in (f"figures on TNF {words}", f"figures on TNF {words}?", f"figures on TNF published {words}"):
        reading = read(question)
        assert (reading.filters.year_from, reading.filters.year_to) == (low, high)
        assert reading.ignored == ()
        assert reading.rest.rstrip("?") == "figures on TNF"


@pytest.mark.parametrize(
    ("words", "low", "high"),
    [
        ("since January 2015", 2015, None),
        ("since Jan 2015", 2015, None),
        ("since Sept. 2015", 2015, None),
        ("since 3 May 2015", 2015, None),
        ("since May 3rd, 2015", 2015, None),
        ("since 2015-03", 2015, None),
        ("since 2015-03-01", 2015, None),
        ("since 03/2015", 2015, None),
        ("since early 2015", 2015, None),
        ("since the end of 2015", 2015, None),
        ("after January 2015", 2015, None),
        ("before March 2015", None, 2015),
        ("in June 2015", 2015, 2015),
        ("June 2015", 2015, 2015),
        ("on 3 May 2015", 2015, 2015),
        ("in mid-2015", 2015, 2015),
    ],
)
def test_a_date_counts_as_its_year(words: str, low: int | None, high: int | None) -> None:
    """The index knows years alone, so that a part of a year lets the whole year through."""
    reading = read(f"figures on TNF {words}")
    assert (reading.filters.year_from, reading.filters.year_to) == (low, high)
    assert reading.rest == "figures on TNF"


@pytest.mark.parametrize(
    ("words", "low", "high"),
    [
        ("last year", 2023, 2023),
        ("from last year", 2023, 2023),
        ("this year", 2024, 2024),
        ("since last year", 2023, None),
        ("before this year", None, 2023),
        ("from 2010 to last year", 2010, 2023),
        ("in the last year", 2023, None),
        ("in the past year", 2023, None),
        ("last 5 years", 2019, None),
        ("in the last 5 years", 2019, None),
        ("over the past five years", 2019, None),
        ("within the previous 2 years", 2022, None),
        ("during the last couple of years", 2022, None),
        ("in the last decade", 2014, None),
        ("from the past two decades", 2004, None),
        ("in the last 6 months", 2023, None),
        ("in the last 3 months", 2024, None),
        ("2010s", 2010, 2019),
        ("in the 1990s", 1990, 1999),
        ("from the 1990's", 1990, 1999),
        ("since the 1990s", 1990, None),
        ("before the 2000s", None, 1999),
        ("after the 1990s", 2000, None),
        ("from the 1990s to 2005", 1990, 2005),
    ],
)
def test_relative_years_and_decades(words: str, low: int | None, high: int | None) -> None:
    """ "The last 5 years" are counted from today; a decade is its ten years."""
    reading = read(f"figures on TNF {words}")
    assert (reading.filters.year_from, reading.filters.year_to) == (low, high)
    assert reading.rest == "figures on TNF"


def test_today_is_today_where_it_is_not_given() -> None:
    """Without a date, relative years count from now."""
    assert read_filters("figures of this year", journals=()).filters.year_from in {date.today().year, TODAY.year}


@pytest.mark.parametrize(
    "question",
    [
        "2010 cells bind TNF", "in 2010 cells", "a total of 2015 genes", "TNF at 1900 rpm", "NM_2010 of TNF",
        "miR-2010", "which figures show CP2012", "Ly2015 figures", "figures on LY 2015", "ATCC 2015 and TNF",
        "compound 2015", "coronavirus disease 2019", "COVID-2019", "PMC2015000", "PMC2015__x.2010-2015.g1",
        "10.1234/abc.2015.12", "https://example.org/?y=2015", "https://example.org/2015/03/x", "IC50 > 2000 nM",
        "IC50>2010", "2000-2015 bp", "between 2000 and 2015 residues", "from 2000 to 2015 Da", "show me 2000 figures",
        "figures on 2,015 genes", "survival in the last 5 years of life", "the last 3 steps", "in recent years",
        "1000-2000", "in the 90s", "recent figures", "figure 2010 of it", "TNF 1850", "TNF 2015 binds",
        "in 2010.g1", "last of 5 years", "in 2015-13 to 2016", "in 2015-13",
    ],
)  # fmt: skip
def test_other_numbers_are_no_years(question: str) -> None:
    """Amounts, names, identifiers and addresses bound nothing, are not remarked upon, and stay."""
    assert read(question) == Reading(Filters(), question)


@pytest.mark.parametrize(
    ("question", "rest"),
    [
        ("2015 figures on TNF", "figures on TNF"),
        ("which 2015 papers show TNF", "which papers show TNF"),
        ("2015 TNF figures", "TNF figures"),
        ("Imaginary et al. (2015) on TNF", "Imaginary et al. on TNF"),
        ("Imaginary et al., 2015", "Imaginary et al."),
        ("2015?", "?"),
    ],
)
def test_a_year_on_its_own_counts_where_a_year_may_stand(question: str, rest: str) -> None:
    """Before the figures, at the end of the question, or in brackets."""
    reading = read(question)
    assert (reading.filters.year_from, reading.filters.year_to, reading.rest) == (2015, 2015, rest)


@pytest.mark.parametrize(
    "words",
    [
        "since 20155", "in 1850", "after 2050", "since 0", "in 3000", "from 2050 to 2060", "in 20101", "in the 1850s",
        "since 123456789", "before 1492", "between 1700 and 1800", "year: 3000", "not from 2015", "not in 2015",
        "except 2015", "other than from 2015", "last 9999 years", "in the last few years",
        "over the past several years", "from the last years",
    ],
)  # fmt: skip
def test_years_that_cannot_be_used_are_told_as_typed(words: str) -> None:
    """An impossible or excluded year, or an uncertain number of them, bounds nothing and is not searched for."""
    reading = read(f"figures on TNF {words}")
    assert reading == Reading(Filters(), "figures on TNF", ignored=(words,))


@pytest.mark.parametrize(
    ("words", "low", "high"), [("from 2010 to 2050", 2010, None), ("between 1850 and 2010", None, 2010)]
)
def test_a_range_with_one_impossible_end_is_open_there(words: str, low: int | None, high: int | None) -> None:
    """No figure is beyond it, so that nothing is ignored."""
    reading = read(f"figures {words}")
    assert (reading.filters.year_from, reading.filters.year_to, reading.ignored) == (low, high, ())


def test_the_first_of_two_years_that_contradict_each_other_counts() -> None:
    """The other is ignored, and said to be."""
    reading = read("TNF after 2015 and FAK before 2010")
    assert reading == Reading(Filters(year_from=2016), "TNF and FAK", ignored=("before 2010",))


def test_phrases_that_overlap_count_once() -> None:
    """The first has the words that two of them share."""
    assert read("TNF in the last 5 years 2011 to 2012") == Reading(Filters(2019), "TNF 2011 to 2012")


def test_on_begins_a_topic_where_a_topic_follows() -> None:
    """ "From 2010 on" is open; "from 2010 on TNF" is the year 2010."""
    assert read("figures from 2010 on TNF") == Reading(Filters(2010, 2010), "figures on TNF")
    assert read("figures from 2010 on about TNF") == Reading(Filters(2010), "figures about TNF")
    assert read("figures in 2010 on") == Reading(Filters(2010, 2010), "figures on")


# Journals


@pytest.mark.parametrize(
    ("question", "titles", "rest"),
    [
        ("figures published in Microbial Cell Factories", ("Microbial cell factories",), "figures"),
        ("figures from PLoS ONE on TNF", ("PloS one",), "figures on TNF"),
        ("figures from plos one on TNF", ("PloS one",), "figures on TNF"),
        ("TNF in the journal Cells", ("Cells",), "TNF"),
        ("TNF in the journal cells", ("Cells",), "TNF"),
        ("TNF in Cells journal", ("Cells",), "TNF"),
        ("journal: Cells, TNF", ("Cells",), "TNF"),
        ("published in cells", ("Cells",), ""),
        ('TNF in "Cells"?', ("Cells",), "TNF?"),
        ("TNF in ‘Nature’", ("Nature",), "TNF"),
        ("TNF published in Nature", ("Nature",), "TNF"),
        ("TNF published online in Nature, and FAK", ("Nature",), "TNF, and FAK"),
        ("which figures published in Life show TNF", ("Life (Basel, Switzerland)",), "which figures show TNF"),
        ("figures in Nature Communications about TNF", ("Nature communications",), "figures about TNF"),
        ("figures in Cell Death and Disease", ("Cell death & disease",), "figures"),
        ("figures in cell death & disease published in Cell", ("Cell",), "figures in cell death & disease"),
        ("figures in Cell Reports", ("Cell reports",), "figures"),
        ("figures in Molecular and Cellular Proteomics", ("Molecular & cellular proteomics : MCP",), "figures"),
        ("figures published in MCP", ("Molecular & cellular proteomics : MCP",), "figures"),
        ("figures in the Journal of Neuroscience", (NEUROSCIENCE,), "figures"),
        ("figures in the journal of cell science", ("Journal of cell science",), "figures"),
        ("papers of J Biol Chem on TNF", ("The Journal of biological chemistry",), "papers on TNF"),
        ("papers in J. Biol. Chem. since 2010", ("The Journal of biological chemistry",), "papers"),
        ("papers in JBC", ("The Journal of biological chemistry",), "papers"),
        ("figures in Nat Commun", ("Nature communications",), "figures"),
        ("figures in Br J Haematol", ("British journal of haematology",), "figures"),
        ("figures in Nat Rev Microbiol", ("Nature reviews. Microbiology",), "figures"),
        ("figures in PNAS", (PNAS,), "figures"),
        ("figures in Proc Natl Acad Sci USA", (PNAS,), "figures"),
        ("figures in the Proceedings of the National Academy of Sciences", (PNAS,), "figures"),
        ("figures in eLife", ("eLife",), "figures"),
        ("figures from oncotarget", ("Oncotarget",), "figures"),
        ("figures from 3 Biotech", ("3 Biotech",), "figures"),
        ("figures in the Plant Biotechnology Journal", ("Plant biotechnology journal",), "figures"),
        ("TNF signalling in Cancer Research", ("Cancer research",), "TNF signalling"),
        ("published in Cells or Viruses since 2015", ("Cells", "Viruses"), ""),
        ("in PLoS ONE, Nature Communications, and eLife", ("PloS one", "Nature communications", "eLife"), ""),
        ("published in 2015 in Cells", ("Cells",), ""),
        ("TNF in PLoS ONE 2015", ("PloS one",), "TNF"),
    ],
)
def test_journals_are_found_and_cut_out(question: str, titles: tuple[str, ...], rest: str) -> None:
    """By title, whatever its case, place, subtitle and "&", or in the usual abbreviations."""
    reading = read(question)
    assert (reading.filters.journals, reading.rest, reading.ignored) == (titles, rest, ())


def test_all_titles_of_a_journal_are_meant() -> None:
    """Records spell one journal in several ways; words say it once."""
    filters = read("figures from Frontiers in plant science").filters
    assert set(filters.journals) == {"Frontiers in Plant Science", "Frontiers in plant science"}
    assert str(filters).lower() == "published in frontiers in plant science"


@pytest.mark.parametrize(
    "question",
    [
        "figures in Cells on TNF", "which cells show TNF in viruses?", "figures on genes from viruses",
        "life in nature", "signalling in cancer research", "The Role Of TNF In Cancer Research Today And Tomorrow",
        "figures in cell", "which PLoS journals show TNF", "journal club figures", "what is in the journal?",
        "in journals of TNF", "figures from cell death", "binding of RNA", "genes of cells in life", "in J A",
        "published figures", "molecules in cells", "from Cell Reports Medicine", "of Nature and nurture", "in B Cell",
        "figures by J Smith", "in nature", "in MCP",
    ],
)  # fmt: skip
def test_ordinary_words_are_no_journals(question: str) -> None:
    """Titles that are also words of the subject count only where the question says that they are journals."""
    reading = read(question)
    assert (reading.filters, reading.rest, reading.ignored) == (Filters(), question, ())


@pytest.mark.parametrize(
    ("question", "title", "rest"),
    [
        ("TNF published in the Journal of Imaginary Results", "Journal of Imaginary Results", "TNF"),
        ("TNF published in the journal of imaginary results", "Journal of Imaginary Results", "TNF"),
        ("TNF in the Imaginary Journal of Tests", "Imaginary Journal of Tests", "TNF"),
        ("in the journal Imaginary Letters about TNF", "Imaginary Letters", "about TNF"),
        ("published in the journal imaginary letters about TNF", "Imaginary Letters", "about TNF"),
        ('in the journal "advances in nothing" about TNF', "advances in nothing", "about TNF"),
    ],
)
def test_a_journal_that_the_index_does_not_have_is_kept(question: str, title: str, rest: str) -> None:
    """Where the question says that it is a journal, so that nothing is found, and that can be said."""
    reading = read(question)
    assert (reading.filters.journals, reading.rest, reading.ignored) == ((title,), rest, ())


@pytest.mark.parametrize(
    ("words", "ignored"),
    [
        ("published in Imaginary Letters", "published in Imaginary Letters"),
        ("published in Genes & Development", "published in Genes & Development"),
        ("published in Cells and Organelles", "published in Cells and Organelles"),
        ("published in 2015 in Imaginary Letters", "published in Imaginary Letters"),
        ("published by Smith", "published by Smith"),
        ("in NEJM", "in NEJM"),
        ("not in PLoS ONE", "not in PLoS ONE"),
        ("not published in Cells", "not published in Cells"),
    ],
)
def test_journals_that_cannot_be_used_are_told_as_typed(words: str, ignored: str) -> None:
    """A place of publication that is no title of the index, or that is excluded."""
    reading = read(f"figures on TNF {words}")
    assert (reading.filters.journals, reading.rest, reading.ignored) == ((), "figures on TNF", (ignored,))


def test_an_index_without_journals_has_none() -> None:
    """Titles are known from the index alone."""
    assert read_filters("TNF in PLoS ONE", journals=()).filters == Filters()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("PloS one", "PLOS ONE"),
        ("Molecules (Basel, Switzerland)", "Molecules"),
        ("The Journal of X : an organ", "Journal of X"),
        ("A & B", "A and B"),
        ("Nature reviews. Cancer", "Nature Reviews Cancer"),
    ],
)
def test_spellings_of_a_title_have_the_same_words(one: str, other: str) -> None:
    """Case, punctuation, place, subtitle and small words make no difference."""
    assert title_words(one) == title_words(other) != ""


# Organisms


@pytest.mark.parametrize(
    ("question", "organisms"),
    [
        ("Arabidopsis thaliana figures about jasmonate", ("Arabidopsis thaliana",)),
        ("figures in zebrafish", ("Danio rerio",)),
        ("TNF figures in mice", ("Mus musculus",)),
        ("figures for Drosophila", ("Drosophila melanogaster",)),
        ("mouse figures on TNF", ("Mus musculus",)),
        ("human pathways only", ("Homo sapiens",)),
        ("only human pathways", ("Homo sapiens",)),
        ("figures from C. elegans since 2010", ("Caenorhabditis elegans",)),
        ("worm insulin signalling figures", ("Caenorhabditis elegans",)),
        ("figures for rice, please", ("Oryza sativa",)),
        ("pathways of E. coli", ("Escherichia coli",)),
        ("pathways of E. coli K-12", ("Escherichia coli",)),
        ("which yeast metabolic pathways use xylose?", ("Saccharomyces cerevisiae",)),
        ("which pathway controls moulting in C. elegans?", ("Caenorhabditis elegans",)),
        ("figures on flowering in Arabidopsis thalania", ("Arabidopsis thaliana",)),
        ("figures with a mouse model of colitis", ("Mus musculus",)),
        ("figures in rat models of pain", ("Rattus norvegicus",)),
        ("show figures of TNF in human cells", ("Homo sapiens",)),
        ("list figures about frost in barley plants", ("Hordeum vulgare",)),
        ("which figures show iron uptake in plants?", ("Plants",)),
        ("figures in human and mouse", ("Homo sapiens", "Mus musculus")),
        ("mouse and rat figures", ("Mus musculus", "Rattus norvegicus")),
        ("figures in humans, mice or in rats about TNF", ("Homo sapiens", "Mus musculus", "Rattus norvegicus")),
        ("figures from rice (Oryza sativa L.)", ("Oryza sativa",)),
        ("figures in mice published in PLoS ONE in 2015", ("Mus musculus",)),
        ("figures in humans but not in mice", ("Homo sapiens",)),
        ("and in zebrafish?", ("Danio rerio",)),
        ("what about zebrafish?", ("Danio rerio",)),
        ("only those in mouse", ("Mus musculus",)),
        ("show me those from zebrafish", ("Danio rerio",)),
        ("the ones in mice please", ("Mus musculus",)),
        ("only in mice", ("Mus musculus",)),
        ("TNF in mice only", ("Mus musculus",)),
        ("organism: mouse; TNF", ("Mus musculus",)),
        ("the organism is Danio rerio", ("Danio rerio",)),
    ],
)
def test_a_question_may_be_restricted_to_organisms(question: str, organisms: tuple[str, ...]) -> None:
    """Where the organism qualifies the figures, or stands as their place; its words stay."""
    reading = read(question)
    assert reading.filters.organisms == organisms
    assert set(organisms) <= {span.name for span in find_organisms(reading.rest)}


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("Drosophila Notch", ("Drosophila melanogaster",)),
        ("What is the role of yeast in fermentation?", ("Saccharomyces cerevisiae",)),
        ("How does insulin act in C. elegans?", ("Caenorhabditis elegans",)),
        ("figures about the human homolog of Drosophila Toll", ("Homo sapiens", "Drosophila melanogaster")),
        ("figures on mouse Notch", ("Mus musculus",)),
        ("figures about zebrafish", ("Danio rerio",)),
        ("figures of TNF in mouse macrophages", ("Mus musculus",)),
        ("does only human TNF bind it?", ("Homo sapiens",)),
        ("zebrafish", ("Danio rerio",)),
        ("figures comparing TNF between mouse and human", ("Mus musculus", "Homo sapiens")),
    ],
)
def test_an_organism_may_be_named_without_restricting(question: str, named: tuple[str, ...]) -> None:
    """What a question is about is searched for, and is no condition."""
    assert read(question) == Reading(Filters(), question)
    assert tuple(span.name for span in find_organisms(question)) == named


@pytest.mark.parametrize(
    "question",
    [
        "human papillomavirus figures", "figures on mouse double minute 2", "figures on yeast two-hybrid",
        "figures with rabbit antibody", "figures of bovine serum albumin", "rat sarcoma figures",
        "zebrafish-like figures", "figures for chicken ovalbumin upstream promoter", "figures in patients",
        "figures from non-human data",
    ],
)  # fmt: skip
def test_an_organism_within_another_name_is_not_named(question: str) -> None:
    """Viruses, reagents and methods are not the organism in their name."""
    assert read(question) == Reading(Filters(), question)


@pytest.mark.parametrize(
    ("question", "ignored"),
    [
        ("figures not in mice", "not in mice"),
        ("figures excluding human and mouse", "excluding human and mouse"),
        ("TNF figures, except in rats", "except in rats"),
        ("figures that are not about mice", "not about mice"),
    ],
)
def test_an_excluded_organism_is_told_as_typed(question: str, ignored: str) -> None:
    """No condition excludes organisms; that it is not met is said."""
    assert read(question) == Reading(Filters(), question, ignored=(ignored,))


def test_organisms_of_the_index_can_be_asked_for() -> None:
    """Species that only the records know, beside the well-known ones."""
    reading = read("figures in Camellia oleifera and tea plants", organisms=("Camellia oleifera",))
    assert reading.filters.organisms == ("Camellia oleifera", "Camellia sinensis")


# All together


@pytest.mark.parametrize(
    "question",
    [
        "Which figures in PLoS ONE 2015 show TNF?",
        "Which figures in PLoS ONE (2015) show TNF?",
        "Which figures in PLoS ONE, 2015 show TNF?",
    ],
)
def test_a_year_may_follow_its_journal(question: str) -> None:
    """As in a reference."""
    reading = read(question)
    assert reading.filters == Filters(2015, 2015, journals=("PloS one",))
    assert reading.rest == "Which figures show TNF?"


@pytest.mark.parametrize(
    ("question", "rest"),
    [
        ("figures  on \n TNF", "figures on TNF"),
        ("Since 2015, which figures show TNF?", "which figures show TNF?"),
        ("which figures, since 2015, show TNF?", "which figures, show TNF?"),
        ("figures on TNF, which were published in 2015, in mice", "figures on TNF, in mice"),
        ("figures on TNF (published in 2015)", "figures on TNF"),
        ("figures on TNF (since 2015, in PLoS ONE)", "figures on TNF"),
        ("figures on TNF since 2015 and in PLoS ONE", "figures on TNF"),
        ("figures on TNF and since 2015", "figures on TNF"),
        ("figures since 2015 on TNF", "figures on TNF"),
        ("since 2015", ""),
        ("\ue000 TNF \ue000", "TNF"),
    ],
)
def test_what_is_left_reads_well(question: str, rest: str) -> None:
    """No white space, comma, "and" or empty brackets are left where words were cut out."""
    assert read(question).rest == rest


def test_conditions_of_all_kinds_together() -> None:
    """Years, journals and organisms in one question."""
    reading = read("Which mouse figures published in PLoS ONE or Cells between 2010 and 2015 show TNF, not from 2012?")
    assert reading == Reading(
        Filters(2010, 2015, organisms=("Mus musculus",), journals=("PloS one", "Cells")),
        "Which mouse figures show TNF?",
        ignored=("not from 2012",),
    )


# In words


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        (Filters(), ""),
        (Filters(year_from=2010), "published since 2010"),
        (Filters(year_to=2010), "published up to 2010"),
        (Filters(2010, 2010), "published in 2010"),
        (Filters(2010, 2015), "published from 2010 to 2015"),
        (Filters(journals=("PloS one",)), "published in PloS one"),
        (Filters(2010, journals=("Cells", "PloS one", "CELLS")), "published since 2010 in Cells or PloS one"),
        (Filters(organisms=("Mus musculus", "Plants", "Hydra")), "in Mus musculus, Plants or Hydra"),
        (Filters(pmcids=("PMC1", "PMC2")), "from PMC1 or PMC2"),
        (Filters(figtypes=("Figure",)), "of type Figure"),
        (Filters(genes_all=("A",)), "printing the gene A"),
        (Filters(genes_all=("A", "B", "C")), "printing the genes A, B and C"),
        (Filters(genes_any=("A",)), "printing the gene A"),
        (Filters(genes_any=("A", "B")), "printing the genes A or B"),
        (Filters(genes_none=("A",)), "not printing the gene A"),
        (Filters(genes_none=("A", "B")), "not printing the genes A or B"),
        (Filters(chemicals_all=("heme",)), "printing the chemical heme"),
        (Filters(chemicals_any=("heme", "iron")), "printing the chemicals heme or iron"),
        (
            Filters(2010, 2015, organisms=("Arabidopsis thaliana",), journals=("PloS one",), genes_none=("A",)),
            "published from 2010 to 2015 in PloS one, in Arabidopsis thaliana, not printing the gene A",
        ),
    ],
)
def test_conditions_in_words(filters: Filters, words: str) -> None:
    """A phrase that goes on after "figures"."""
    assert str(filters) == words


@pytest.mark.parametrize("name", [field.name for field in fields(Filters)])
def test_every_condition_has_words(name: str) -> None:
    """No field is left out, so that a result that it narrows can always say so."""
    value: Any = 2010 if name.startswith("year") else ("2010",)
    assert "2010" in str(Filters(**{name: value}))


# Whatever is typed

PIECES = st.sampled_from(
    """since from to in 2010 2015 20155 - – and or , ( ) the last 5 years ſix laſt Kelvin 1990s published in journal
    Journal of Cells PLoS ONE Nat Commun " ' J. Biol. Chem. mice E. coli figures only not organism: \ue000 ² ٢٠١٥ ﬁ É
    January 3/2015 2010-15 2010-13 >= decade few \ud800 \x00""".split()
)


@given(question=st.text(max_size=200) | st.lists(PIECES, max_size=25).map(" ".join))
@example(question="laſt ſix yearſ")
@example(question="in ٢٠١٥")
@example(question="last 999999 years")
@settings(max_examples=400, deadline=None)
def test_any_text_is_read(question: str) -> None:
    """Nothing that is typed raises; years are in order and plausible, the rest is tidy and made of the question."""
    reading = read(question, organisms=("Xus yus",))
    low, high = reading.filters.year_from, reading.filters.year_to
    assert low is None or high is None or low <= high
    assert all(1899 <= year <= 2026 for year in (low, high) if year is not None)
    assert reading.rest == " ".join(reading.rest.split())
    assert "\ue000" not in reading.rest + "".join(reading.ignored)
    assert set(reading.rest.split()) <= set(question.replace("\ue000", " ").split()) | _pieces(question)
    assert reading == read(question, organisms=("Xus yus",))
    assert isinstance(str(reading.filters), str)
    assert set(reading.filters.organisms) <= {span.name for span in find_organisms(question, ("Xus yus",))}


def _pieces(question: str) -> set[str]:
    """Words of which a part was cut out."""
    words = question.replace("\ue000", " ").split()
    return {word[a:b] for word in words for a in range(len(word)) for b in range(a + 1, len(word) + 1)}


HOSTILE = [
    "between 2000 and ", "in ", "since 20", "2010-", "the last ", "1 January ", "published in ", "9", "1/", "the year ",
    " ", "not before ", "Cells and ", "published in Cells and ", "in PLoS ONE and ", "J. ", "in J. Biol. ", "A B C D ",
    "mouse and ", "in mouse ", "human papilloma ", "Drosophlia ", "frontiers in ", "in the journal ", "published in A ",
    '"', 'in "', "(", "figures ", "which which ", "of of ", "C. ", "the ", "only ", "ab\ue000", "é", "Journal of ",
    "journal: ", "a-", "in 2010, ", "2010 2011 ", "not in mice ", "pathways ", "20 ", "in A & ",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_text_is_read_quickly(piece: str) -> None:
    """4,000 characters of repetition take less than a fifth of a second."""
    question = (piece * 4_000)[:4_000]
    assert least_seconds(lambda: read(question)) < 0.2


def test_ordinary_questions_are_read_in_milliseconds() -> None:
    """95 of 100 readings, with as many journals as a large index has."""
    journals = frozenset(f"Journal of imaginary {topic} {n}" for topic in ("cells", "genes") for n in range(2_000))
    questions = [
        "Which figures from mouse show how insulin regulates the mTOR pathway, published since 2015 in PLoS ONE?",
        "How does FAK activate YAP1?",
        "Arabidopsis thaliana figures about jasmonate in the last 5 years in the Journal of Imaginary Cells 7",
    ]
    taken: list[float] = []
    for question in questions * 40:
        began = time.perf_counter()
        read_filters(question, journals=journals, today=TODAY)
        taken.append(time.perf_counter() - began)
    assert sorted(taken)[int(len(taken) * 0.95)] < 0.01
