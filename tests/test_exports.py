"""Exports: every file is read back by the programs it is for, whatever stands in the records."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import bibtexparser
import pandas
import pytest
import rispy
from hypothesis import given, settings
from hypothesis import strategies as st
from pylatexenc.latex2text import LatexNodes2Text, MacroTextSpec, get_default_latex_context_db

from pfocr_chat.exports import (
    CSV_COLUMNS,
    Author,
    Format,
    Reference,
    papers_of,
    parse_reference,
    render,
    to_bibtex,
    to_csv,
    to_gmt,
    to_json,
    to_ris,
)
from pfocr_chat.queries import Hit, Match
from pfocr_chat.records import FigureRecord, Kind, Mention, Tier


def gene(name: str, tier: Tier = Tier.SYMBOL) -> Mention:
    return Mention(Kind.GENE, name, name, tier)


def hit(figid: str = "PMC1__a", **known: Any) -> Hit:
    return Hit(figid, 1.0, FigureRecord(figid, **known))


HIPPO = FigureRecord(
    "PMC1__hippo.g001",
    title="Integrin β1 & the Hippo pathway",
    caption="FAK activates YAP1.",
    pmcid="PMC1",
    filename="hippo.jpg",
    number="Figure 1",
    paper_title="Adhesion, “YAP” and 50% of TGF-β.",
    reference="Ada de la Byron, et al. J Plant Rec. 2012 Jan 5;1(Pt 2):37-45.",
    year=2012,
    journal="Journal of Planted Records",
    doi="10.1234/planted_1",
    organisms=("Homo sapiens", "Mus musculus"),
    mentions=(
        Mention(Kind.GENE, "FAK", "PTK2", Tier.SYNONYM, "5747"),
        gene("YAP1"),
        gene("YAP1", Tier.SYNONYM),
        gene("LATS1", Tier.FAMILY),
        gene("NF2", Tier.CAPTION),
        Mention(Kind.CHEMICAL, "glucose", "D-glucose", Tier.SYNONYM),
        Mention(Kind.DISEASE, "cancer", "cancer", Tier.SYMBOL),
    ),
)
HIPPO_2 = FigureRecord("PMC1__hippo.g002", pmcid="PMC1", number="Figure 2", title="More", paper_title="Another title")
LONE = FigureRecord("PMC2__lone", mentions=(gene("STK4", Tier.FAMILY),))
HITS = (
    Hit(
        HIPPO.figid, 0.9, HIPPO, (Match("YAP1", "gene", Tier.SYMBOL), Match("adhesion", "word")), "FAK activates YAP1."
    ),
    Hit(LONE.figid, 0.5, LONE),
    Hit(HIPPO_2.figid, 0.4, HIPPO_2),
)
HOSTILE = (
    "=1+1",
    '=HYPERLINK("http://x","y")',
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1",
    "open { brace",
    "close } brace }} }",
    "}, author = {Mallory",
    "}\n@article{evil, title = {x}}",
    "back\\slash \\",
    'a "quoted" title, with "commas"',
    "tabs\tand\nnew\r\nlines\u2028here",
    "ER  - \r\nTY  - BOOK",
    "100% of $5 & #1_a ~ ^ <b> | -- ''x'' ``y`` ?`",
    "% comment",
    "TGF-β1 → κB 😀 é ﬁ 中文",
    "NA",
    "null\x00 and bell\x07",
    "a;b;c",
    "Does it end?.",
)

texts = st.text(alphabet="ab1 {}\\\"'`%$&#_~^<>|-=+@,;:.?!/\t\r\n\u2028\x00\x85βκ😀é", max_size=40) | st.text(
    alphabet=st.characters(exclude_categories=["Cs"]), max_size=20
)
maybe = st.none() | texts


@st.composite
def hit_lists(draw: st.DrawFn) -> list[Hit]:
    """Hits of figures with anything in their text fields; papers have some of them in common."""
    figids = draw(st.lists(st.from_regex(r"PMC[1-3]__[a-c_.]{1,3}", fullmatch=True), unique=True, max_size=5))
    figids = [re.sub("__[_.]", "__a", figid) for figid in figids]
    return [
        hit(
            figid,
            title=draw(maybe),
            pmcid=draw(st.none() | st.sampled_from(["PMC1", "PMC2"])),
            number=draw(maybe),
            paper_title=draw(maybe),
            reference=draw(maybe | st.builds("{}, et al. J Foo. 2012;{}".format, texts, texts)),
            year=draw(st.none() | st.integers(1800, 2199)),
            journal=draw(maybe),
            doi=draw(maybe),
            mentions=tuple(gene(name) for name in draw(st.lists(texts, max_size=3))),
        )
        for figid in dict.fromkeys(figids)
    ]


def read_csv(text: str) -> pandas.DataFrame:
    return pandas.read_csv(io.StringIO(text, newline=""), dtype=str, keep_default_na=False)


def latex_decoder() -> LatexNodes2Text:
    """pylatexenc with the LaTeX text commands that it does not know."""
    known = get_default_latex_context_db()
    commands = {"textbraceleft": "{", "textbraceright": "}", "textless": "<", "textgreater": ">", "textbar": "|"}
    commands["textasciicircum"] = "^"
    macros = [MacroTextSpec(name, simplify_repl=lambda _, c=c: c) for name, c in commands.items()]
    known.add_context_category("text-commands", prepend=True, macros=macros)
    return LatexNodes2Text(latex_context=known, strict_latex_spaces=False)


DECODER = latex_decoder()
VERBATIM = {"doi", "url"}
CONTROLS = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028]")


def read_bibtex(text: str) -> dict[str, dict[str, str]]:
    """key -> field -> value without LaTeX; nothing of the file may fail to parse or be left over."""
    library = bibtexparser.parse_string(text)
    assert not library.failed_blocks
    assert len(library.blocks) == len(library.entries)
    assert {entry.entry_type for entry in library.entries} <= {"article"}
    return {
        entry.key: {
            field.key: field.value if field.key in VERBATIM else DECODER.latex_to_text(field.value)
            for field in entry.fields
        }
        for entry in library.entries
    }


def read_ris(text: str) -> list[dict[str, Any]]:
    assert "\n" not in text.replace("\r\n", "")
    return rispy.loads(text.replace("\r\n", "\n"))


def braces_balance(text: str) -> bool:
    """Whether braces balance as BibTeX counts them: a backslash before one changes nothing."""
    depth = 0
    for c in text:
        depth += {"{": 1, "}": -1}.get(c, 0)
        if depth < 0:
            return False
    return depth == 0


def values_of(text: str) -> Iterator[str]:
    return (line.partition(" = ")[2] for line in text.splitlines() if line.startswith("  "))


# Formats


def test_formats_know_their_files() -> None:
    """Each format has the suffix and the media type that other programs know it by."""
    assert [form.suffix for form in Format] == [".csv", ".json", ".bib", ".ris", ".gmt"]
    assert Format("bibtex").media_type == "application/x-bibtex"
    assert len({form.media_type for form in Format}) == len(Format)


@pytest.mark.parametrize(
    ("form", "written"),
    [
        (Format.CSV, to_csv(HITS)),
        (Format.JSON, to_json(HITS, question="Why?")),
        (Format.BIBTEX, to_bibtex(HITS)),
        (Format.RIS, to_ris(HITS)),
        (Format.GMT, to_gmt(HITS)),
    ],
)
def test_render_writes_each_format(form: Format, written: str) -> None:
    """One call writes any format, and gives the same text each time."""
    assert render(HITS, form, question="Why?") == written == render(list(HITS), form, question="Why?")
    assert written.endswith("\n")


@pytest.mark.parametrize(
    ("form", "empty"),
    [
        (Format.CSV, ",".join(CSV_COLUMNS) + "\r\n"),
        (Format.JSON, "[]\n"),
        (Format.BIBTEX, ""),
        (Format.RIS, ""),
        (Format.GMT, ""),
    ],
)
def test_no_hits_are_a_valid_file(form: Format, empty: str) -> None:
    """Nothing found gives a header alone, an empty list, or an empty file."""
    assert render([], form) == empty


@pytest.mark.parametrize("form", Format)
def test_lone_surrogates_can_be_encoded(form: Format) -> None:
    """Half a character, which UTF-8 has no bytes for, becomes a question mark."""
    broken = hit(title="half \ud83d", paper_title="half \ud83d", mentions=(gene("YAP1"),))
    text = render([broken], form, question="\udc00?")
    assert "half ?" in text.encode("utf-8").decode("utf-8")


# CSV


def test_csv_has_a_row_for_each_figure() -> None:
    """A row has what is known of the figure, lists joined, and its addresses; unknown is empty."""
    table = read_csv(to_csv(HITS))
    assert tuple(table.columns) == CSV_COLUMNS
    assert list(table.figid) == [h.figid for h in HITS]
    first = table.iloc[0]
    assert first.title == "Integrin β1 & the Hippo pathway"
    assert (first.pmcid, first.number, first.year, first.doi) == ("PMC1", "Figure 1", "2012", "10.1234/planted_1")
    assert first.organisms == "Homo sapiens; Mus musculus"
    assert first.matched == "YAP1 printed in the figure; adhesion"
    assert (first.genes, first.chemicals, first.diseases) == ("LATS1; NF2; PTK2; YAP1", "D-glucose", "cancer")
    assert first.quote == "FAK activates YAP1."
    assert first.figure_url == HIPPO.page_url
    assert first.image_url == HIPPO.image_url
    assert first.paper_url == HIPPO.paper_url
    assert set(table.iloc[1][["title", "year", "journal", "genes", "quote", "image_url"]]) == {"", "STK4"}


def test_csv_is_as_rfc_4180_has_it() -> None:
    """Lines end with CRLF, and a cell with a comma, a quote or a line end is quoted, quotes doubled."""
    text = to_csv([hit(title='a, "b"\nc')])
    assert text.count("\r\n") == 2
    assert '"a, ""b""\nc"' in text


@pytest.mark.parametrize("text", HOSTILE)
def test_csv_cells_are_no_formulas(text: str) -> None:
    """What a spreadsheet would compute is marked as text; anything else comes back as it was."""
    [cell] = read_csv(to_csv([hit(title=text)])).title
    plain = text.replace("\x00", "").replace("\x07", "")
    is_formula = re.search(r"(?:^|[;\t\r\n])[\s\"']*[=+\-@＝]|^[\t\r\n]", plain)
    assert cell.replace("'", "") == plain.replace("'", "")
    assert (cell != plain) == bool(is_formula)


@settings(deadline=None)
@given(hit_lists())
def test_csv_keeps_every_row(hits: list[Hit]) -> None:
    """pandas and the standard library read the same rows, and no cell begins a formula."""
    text = to_csv(hits)
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    table = read_csv(text)
    assert tuple(header) == CSV_COLUMNS
    assert [row[0] for row in rows] == list(table.figid) == [h.figid for h in hits]
    assert rows == [list(row) for row in table.itertuples(index=False)]
    assert not [cell for row in rows for cell in row if cell.startswith(tuple("=+-@\t\r"))]


# JSON


def test_json_is_what_the_hits_say() -> None:
    """Each item is the hit's own plain values with the question, letters as they are."""
    text = to_json(HITS, question="Is β1 there?")
    assert json.loads(text) == [{"question": "Is β1 there?", **h.to_dict()} for h in HITS]
    assert "β1" in text
    assert json.loads(to_json(HITS)) == [h.to_dict() for h in HITS]


@settings(deadline=None)
@given(hit_lists(), maybe)
def test_json_keeps_every_value(hits: list[Hit], question: str | None) -> None:
    """Any text survives writing and reading."""
    items = json.loads(to_json(hits, question=question))
    assert [item["record"] for item in items] == [h.record.to_dict() for h in hits]
    assert [item.get("question") for item in items] == [question] * len(hits)


# GMT


def test_gmt_has_the_genes_that_are_printed() -> None:
    """A set has symbols and synonyms, once and in order; a figure that prints none is left out."""
    assert to_gmt(HITS) == "PMC1__hippo.g001\tIntegrin β1 & the Hippo pathway\tPTK2\tYAP1\n"


def test_gmt_takes_families_on_request() -> None:
    """Members of printed families are added where they are asked for; genes of the caption never are."""
    assert to_gmt(HITS, include_families=True).splitlines() == [
        "PMC1__hippo.g001\tIntegrin β1 & the Hippo pathway\tLATS1\tPTK2\tYAP1",
        "PMC2__lone\tna\tSTK4",
    ]


@settings(deadline=None)
@given(hit_lists())
def test_gmt_lines_keep_their_shape(hits: list[Hit]) -> None:
    """Whatever stands in titles and names, a line is a figid, a title and at least one gene, none empty."""
    sets = [line.split("\t") for line in to_gmt(hits).split("\n")[:-1]]
    figids = [figid for figid, *_ in sets]
    assert figids == [h.figid for h in hits if h.figid in figids]
    assert {h.figid for h in hits if any("a" in m.name for m in h.record.mentions)} <= set(figids)
    for _, title, *genes in sets:
        assert title
        assert genes
        assert all(genes)
        assert genes == sorted(set(genes))


# References


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Ada Byron, et al. J Plant Rec. 2004 Dec 15;384(Pt 3):637-645.",
            Reference((Author("Byron", "Ada"),), True, "J Plant Rec", "384", "Pt 3", "637", "645"),
        ),
        (
            "A. B.-C. O’Byron. J Plant Rec (Lond). ;7:e12-16.",
            Reference((Author("O’Byron", "A. B.-C."),), False, "J Plant Rec (Lond)", "7", None, "e12-16"),
        ),
        (
            "Ada de la Byron, C.D. van Gödel Jr., Kim. Rec. 2017 Jan-Feb;2011:95-95.",
            Reference(
                (Author("de la Byron", "Ada"), Author("van Gödel", "C.D.", "Jr."), Author("Kim")),
                False,
                "Rec",
                "2011",
                None,
                "95",
            ),
        ),
        ("Ada Byron, 2nd Team, Kim. Rec. 2017;1.", Reference((Author("Byron", "Ada"),), True, "Rec", "1")),
        ("Ada Byron, Jr, Kim. Rec. 2017;1:e3.", Reference((Author("Byron", "Ada"),), True, "Rec", "1", None, "e3")),
        ("Kim Jr, et al. Rec. 2017;1.", Reference()),
        ("Ada Byron, et al. No such form", Reference((Author("Byron", "Ada"),), True)),
        ("Ada Byron and Kim, et al. Rec. 2017;1:2.", Reference()),
        ("Ada Byron. A title of some length. J Plant Rec. 2017;1:2.", Reference()),
        ("{Ada} Byron. Rec. 2017;1:2.", Reference()),
        ("Ada Byron", Reference()),
        ("", Reference()),
        (None, Reference()),
    ],
)
def test_references_are_read_where_they_can_be(text: str | None, expected: Reference) -> None:
    """Authors, journal, volume and pages are told apart in the usual form; of others no name is made up."""
    assert parse_reference(text) == expected


@settings(deadline=None)
@given(st.text(alphabet="AbcdB. ,;:()-2éetal and", max_size=60))
def test_no_reference_is_refused(text: str) -> None:
    """Any text gives a reference; its names stand in the text, and where there is no author there is nothing."""
    reference = parse_reference(text)
    for author in reference.authors:
        assert author.family
        assert all(word in text for part in (author.family, author.given, author.suffix) for word in part.split())
    assert reference.authors or reference == Reference()


# Papers


def test_figures_of_one_paper_are_one_entry() -> None:
    """Figures that share the PMCID are one paper, which knows what any of them knows of it."""
    papers = papers_of([HITS[2], HITS[0], HITS[1]])
    assert [[f.figid for f in paper.figures] for paper in papers] == [[HIPPO_2.figid, HIPPO.figid], [LONE.figid]]
    assert (papers[0].title, papers[0].year, papers[0].doi) == ("Another title", 2012, "10.1234/planted_1")
    assert papers[0].journal == "Journal of Planted Records"


def test_papers_without_a_pmcid_are_told_apart_by_doi_or_title() -> None:
    """Where the PMCID is missing the DOI decides, without it the title, without both the figure."""
    hits = [
        hit("PMC1__a", doi="10.1/A", paper_title="One"),
        hit("PMC1__b", doi="10.1/a", paper_title="Two"),
        hit("PMC1__c", paper_title="One"),
        hit("PMC1__d", paper_title="one"),
        hit("PMC1__e"),
        hit("PMC1__f"),
    ]
    assert [len(paper.figures) for paper in papers_of(hits)] == [2, 2, 1, 1]


@pytest.mark.parametrize(
    ("paper_title", "title"),
    [("A title.", "A title"), ("A title .", "A title"), ("Why?.", "Why?"), ("And so...", "And so..."), (".", None)],
)
def test_titles_lose_their_full_stop(paper_title: str, title: str | None) -> None:
    """The full stop after a title is the citation style's to set; an ellipsis is the author's."""
    [paper] = papers_of([hit(paper_title=paper_title)])
    assert paper.title == title


def test_the_journal_of_the_reference_stands_in() -> None:
    """A paper whose journal is not named has the short form of its reference."""
    [paper] = papers_of([hit(reference="Ada Byron. J Plant Rec. 2004;1:2.")])
    assert paper.journal == "J Plant Rec"


# BibTeX


def test_bibtex_has_what_is_known_of_the_paper() -> None:
    """An entry has the authors that are known, the paper's data, and the figures found in it."""
    entries = read_bibtex(to_bibtex(HITS))
    assert entries == {
        "delaByron2012_PMC1": {
            "author": "de la Byron, Ada and others",
            "title": "Adhesion, “YAP” and 50% of TGF-β",
            "journal": "Journal of Planted Records",
            "year": "2012",
            "volume": "1",
            "number": "Pt 2",
            "pages": "37–45",
            "doi": "10.1234/planted_1",
            "url": "https://www.ncbi.nlm.nih.gov/pmc/articles/PMC1",
            "note": "PFOCR figures: Figure 1 (PMC1__hippo.g001); Figure 2 (PMC1__hippo.g002)",
        },
        "paper": {"url": LONE.page_url, "note": "PFOCR figures: PMC2__lone"},
    }


def test_bibtex_source_is_escaped() -> None:
    """LaTeX's own characters are escaped in text and left alone in addresses, and titles keep their case."""
    text = to_bibtex(HITS)
    assert "title = {{Adhesion, “YAP” and 50\\% of TGF-β}}," in text
    assert "doi = {10.1234/planted_1}," in text
    assert "(PMC1\\_\\_hippo.g001)" in text


@pytest.mark.parametrize(
    ("known", "key"),
    [
        ({"reference": "M. Müller, et al. Rec. 2012;1.", "year": 2012, "pmcid": "PMC7"}, "Muller2012_PMC7"),
        ({"reference": "M. O’Neill-Święcicki, et al. Rec. 2012;1.", "pmcid": "PMC7"}, "ONeillSwiecicki_PMC7"),
        ({"reference": "王 伟, et al. Rec. 2012;1.", "year": 2012, "pmcid": "PMC7"}, "PMC7_2012"),
        ({"year": 2012}, "paper_2012"),
        ({}, "paper"),
    ],
)
def test_bibtex_keys_are_ascii(known: dict[str, Any], key: str) -> None:
    """A key is made of the first author, the year and the PMCID, as far as they are known."""
    assert list(read_bibtex(to_bibtex([hit(**known)]))) == [key]


def test_bibtex_keys_are_unique() -> None:
    """Papers that would get the same key, letter case aside, are numbered."""
    one, two = "Ada Byron. Rec. 2012;1.", "Ada BYRON. Rec. 2012;2."
    hits = [hit(f"PMC1__{n}", doi=n, reference=one if n == "a" else two) for n in "abc"]
    assert list(read_bibtex(to_bibtex(hits))) == ["Byron", "BYRON_2", "BYRON_3"]


@pytest.mark.parametrize("text", HOSTILE)
def test_bibtex_holds_any_title(text: str) -> None:
    """A title comes back as its characters, on one line, and never ends its field."""
    hits = [hit(paper_title=text, journal=text, number=text, doi=text, pmcid="PMC1")]
    [paper] = papers_of(hits)
    source = to_bibtex(hits)
    [entry] = read_bibtex(source).values()
    assert entry["title"] == paper.title
    assert entry["journal"] == paper.journal
    assert not CONTROLS.search(source)
    assert all(braces_balance(value) for value in values_of(source))


@settings(deadline=None)
@given(hit_lists())
def test_bibtex_survives_reading(hits: list[Hit]) -> None:
    """Every paper is one entry with a key of its own, and its text comes back whatever it holds."""
    source = to_bibtex(hits)
    entries = read_bibtex(source)
    papers = papers_of(hits)
    assert len(entries) == len(papers)
    assert all(key.isascii() and key.replace("_", "").isalnum() for key in entries)
    for paper, entry in zip(papers, entries.values(), strict=True):
        assert entry.get("title") == paper.title
        assert entry.get("journal") == paper.journal
        assert entry.get("year") == (str(paper.year) if paper.year else None)
        assert all(figure.figid in entry["note"] for figure in paper.figures)
    assert all(braces_balance(value) for value in values_of(source))


# RIS


def test_ris_has_what_is_known_of_the_paper() -> None:
    """An entry has the paper's data and a note for each figure; further authors stand in the reference."""
    first, second = read_ris(to_ris(HITS))
    assert first == {
        "type_of_reference": "JOUR",
        "title": "Adhesion, “YAP” and 50% of TGF-β",
        "authors": ["de la Byron, Ada"],
        "journal_name": "Journal of Planted Records",
        "year": "2012",
        "volume": "1",
        "number": "Pt 2",
        "start_page": "37",
        "end_page": "45",
        "doi": "10.1234/planted_1",
        "urls": ["https://www.ncbi.nlm.nih.gov/pmc/articles/PMC1"],
        "accession_number": "PMC1",
        "notes": [
            f"Reference: {HIPPO.reference}",
            f"Figure 1 (PMC1__hippo.g001): Integrin β1 & the Hippo pathway: {HIPPO.page_url}",
            f"Figure 2 (PMC1__hippo.g002): More: {HIPPO_2.page_url}",
        ],
    }
    assert second == {
        "type_of_reference": "JOUR",
        "urls": [LONE.page_url],
        "notes": [f"PMC2__lone: {LONE.page_url}"],
    }


def test_ris_lines_are_as_the_format_has_them() -> None:
    """An entry opens with TY and ends with ER, and lines end with CRLF."""
    lines = to_ris(HITS).split("\r\n")
    assert lines[0] == "TY  - JOUR"
    assert lines[-2:] == ["ER  - ", ""]
    assert all(re.match(r"[A-Z][A-Z0-9]  - ", line) for line in lines[:-1])


def test_ris_names_a_sole_author_without_the_reference() -> None:
    """Where the named authors are all, no note repeats the reference."""
    [entry] = read_ris(to_ris([hit(reference="Ada Byron Jr. J Plant Rec. 2004;1:2.")]))
    assert entry["authors"] == ["Byron, Ada, Jr"]
    assert len(entry["notes"]) == 1


@settings(deadline=None)
@given(hit_lists())
def test_ris_survives_reading(hits: list[Hit]) -> None:
    """Every paper is one entry with its title and a note for each figure, whatever they hold."""
    check_ris(hits)


@pytest.mark.parametrize("text", HOSTILE)
def test_ris_holds_any_title(text: str) -> None:
    """A title comes back on one line and never begins a field or an entry."""
    hits = [hit(title=text, paper_title=text, journal=text, number=text, doi=text)]
    check_ris(hits)
    assert not CONTROLS.search(to_ris(hits))


def check_ris(hits: Sequence[Hit]) -> None:
    entries, papers = read_ris(to_ris(hits)), papers_of(hits)
    assert len(entries) == len(papers)
    for entry, paper in zip(entries, papers, strict=True):
        assert entry.get("title") == paper.title
        assert entry.get("journal_name") == paper.journal
        assert entry.get("doi") == paper.doi
        assert len(entry["urls"]) == 1
        notes = [note for note in entry["notes"] if not note.startswith("Reference: ")]
        assert len(notes) == len(paper.figures)
        assert all(figure.figid in note for figure, note in zip(paper.figures, notes, strict=True))
