"""The cards of cited figures: what they show, which words are marked, and the genes to go on with."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from test_ui_render import HIT, HOSTILE, RECORD, Page, an_answer, assert_harmless, cited

from pfocr_chat.lexicon import name_key
from pfocr_chat.queries import Entity, Hit, Intent, Match, Query
from pfocr_chat.records import FigureRecord, Kind, Mention, Tier
from pfocr_chat.ui.cards import GENES_SHOWN, citation_text, render_cards, render_panel, render_picture
from pfocr_chat.ui.marks import marked, names_of

TNF = Entity(Kind.GENE, "TNFα", ("TNF",), label="TNF", aliases=frozenset({"tnf alpha", "tnf", "tnf a"}))
ASKED = Query("?", "?", Intent.LISTING, entities=(TNF,), groups=((TNF,),))


def marks(html: str) -> list[tuple[str, str]]:
    """The class and the text of each mark."""
    parts = html.split('<mark class="')[1:]
    return [(part.partition('">')[0], part.partition('">')[2].partition("</mark>")[0]) for part in parts]


def test_a_card_shows_quote_source_and_links() -> None:
    """A card has the title, the verbatim quote with its label, the paper, why it was found, and its links."""
    page = Page(render_cards(an_answer(), 1))

    assert RECORD.title in page.text
    assert RECORD.caption in page.text
    assert "From the caption" in page.text
    assert "A paper <on> adhesion Kariya Y, et al. 2025." in page.text
    assert "Found byYAP1 printed as a synonym as “YAP”" in page.text
    links = [a for a in page.all("a") if a.get("target") and a.get("class") != "pfc-picture"]
    assert [link["href"] for link in links] == [url for _, url in RECORD.links]
    assert all(link["target"] == "_blank" and "noopener" in str(link["rel"]) for link in links)


def test_a_summary_is_called_a_summary() -> None:
    """A quote that was written for the collection never passes for the paper's words."""
    record = replace(RECORD, caption_source="summary")
    answer = an_answer(citations=(cited(record),), hits=(Hit(record.figid, 1.0, record),))
    page = Page(render_cards(answer, 1))

    assert "Summary written for this collection, not the paper's words" in page.text
    assert "From the caption" not in page.text


def test_a_quoted_title_is_called_a_title() -> None:
    """Where a figure has no caption, the quote's label says that it is the title."""
    record = replace(RECORD, caption=None)
    answer = an_answer(citations=(cited(record, quote=str(record.title)),), hits=(Hit(record.figid, 1.0, record),))

    assert "From the title" in Page(render_cards(answer, 1)).text


def test_only_the_last_cards_are_in_sight() -> None:
    """The panel holds the cards of all answers and shows those of the last."""
    sections = Page(render_panel({1: "a", 3: "b"})).all("section")

    assert [("hidden" in section) for section in sections] == [True, False]


def test_what_was_asked_for_is_marked_by_kind() -> None:
    """Each spelling of a name asked for is marked in the quote, the longest one, and not within another name."""
    hit = replace(HIT, matches=(Match("TNF", "gene", Tier.SYNONYM, "TNF-a"),))
    html = marked("TNF-α and TNF, not TNFR1; TNFs too.", names_of(hit, ASKED))

    assert marks(html) == [("pfc-mark pfc-gene", word) for word in ("TNF-α", "TNF", "TNFs")]


def test_without_names_the_words_in_common_are_marked() -> None:
    """A figure found by its words has these marked, and one that was named its printed genes and diseases."""
    words = replace(HIT, matches=(Match("adhesion", "word"),))
    assert marks(marked("Cell adhesion.", names_of(words, None))) == [("pfc-mark pfc-word", "adhesion")]
    mentions = (Mention(Kind.GENE, "FAK", "PTK2", Tier.SYNONYM), Mention(Kind.DISEASE, "cancer", "cancer", Tier.SYMBOL))
    named = Hit("PMC1__f1", 1.0, replace(RECORD, mentions=mentions))
    assert marks(marked("FAK in cancer", names_of(named, None))) == [
        ("pfc-mark pfc-gene", "FAK"),
        ("pfc-mark pfc-disease", "cancer"),
    ]


@given(HOSTILE, st.lists(HOSTILE, max_size=4))
def test_marks_lose_no_text(text: str, names: list[str]) -> None:
    """With its marks, a quote is still the quote, and nothing in it acts as HTML."""
    page = Page(marked(text, {key: "gene" for name in names if (key := name_key(name))}))

    assert {tag for tag, _ in page.tags} <= {"mark"}
    assert page.text == " ".join(text.split()) or "\x00" in text


def test_genes_can_be_asked_about_and_filtered_by() -> None:
    """Every gene that a figure prints is a chip with two actions; those that only a printed family holds are not."""
    mentions = [Mention(Kind.GENE, f"G{n}", f"GENE{n:02}", Tier.SYMBOL) for n in range(GENES_SHOWN + 3)]
    mentions += [Mention(Kind.GENE, "AKT", "AKT3", Tier.FAMILY), Mention(Kind.GENE, "p38", "MAPK14", Tier.SYNONYM)]
    record = replace(RECORD, mentions=tuple(mentions))
    page = Page(render_cards(an_answer(hits=(Hit(record.figid, 1.0, record),)), 1))

    for act in ("ask-gene", "filter-gene"):
        genes = [b["value"] for b in page.all("button", "pfc-act") if b["name"] == act]
        assert genes == [*(f"GENE{n:02}" for n in range(GENES_SHOWN + 3)), "MAPK14"]
    assert "4 more" in page.text
    assert [s["title"] for s in page.all("summary") if "title" in s] == ["printed as p38"]


def test_a_picture_has_a_text_and_a_second_address() -> None:
    """A picture loads when it is seen, says what it shows, and names where else it may be."""
    picture = Page(render_picture(replace(RECORD, filename="f1.jpg"))).all("img")[0]

    assert picture["src"] == "pictures/PMC1__f1"
    assert picture["data-next"] == "https://europepmc.org/articles/PMC1/bin/f1.jpg"
    assert picture["loading"] == "lazy"
    assert picture["alt"] == "Figure: Integrins and YAP"
    assert "data-next" not in Page(render_picture(FigureRecord("PMC1__f1"))).all("img")[0]


def test_a_citation_can_be_copied() -> None:
    """What is copied names the paper, its reference, the figure and where both are."""
    record = replace(RECORD, number="Figure 3")
    text = "A paper <on> adhesion. Kariya Y, et al. 2025. Figure 3. https://doi.org/10.1/x PFOCR: " + record.page_url
    assert citation_text(record) == text
    page = assert_harmless(render_cards(an_answer(hits=(Hit(record.figid, 1.0, record),)), 1))
    assert page.all("button", "pfc-copy")[0]["value"] == text
    assert citation_text(FigureRecord("PMC1__f1")).endswith("PMC1__f1.html")
