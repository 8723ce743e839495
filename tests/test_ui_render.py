"""The page's HTML: what an answer shows, and that nothing in it is left unescaped."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from pfocr_chat.answers import Answer, Check, Citation, Evidence, Grounding, NearMiss, Status, Verdict
from pfocr_chat.queries import Entity, Filters, Hit, Intent, Match, Query
from pfocr_chat.records import FigureRecord, Kind, Mention, Tier
from pfocr_chat.ui import cards, render

MARKDOWN_TAGS = {
    *("p", "h3", "ul", "ol", "li", "blockquote", "strong", "em", "code", "pre", "br", "hr"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
OWN_TAGS = MARKDOWN_TAGS | {
    *("a", "button", "cite", "details", "div", "header", "h1", "h2", "img", "mark", "section", "span", "summary"),
    *("dd", "dl", "dt"),
}
OWN_ATTRIBUTES = {
    *("class", "hidden", "href", "id", "name", "open", "rel", "role", "start", "target", "title"),
    *("alt", "data-next", "decoding", "loading", "src", "type", "value"),
}
VOID = {"br", "hr", "img"}
PICTURES = ("pictures/PMC", "https://europepmc.org/articles/PMC")

RECORD = FigureRecord(
    "PMC1__f1",
    title="Integrins and YAP",
    caption='β1 integrin activates FAK & YAP. It does so in "cancer" cells.',
    pmcid="PMC1",
    figlink="/pmc/articles/PMC1/figure/F1/",
    paper_title="A paper <on> adhesion",
    reference="Kariya Y, et al. 2025.",
    year=2025,
    doi="10.1/x",
)
HIT = Hit("PMC1__f1", 1.0, RECORD, (Match("YAP1", "gene", Tier.SYNONYM, "YAP"),), quote=RECORD.caption or "")


def cited(record: FigureRecord, key: int = 1, quote: str | None = None) -> Citation:
    hit = Hit(record.figid, 1.0, record)
    return Citation.of(Evidence(key, hit), record.caption or "" if quote is None else quote)


def an_answer(**changes: object) -> Answer:
    base = Answer(
        "Which figures link integrins to YAP?",
        "- β1 integrin activates YAP [1].",
        citations=(cited(RECORD),),
        figids=(RECORD.figid,),
        grounding=Grounding((Check("β1 integrin activates YAP", (1,), Verdict.SUPPORTED),)),
        hits=(HIT,),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def a_query(*, mention: str, word: str, journal: str) -> Query:
    fak = Entity(Kind.GENE, mention, ("PTK2",), label="PTK2")
    return Query(
        "?",
        "?",
        Intent.LISTING,
        entities=(fak,),
        groups=((fak,),),
        other_words=(word,),
        filters=Filters(journals=(journal,)),
    )


class Page(HTMLParser):
    """HTML taken apart, with a check that every tag is closed in its place."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str, css: str | None = None) -> list[dict[str, str | None]]:
        return [a for t, a in self.tags if t == tag and (css is None or a.get("class") == css)]


def assert_harmless(html: str) -> Page:
    """Only our own tags and attributes, every link to the web or the page, and no line end."""
    page = Page(html)
    assert {tag for tag, _ in page.tags} <= OWN_TAGS
    for _, attributes in page.tags:
        assert set(attributes) <= OWN_ATTRIBUTES
        assert (attributes.get("href") or "#").startswith(("#", "https://", "http://"))
        for address in (attributes.get("src"), attributes.get("data-next")):
            assert address is None or address.startswith(PICTURES)
    assert len(html.splitlines()) <= 1
    return page


HOSTILE = st.one_of(
    st.text(),
    st.sampled_from(
        [
            "<script>alert(1)</script>",
            '"><img src=x onerror=alert(1)>',
            "![x](http://evil.example/t.png?q=1)",
            "[x](javascript:alert(1))",
            "<form action=http://evil.example><input></form>",
            "a\n\n<iframe src=//evil.example>\n\nb",
            "&#10;&#10;**b**",
            "</div></details>",
            "${alert(1)} {{value}}",
        ]
    ),
    st.text(alphabet="<>&\"'[]()!*_`~#|\\-\n\r\t :;/1[]=a&#x10;\u2028\x85", max_size=80),
)


@given(HOSTILE)
def test_markdown_holds_only_harmless_tags(text: str) -> None:
    """Whatever a language model writes becomes well-formed HTML of a few plain tags without links."""
    page = assert_harmless(render.render_markdown(text))

    assert {tag for tag, _ in page.tags} <= MARKDOWN_TAGS


@given(HOSTILE)
def test_a_question_is_shown_as_typed(question: str) -> None:
    """A question's own characters all reach the page, and none of them acts as HTML."""
    page = assert_harmless(render.render_question(question))

    assert {tag for tag, _ in page.tags} <= {"div", "br"}
    shown = question.strip()[: render.QUESTION_LIMIT]
    assert "".join(shown.split()) in "".join(page.text.split()) or "\x00" in question


@given(HOSTILE, HOSTILE, HOSTILE)
def test_an_answer_with_hostile_parts_is_harmless(text: str, title: str, note: str) -> None:
    """Text, titles, quotes, links, reasons and notes of an answer are escaped wherever they are shown."""
    record = replace(RECORD, title=title or None, caption=note, paper_title=text, reference=note, doi=title)
    printed = (Mention(Kind.GENE, note, title, Tier.SYNONYM), Mention(Kind.DISEASE, title, text, Tier.SYMBOL))
    record = replace(record, journal=title, organisms=(text, note), filename=note, number=title, mentions=printed)
    citation = replace(cited(record, quote=text), links=((title, note), ("DOI", f"https://doi.org/{title}")))
    answer = an_answer(
        question=title,
        text=f"{text} [1]",
        citations=(citation,),
        figids=(record.figid, "PMC2__f2"),
        grounding=Grounding((Check(text, (1,), Verdict.REPLACED, title or "why"),)),
        hits=(Hit(record.figid, 1.0, record, (Match(title, "gene", Tier.SYMBOL, note),)),),
        notes=(note,),
    )
    misses = (NearMiss("PMC1__f1", title, note),)
    answer = replace(answer, query=a_query(mention=title, word=text, journal=note))

    assert_harmless(render.render_answer(answer, 1))
    assert_harmless(cards.render_panel({1: cards.render_cards(answer, 1)}))
    assert_harmless(render.render_answer(replace(answer, abstained=True, near_misses=misses), 1))
    assert_harmless(render.render_progress(text, title))
    assert_harmless(render.render_error(note))


def test_emphasis_and_lists_are_kept() -> None:
    """Bold, italics, lists and quotes of an answer's Markdown are shown."""
    html = render.render_markdown("**2 figures** show *TP53*:\n\n- one\n- > “two”\n")

    assert html == (
        "<p><strong>2 figures</strong> show <em>TP53</em>:</p>"
        "<ul><li>one</li><li><blockquote><p>“two”</p></blockquote></li></ul>"
    )


def test_links_and_images_lose_their_effect() -> None:
    """A link keeps its words and an image its description; neither address reaches the page."""
    html = render.render_markdown("See [here](http://evil.example) ![a map](http://evil.example/x.png)")

    assert html == "<p>See here a map</p>"


def test_significance_stars_are_not_emphasis() -> None:
    """Stars that mark significance in a caption stay stars."""
    assert "*p &lt; 0.05, **p &lt; 0.01" in render.render_markdown("*p < 0.05, **p < 0.01")


def test_a_key_leads_to_its_card() -> None:
    """Every key of an answer is a link to the card with the same number, and the card leads back."""
    answer = an_answer(text="One [1]. Again [1].")
    keys = Page(render.render_answer(answer, 3)).all("a", "pfc-key")
    card = Page(cards.render_cards(answer, 3))

    assert [key["href"] for key in keys] == ["#fig-3-1", "#fig-3-1"]
    assert [key.get("id") for key in keys] == ["ref-3-1", None]
    assert card.all("details", "pfc-card")[0]["id"] == "fig-3-1"
    assert card.all("a", "pfc-back")[0]["href"] == "#ref-3-1"


def test_joined_keys_become_two_links() -> None:
    """``[1, 2]`` leads to both cards."""
    other = replace(RECORD, figid="PMC2__f2")
    answer = an_answer(text="Both [1, 2].", citations=(cited(RECORD), cited(other, 2)))
    page = Page(render.render_answer(answer, 1))

    assert [key["href"] for key in page.all("a", "pfc-key")] == ["#fig-1-1", "#fig-1-2"]
    assert "Both [1][2]." in page.text


def test_a_number_that_is_not_cited_is_text() -> None:
    """A bracketed number without a citation, or with an escaped bracket, is no link."""
    page = Page(render.render_answer(an_answer(text=r"As in [7] and \[1\]."), 1))

    assert page.all("a", "pfc-key") == []
    assert "As in [7] and [1]." in page.text


def test_the_number_of_figures_leads_to_their_list() -> None:
    """An answer that cites only some of its figures says how many there are, with the way to all of them."""
    answer = an_answer(figids=("PMC1__f1", "PMC2__f2", "PMC3__f3"))
    page = Page(render.render_answer(answer, 4))

    assert "3 figures answer this: list and downloads" in page.text
    assert [a["href"] for a in page.all("a", "pfc-count")] == ["#list-4-all-0"]


def test_no_list_where_every_figure_is_cited() -> None:
    """An answer whose figures are all cited needs no list beside its cards."""
    assert "answers this" not in render.render_answer(an_answer(), 1)


def test_the_grounding_line_gives_reasons() -> None:
    """The verdict stands under the answer, with the reasons of what failed the check."""
    checks = (
        Check("a", (1,), Verdict.SUPPORTED),
        Check("b", (1,), Verdict.REPLACED, "“TAZ” is not in the record"),
    )
    grounding = Grounding(checks)
    page = Page(render.render_answer(an_answer(grounding=grounding), 1))

    assert f"Grounding: {grounding}" in page.text
    assert "“TAZ” is not in the record" in page.text


def test_an_abstention_looks_different() -> None:
    """An abstention is marked as one, says its reason once, and links the nearest figures."""
    reason = "No figure in the index names quokka."
    misses = (NearMiss("PMC1__f1", "Integrins and YAP", RECORD.page_url),)
    answer = Answer("quokka?", reason, abstained=True, reason=reason, near_misses=misses)
    page = Page(render.render_answer(answer, 1))

    assert page.all("div", "pfc-answer pfc-abstention")
    assert page.text.count(reason) == 1
    assert [a["href"] for a in page.all("a")] == [RECORD.page_url]


def test_what_was_understood_is_shown() -> None:
    """Under an answer and under an abstention stands what was made of the question, as text."""
    query = a_query(mention="FAK", word="<b>adhesion</b>", journal="Cell")
    understood = "I searched for: all figures on FAK = PTK2 (gene) and “<b>adhesion</b>” published in Cell"
    misses = (NearMiss("PMC1__f1", "Integrins and YAP", RECORD.page_url),)
    for answer in (an_answer(query=query), an_answer(query=query, abstained=True, reason="No.", near_misses=misses)):
        page = Page(render.render_answer(answer, 1))
        assert len(page.all("p", "pfc-note pfc-understood")) == 1
        assert understood in page.text
        assert [b["value"] for b in page.all("button", "pfc-act pfc-part")] == ["1-0", "1-1"]


def test_notes_are_shown_before_what_was_understood() -> None:
    """What was not taken as typed is told by answers and abstentions alike."""
    query = a_query(mention="FAK", word="adhesion", journal="Cell")
    answer = an_answer(query=query, notes=("“adhesoin” was read as “adhesion”.",))
    for shown in (answer, replace(answer, abstained=True, reason="No.")):
        text = Page(render.render_answer(shown, 1)).text
        assert text.index("“adhesoin” was read as “adhesion”.") < text.index("I searched for:")


def test_small_talk_is_not_explained() -> None:
    """Nothing was understood of a greeting, or of an answer without a query."""
    chat = Query("hello", "hello", Intent.CHAT)
    for query in (chat, None):
        assert "I searched" not in render.render_answer(an_answer(query=query), 1)


def test_progress_shows_text_and_stage() -> None:
    """While an answer is written its text so far stands above what is being done; keys are no links yet."""
    page = Page(render.render_progress("One [1].", "Searching 21 figures"))

    assert page.text == "One [1].Searching 21 figures…"
    assert page.all("a") == []


def test_a_very_long_question_is_cut_short() -> None:
    """A question of 20,000 characters does not fill the page."""
    text = Page(render.render_question("x" * 20_000)).text

    assert text == "x" * render.QUESTION_LIMIT + " …"


def test_the_header_says_what_is_indexed_and_what_answers() -> None:
    """The header counts the figures and names the language model, or says that figures are quoted."""
    status = Status("v", "g", "2026-11-22", 3310, 5000, "all-MiniLM-L6-v2", 384, 1, "SmolLM2-135M", "corpus")

    assert "3,310 figures · answers by SmolLM2-135M" in Page(render.render_header(status)).text
    assert "answers quote the figures" in Page(render.render_header(replace(status, llm="none"))).text
    assert "1 figure ·" in Page(render.render_header(replace(status, figures=1))).text
