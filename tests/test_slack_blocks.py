"""Answers as Slack messages: within Slack's limits, escaped, links and buttons made by code."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from fake_slack import block_problems
from hypothesis import given, settings
from hypothesis import strategies as st

from pfocr_chat.answers import Answer, Check, Citation, Conversation, Grounding, NearMiss, Usage, Verdict
from pfocr_chat.queries import Hit, Intent, Match, Query
from pfocr_chat.records import FigureRecord
from pfocr_chat.slack.blocks import Message, Shown, render_answer, render_figures, render_sentence, suggestions
from pfocr_chat.slack.mrkdwn import SECTION_LIMIT, Piece, escape, link, literal, pack, safe_markdown, to_pieces
from pfocr_chat.tables import Facet, FacetRow, FacetTable

HOSTILE = (
    "<!channel> & <@U0ANNA> <https://evil.example|PMC1> *bold* _it_ `code` ~gone~ :smile:"
    " ```fence``` [1] ](http://evil.example) | \u202egnihton\u2066 \x00\x07 <script>alert(1)</script>"
)
LINK = re.compile(r"<([^<>|]*)\|([^<>]*)>")


def figure(number: int, **fields: Any) -> FigureRecord:
    """A figure with the fields given."""
    known = {
        "title": f"Figure number {number}",
        "caption": "AKT1 activates MTOR in cells.",
        "pmcid": f"PMC{number + 1}",
        "filename": f"g{number}.jpg",
        "year": 2000 + number % 25,
        "paper_title": "A paper",
        "doi": "10.1/x",
    }
    return FigureRecord(figid=f"PMC{number + 1}__g{number}", **(known | fields))


def hit(record: FigureRecord) -> Hit:
    """The figure as it was found."""
    return Hit(record.figid, 1.0, record, (Match("AKT1", "gene"),), record.caption or "")


def answer_of(count: int, *, cited: int | None = None, text: str | None = None, **fields: Any) -> Answer:
    """An answer with so many figures, the first of them cited in a list of quotes."""
    records = [figure(number, **fields) for number in range(count)]
    citations = tuple(
        Citation(n, r.figid, r.pmcid, r.title, r.page_url, r.caption or "", links=r.links)
        for n, r in enumerate(records[: count if cited is None else cited], start=1)
    )
    lines = [f"- *Figure*. “{(c.quote or '').replace('<', chr(92) + '<')}” [{c.key}]" for c in citations]
    return Answer(
        question="all figures on AKT1",
        text="\n".join((f"**{count} figures** show AKT1:", "", *lines)) if text is None else text,
        citations=citations,
        figids=tuple(record.figid for record in records),
        hits=tuple(map(hit, records[:50])),
        query=Query("all figures on AKT1", "AKT1", Intent.LISTING),
        grounding=Grounding(tuple(Check(c.quote, (c.key,), Verdict.QUOTED) for c in citations)),
        conversation=Conversation(),
    )


def texts(message: Message) -> list[str]:
    """All texts in Slack's markup of a message."""
    found = []
    for block in message.blocks:
        parts = [block["text"]] if block["type"] == "section" else block.get("elements", [])
        found += [part["text"] for part in parts if part["type"] == "mrkdwn"]
    return found


def buttons(message: Message) -> dict[str, str]:
    """What a message's buttons say, and the values they send."""
    rows = [block["elements"] for block in message.blocks if block["type"] == "actions"]
    return {button["text"]["text"]: button["value"] for row in rows for button in row}


def images(message: Message) -> list[dict[str, Any]]:
    """The images of a message."""
    return [block for block in message.blocks if block["type"] == "image"]


# Limits


@pytest.mark.parametrize("count", [0, 1, 5, 300])
@pytest.mark.parametrize("title", ["A title", "Ωμέγα-3 脂肪酸 🧬 العربية", HOSTILE, HOSTILE * 8], ids=len)
def test_any_answer_fits_into_a_message(count: int, title: str) -> None:
    """Answers of 0, 1, 5 and 300 figures, in any script and with hostile texts, keep Slack's limits."""
    answer = replace(
        answer_of(count, title=title, caption=title),
        notes=(title,),
        usage=Usage(10, 20, 1, billed=True),
        question=title,
    )
    shown = Shown("7", asked=title, cut_to=2000, private=True, suggestions=("only those since 2015",))
    for message in (render_answer(answer, shown), render_answer(answer, replace(shown, streamed=True))):
        assert list(block_problems(message.blocks)) == []
        assert 0 < len(message.text) <= 3000
        assert len(images(message)) == min(count, 3)
        json.dumps(message.to_dict()).encode()
        for text in (*texts(message), message.text):
            assert all(url.startswith("https://pfocr.wiki") or "ncbi" in url for url, _ in LINK.findall(text))
            rest = LINK.sub("", text)
            assert "<" not in rest
            assert ">" not in rest
            assert not re.search(r"&(?!amp;|lt;|gt;)", rest)
            assert not re.search("[\x00\x07\u202e\u2066]", text)


def test_a_long_answer_says_that_it_is_cut() -> None:
    """Text beyond what a message takes is left out with a sentence that says so, and all sections stay whole."""
    message = render_answer(answer_of(1, text="word " * 10_000), Shown("1"))
    assert any("too long for a message" in text for text in texts(message))
    assert sum(map(len, texts(message))) < 15_000


@given(st.text(max_size=6000), st.integers(200, 3000))
@settings(deadline=None, max_examples=150)
def test_packed_texts_keep_the_limit_and_every_word(text: str, limit: int) -> None:
    """However a text is divided, no part is empty or too long, and no letter is lost."""
    parts = pack([Piece(escape(text)), Piece("end")], limit)
    assert all(0 < len(part) <= limit for part in parts)
    assert "".join("".join(parts).split()) == "".join(escape(text).split()) + "end"


@given(st.text(max_size=3000))
@settings(deadline=None, max_examples=150)
def test_any_markdown_becomes_safe_text(text: str) -> None:
    """Whatever a language model writes, only code makes links, and what is escaped stays escaped."""
    for piece in to_pieces(text, {1: "https://pfocr.wikipathways.org/figures/x.html"}.get):
        rest = piece.text.replace("<https://pfocr.wikipathways.org/figures/x.html|[1]>", "")
        assert "<" not in rest
        assert not re.search(r"(?<!^)(?<!\n)>", rest)  # only as the mark of a quotation
        assert not re.search(r"&(?!amp;|lt;|gt;)", rest)


# Markup


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("**two** figures *here*", ["*two* figures _here_"]),
        ("a & b < c > d", ["a &amp; b &lt; c &gt; d"]),
        ("see [1], [2, 1] and [9]", ["see <https://f/1|[1]>, <https://f/2|[2]><https://f/1|[1]> and [9]"]),
        ("- one [1]\n- two\n  - three", ["• one <https://f/1|[1]>\n• two\n    • three"]),
        ("3. c\n4. d", ["3. c\n4. d"]),
        ("# Title\n\ntext", ["*Title*", "text"]),
        ("> said\n> so", ["> said so"]),
        (
            "| gene | figures |\n| :-- | --: |\n| AKT1 | 1,200 |\n| `x` | 7 |",
            ["gene  figures\nAKT1    1,200\nx           7"],
        ),
        ("[label](http://evil.example) ![x](http://evil.example/i.png)", ["label x"]),
        ("<b>bold</b> <!channel>", ["&lt;b&gt;bold&lt;/b&gt; &lt;!channel&gt;"]),
        (r"\[1\] \*not bold\* PMC1\_\_x", ["[1] ∗not bold∗ PMC1__x"]),
        ("`a<b`", ["`a&lt;b`"]),
        ("```\ncode & <b>\n```", ["code &amp; &lt;b&gt;\n"]),
        ("IL-6 :smile: at 10:30:45", ["IL-6 :\u200bsmile: at 10:\u200b30:45"]),
        ("", []),
    ],
)
def test_markdown_becomes_slacks_markup(markdown: str, expected: list[str]) -> None:
    """Emphasis, lists, keys, quotations, code and tables have their form; links of the text have no effect."""
    pieces = to_pieces(markdown, {1: "https://f/1", 2: "https://f/2"}.get)
    assert [piece.text for piece in pieces] == expected


def test_text_cannot_form_itself() -> None:
    """Signs of Slack's markup in a record's text show as themselves or as look-alikes, and figids stay as they are."""
    assert literal("*p* ~30 `x` _y_ PMC1__ijms-26_g003 <!here>") == "∗p∗ ∼30 ˋxˋ ˍyˍ PMC1__ijms-26_g003 &lt;!here&gt;"


def test_links_are_well_formed() -> None:
    """An address or a label cannot break out of its link, and what is no web address is no link."""
    assert link("a|b > c", "https://x.org/a|b>c d?e=1&f=2") == "<https://x.org/a%7Cb%3Ec%20d?e=1&amp;f=2|a¦b &gt; c>"
    assert link("x", "javascript:alert(1)") == "x"


def test_tables_are_divided_within_their_fences() -> None:
    """A table longer than a section is divided between its lines, each part fenced."""
    rows = tuple(FacetRow(f"gene number {n} of many", 300 - n, (f"PMC{n}__x",)) for n in range(250))
    table = FacetTable(Facet.GENE, rows, 0, 300)
    parts = pack(to_pieces(table.to_markdown(300)))
    assert len(parts) > 2
    assert all(part.startswith("```\n") and part.endswith("\n```") and len(part) <= SECTION_LIMIT for part in parts)


def test_streamed_markdown_cannot_call_anybody() -> None:
    """In a stream, too, angle brackets and ampersands mean themselves, and no label hides an address."""
    assert safe_markdown("[PFOCR](http://evil.example) [1]: x") == "[PFOCR] (http://evil.example) [1] : x"
    assert safe_markdown(r"a & \<!channel> <@U1> **b**") == "a &amp; &lt;!channel> &lt;@U1> **b**"


# What an answer shows


def test_an_answer_shows_figures_images_and_buttons() -> None:
    """Keys are links, figures are named with year and paper, the first three have images with alternative texts."""
    message = render_answer(answer_of(30, cited=5), Shown("12", suggestions=("only those since 2015",)))
    text = "\n".join(texts(message))
    assert "<https://pfocr.wikipathways.org/figures/PMC1__g0.html|[1]>" in text
    assert "*[5]* <https://pfocr.wikipathways.org/figures/PMC5__g4.html|Figure number 4> · 2004 ·" in text
    assert "<https://www.ncbi.nlm.nih.gov/pmc/articles/PMC5|PMC5>" in text
    assert "Checked: 5 quoted." in text
    first = images(message)[0]
    assert first["image_url"] == "https://www.ncbi.nlm.nih.gov/pmc/articles/PMC1/bin/g0.jpg"
    assert "AKT1 activates MTOR" in first["alt_text"]
    assert buttons(message) == {
        "More figures (30)": "12:0",
        "Export CSV": "12",
        "only those since 2015": "12:only those since 2015",
        "Useful": "12:useful",
        "Wrong citation": "12:wrong citation",
        "Missed figure": "12:missed figure",
    }
    assert "Share to channel" in buttons(render_answer(answer_of(1), Shown("12", private=True)))
    assert not render_answer(answer_of(5), Shown("1", images=False)).has_images


def test_an_abstention_says_so() -> None:
    """It has its reason and the nearest figures, nothing to export, and can still be called wrong."""
    near = NearMiss("PMC1__x", "A <near> miss", "https://pfocr.wikipathways.org/figures/PMC1__x.html")
    answer = replace(
        answer_of(0, text="Nothing shows this."), abstained=True, reason="Nothing is similar.", near_misses=(near,)
    )
    message = render_answer(answer, Shown("1"))
    text = "\n".join(texts(message))
    assert "*No answer in the figures*" in text
    assert "Nothing is similar." in text
    assert "<https://pfocr.wikipathways.org/figures/PMC1__x.html|A &lt;near&gt; miss>" in text
    assert set(buttons(message)) == {"Useful", "Wrong citation", "Missed figure"}


def test_more_figures_come_in_pages() -> None:
    """Ten figures at a time, each with why it was found; a button leads to the next ones, if there are any."""
    hits = [hit(figure(n)) for n in range(25)]
    first = render_figures(hits[:10], 0, 25, "3", question=HOSTILE)
    last = render_figures(hits[20:], 20, 25, "3", question="q")
    assert list(block_problems(first.blocks)) == []
    assert "1. <https://pfocr.wikipathways.org/figures/PMC1__g0.html|Figure number 0> · 2000" in texts(first)[0]
    assert buttons(first) == {"More figures": "3:10", "Export CSV": "3"}
    assert "*Figures 21 to 25 of 25*" in texts(last)[0]
    assert buttons(last) == {"Export CSV": "3"}


def test_follow_ups_fit_the_answer() -> None:
    """A list with several years offers a later start and counts; an abstention offers nothing."""
    assert suggestions(answer_of(30)) == (
        "only those since 2010",
        "how many by year?",
        "which genes are in the first one?",
    )
    assert suggestions(replace(answer_of(30), abstained=True)) == ()
    assert suggestions(answer_of(0)) == ()


def test_a_sentence_is_escaped() -> None:
    """What went wrong is told in one section, in words that mean themselves."""
    message = render_sentence("No <b> & such", asked="why?", is_problem=True)
    assert texts(message) == ["Question: why?", ":warning: No &lt;b&gt; &amp; such"]
