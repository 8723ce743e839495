"""Writing statements: quotes, one figure at a time, and all the evidence in one prompt."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import ScriptedChat, scripted

from pfocr_chat.answers import Evidence, Verdict
from pfocr_chat.citations import KEYS_HERE, Verified, parse_keys, without_keys
from pfocr_chat.errors import LlmError
from pfocr_chat.generator import (
    NO_EVIDENCE,
    PARTLY_MARK,
    EntitiesIn,
    Statement,
    drafted_singly,
    drafted_together,
    plain_markdown,
    quote_statement,
    quoted,
)
from pfocr_chat.generator import _sentences as sentences_in
from pfocr_chat.prompting import load_prompt
from pfocr_chat.queries import Entity, Hit, Intent, Query
from pfocr_chat.records import FigureRecord, Kind
from pfocr_chat.verification import Support, Verification, verify

ONE_FIGURE = load_prompt("one_figure", frozenset({"caption"}))
ALL_EVIDENCE = load_prompt("all_evidence", frozenset({"question", "evidence"}))

FAK = FigureRecord(
    "PMC1__fak",
    title="Integrin signalling [5].",
    caption="Integrin β1 binds FAK at the cell surface [12]. FAK then activates YAP1 in the nucleus.",
    paper_title="Adhesion",
    year=2012,
    organisms=("Homo sapiens",),
)
INSULIN = FigureRecord(
    "PMC2__insulin",
    title="Glucose uptake",
    caption="Insulin makes AKT2 send GLUT4 to the membrane.",
    caption_source="summary",
)
MAP = FigureRecord("PMC3__map", title="A map of gibberellin receptors")
BARE = FigureRecord("PMC4__bare")


def evidence_of(*records: FigureRecord) -> list[Evidence]:
    quotes = (record.caption or record.title or "" for record in records)
    hits = (Hit(r.figid, 1.0, r, quote=quote) for r, quote in zip(records, quotes, strict=True))
    return [Evidence(key, hit) for key, hit in enumerate(hits, start=1)]


def query_of(*terms: str) -> Query:
    return Query("?", "How does FAK act?", Intent.RELATION, terms=terms, subjects=terms)


def no_entities(_: str) -> Sequence[Entity]:
    return ()


def verified(named: EntitiesIn) -> Verified:
    return partial(verify, named=named)


def singly(
    *drafts: str, records: Sequence[FigureRecord] = (FAK,), terms: tuple[str, ...] = (), named: EntitiesIn = no_entities
) -> tuple[list[Statement], ScriptedChat]:
    llm, chat = scripted(*drafts, small=True)
    return list(drafted_singly(llm, ONE_FIGURE, query_of(*terms), evidence_of(*records), named, verified(named))), chat


def together(
    draft: str, *records: FigureRecord, named: EntitiesIn = no_entities
) -> tuple[list[Statement], ScriptedChat]:
    llm, chat = scripted(draft)
    evidence = evidence_of(*(records or (FAK, INSULIN)))
    return list(drafted_together(llm, ALL_EVIDENCE, query_of(), evidence, named, verified(named))), chat


class Pieces:
    """A language model that says its text in the pieces it is told."""

    def __init__(self, pieces: Iterable[str]) -> None:
        self._pieces = pieces

    def stream(self, system: str, user: str, *, max_tokens: int) -> Iterator[str]:
        assert system
        assert user
        assert max_tokens > 0
        yield from self._pieces


def texts(statements: Sequence[Statement]) -> list[str]:
    return [statement.text for statement in statements]


def verdicts(statements: Sequence[Statement]) -> list[Verdict]:
    return [statement.check.verdict for statement in statements]


# Quotes


def test_a_quote_has_title_words_and_key() -> None:
    """A quoted caption stands in quotation marks after its title, with the figure's key as the only one."""
    (statement,) = quoted(evidence_of(FAK))
    assert statement.text == (
        "*Integrin signalling (5).* “Integrin β1 binds FAK at the cell surface (12). FAK then activates YAP1 in the"
        " nucleus.” [1]"
    )
    assert (statement.check.verdict, statement.check.keys) == (Verdict.QUOTED, (1,))


def test_a_summary_is_not_shown_as_the_papers_words() -> None:
    """A caption written for this collection is called a summary and stands in no quotation marks."""
    (statement,) = quoted(evidence_of(INSULIN))
    assert statement.text == "*Glucose uptake.* In summary: Insulin makes AKT2 send GLUT4 to the membrane. [1]"


def test_a_title_is_not_repeated() -> None:
    """Where the title itself is quoted, it does not also stand before the quote."""
    assert texts(list(quoted(evidence_of(MAP)))) == ["“A map of gibberellin receptors” [1]"]


def test_a_record_without_text_is_still_told_of() -> None:
    """A figure whose record has no text is named by its figid rather than quoted as nothing."""
    assert texts(list(quoted(evidence_of(BARE)))) == ["PMC4__bare has neither a title nor a caption. [1]"]


def test_a_quote_can_stand_in_for_a_failed_sentence() -> None:
    """The check keeps the sentence and the reason, and says that it was replaced."""
    (failed,), _ = together("TEAD4 binds FAK at the cell surface [1].", FAK)
    assert failed.text == quote_statement(evidence_of(FAK)[0]).text
    assert failed.check.verdict is Verdict.REPLACED
    assert (failed.check.sentence, failed.check.reason) == (
        "TEAD4 binds FAK at the cell surface.",
        "“TEAD4” is not in the record",
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[1] and [2, 3]", "(1) and (2, 3)"),
        ("p*q* `r` \\", "p\\*q\\* \\`r\\` \\\\"),
        ("![t](http://e)", r"! [t] (http\://e)"),
        ("see www.e.org", r"see www\.e.org"),
        ("<img src=x> p<0.05 </b> <!-- c -->", "\\<img src=x> p<0.05 \\</b> \\<!-- c -->"),
        ("NF-κB (p50/p65) & IL-1β", "NF-κB (p50/p65) & IL-1β"),
    ],
)
def test_markup_in_records_is_shown_as_text(text: str, shown: str) -> None:
    """Keys, emphasis, code, images, links and tags of a record lose their meaning; other signs stay."""
    assert plain_markdown(text) == shown


@settings(deadline=None)
@given(st.text(alphabet="[]()1 2,3!*`\\<a", max_size=40) | st.text(max_size=60))
def test_no_key_comes_out_of_a_records_text(text: str) -> None:
    """Whatever a caption holds, none of it can be taken for a citation."""
    assert parse_keys(plain_markdown(text)) == ()


# One figure at a time


def test_a_restatement_that_holds_is_kept() -> None:
    """The sentence of a small language model gets the key of the figure that it was asked about."""
    statements, _ = singly(
        "FAK activates YAP1 in the nucleus.", "Insulin makes AKT2 send GLUT4.", records=(FAK, INSULIN)
    )
    assert texts(statements) == ["FAK activates YAP1 in the nucleus. [1]", "Insulin makes AKT2 send GLUT4. [2]"]
    assert verdicts(statements) == [Verdict.SUPPORTED] * 2


def test_a_small_llm_sees_one_figure() -> None:
    """It is asked once for each figure, of that figure only, without the question and without reference marks."""
    _, chat = singly("x", records=(FAK, INSULIN))
    prompts = [str(messages[1].content) for messages in chat.asked]
    assert ["FAK" in prompt for prompt in prompts] == [True, False]
    assert ["GLUT4" in prompt for prompt in prompts] == [False, True]
    assert not any("[12]" in prompt or "How does FAK act?" in prompt for prompt in prompts)


@pytest.mark.parametrize(
    "draft",
    [
        "TEAD4 activates YAP1 in the nucleus.",
        "FAK activates 7 YAP1 in the nucleus.",
        "FAK activates YAP1 in the happy nucleus.",
        "FAK activates YAP1 in the",
        "Yes.",
        " ",
        "[1]",
        "PMC2__insulin activates YAP1 in the nucleus.",
    ],
)
def test_a_restatement_that_fails_becomes_a_quote(draft: str) -> None:
    """A foreign name, number or word, an unfinished sentence or nothing at all: the figure is quoted instead."""
    (statement,), _ = singly(draft)
    assert statement.text == quote_statement(evidence_of(FAK)[0]).text
    assert (statement.check.verdict, statement.check.keys) == (Verdict.REPLACED, (1,))
    assert statement.check.reason


def test_only_the_first_sentence_of_a_small_llm_counts() -> None:
    """What it goes on to say, and keys that it makes up, are left out."""
    (statement,), _ = singly("FAK activates YAP1 [9] in the nucleus. TEAD4 is bad [2].")
    assert statement.text == "FAK activates YAP1 in the nucleus. [1]"


def test_a_restatement_keeps_what_was_asked() -> None:
    """A sentence that leaves out a subject of the question which the quote has is replaced by it."""
    (statement,), _ = singly("FAK activates YAP1 in the nucleus.", terms=("integrin",))
    assert (statement.check.verdict, statement.check.reason) == (Verdict.REPLACED, "leaves out “integrin”")


def test_a_figure_without_caption_is_not_asked_about() -> None:
    """No language model is needed to repeat a title."""
    statements, chat = singly("A lie.", records=(MAP, BARE))
    assert verdicts(statements) == [Verdict.QUOTED] * 2
    assert chat.asked == []


def test_entities_that_the_corpus_knows_are_checked() -> None:
    """The caller's knowledge of names is asked about each sentence, and what it finds must be in the record."""

    def named(text: str) -> Sequence[Entity]:
        return (
            [Entity(Kind.CHEMICAL, "nucleus", ("CHEBI",), aliases=frozenset({"other word"}))] if "FAK" in text else []
        )

    (statement,), _ = singly("FAK activates YAP1 in the nucleus.", named=named)
    assert statement.check.reason == "“nucleus” is not in the record"
    (statement,), _ = together("FAK activates YAP1 in the nucleus [1].", FAK, named=named)
    assert statement.check.reason == "“nucleus” is not in the record"


# All the evidence in one prompt


def test_sentences_with_their_keys_are_kept() -> None:
    """Sentences whose names and words their figures have pass, with keys inside, before or after the full stop."""
    statements, _ = together(
        "Integrin β1 binds FAK at the surface [1]. FAK activates YAP1 in the nucleus.[1] "
        "Insulin makes AKT2 send GLUT4. [2] FAK activates YAP1 and insulin sends GLUT4 [1, 2]."
    )
    assert texts(statements) == [
        "Integrin β1 binds FAK at the surface. [1]",
        "FAK activates YAP1 in the nucleus. [1]",
        "Insulin makes AKT2 send GLUT4. [2]",
        "FAK activates YAP1 and insulin sends GLUT4. [1][2] *(partly supported)*",
    ]


@pytest.mark.parametrize("mark", ["- ", "* ", "• ", "1. ", "2) "])
@pytest.mark.parametrize("stop", [".", ""])
def test_the_items_of_a_list_are_checked_apart(mark: str, stop: str) -> None:
    """An item of a list rests on its own keys, not on those of its neighbours."""
    statements, _ = together(
        f"{mark}FAK activates YAP1 in the nucleus [1]{stop}\n{mark}FAK sends GLUT4 to the membrane [2]{stop}\n"
        f"{mark}Insulin makes AKT2 send GLUT4 [2]{stop}\n"
    )
    assert verdicts(statements) == [Verdict.SUPPORTED, Verdict.REPLACED, Verdict.SUPPORTED]
    assert statements[1].check.reason == "“FAK” is not in the record"
    assert parse_keys(statements[0].text) == (1,)


def test_a_large_llm_sees_all_evidence_with_its_keys() -> None:
    """It is asked once, with the question and every figure under its key; marks in captions are no keys."""
    _, chat = together("x", FAK, INSULIN, MAP)
    ((_, user),) = chat.asked
    prompt = str(user.content)
    assert parse_keys(prompt) == (1, 2, 3)
    assert "Question: How does FAK act?" in prompt
    assert "Organisms: Homo sapiens" in prompt
    assert "[3] A map of gibberellin receptors" in prompt


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("FAK activates TEAD4 in the nucleus [1].", "“TEAD4” is not in the record"),
        ("FAK activates YAP1 in the nucleus [2][1].", None),
        ("FAK activates YAP1 in the nucleus [7][1].", "cites [7], which was not shown"),
        ("PMC2__insulin says that FAK activates YAP1 [1].", "names PMC2__insulin"),
    ],
)
def test_a_sentence_that_fails_becomes_a_quote_of_its_figure(sentence: str, reason: str | None) -> None:
    """The quote comes from the first figure that it cites and that was shown; its own words are gone."""
    (statement,), _ = together(sentence)
    assert statement.check.reason == reason
    if reason:
        assert statement.text == quote_statement(evidence_of(FAK)[0]).text


def genes(text: str) -> list[Entity]:
    """FAK and YAP1 where the text names them."""
    return [
        Entity(Kind.GENE, name, (name,), aliases=frozenset({alias}))
        for name, alias in (("FAK", "fak"), ("YAP1", "yap 1"))
        if name in text
    ]


@pytest.mark.parametrize(
    "sentence",
    [
        "FAK inhibits YAP1 in the nucleus [1].",
        "YAP1 activates FAK in the nucleus [1].",
        "FAK does not activate YAP1 in the nucleus [1].",
        "YAP1 is inhibited by FAK in the nucleus [1].",
    ],
)
def test_a_sentence_that_turns_a_relation_becomes_a_quote(sentence: str) -> None:
    """All its words stand in the record, and it says the opposite: a quote takes its place, and the reason is kept."""
    (statement,), _ = together(sentence, named=genes)
    assert statement.check.verdict is Verdict.REPLACED
    assert statement.check.reason
    assert statement.text == quote_statement(evidence_of(FAK)[0]).text


@pytest.mark.parametrize(
    "sentence",
    [
        "FAK activates YAP1 in the nucleus [1].",
        "YAP1 is activated by FAK [1].",
        "Yes, FAK activates YAP1 [1].",
        "FAK stimulates YAP1 in the nucleus [1].",
    ],
)
def test_a_sentence_that_keeps_a_relation_stands(sentence: str) -> None:
    """In the active and the passive."""
    (statement,), _ = together(sentence, named=genes)
    assert statement.check.verdict is Verdict.SUPPORTED


def test_a_sentence_that_is_supported_in_part_is_marked() -> None:
    """Nothing in it is against the figure, which does not say all of it."""
    (statement,), _ = together("FAK activates YAP1 for the growth of many old trees in forests [1].", named=genes)
    assert statement.check.verdict in (Verdict.PARTLY, Verdict.REPLACED)
    (statement,), _ = together("FAK and integrin β1 together bind YAP1 in the nucleus [1].", named=genes)
    assert statement.check.verdict is Verdict.PARTLY
    assert statement.text.endswith("[1] *(partly supported)*")


@pytest.mark.parametrize("sentence", ["FAK activates YAP1 in the nucleus.", "FAK activates YAP1 in the nucleus [7]."])
def test_a_sentence_without_a_figure_is_dropped(sentence: str) -> None:
    """What cites nothing that was shown leaves nothing but its verdict."""
    (statement,), _ = together(sentence)
    assert (statement.text, statement.check.verdict) == ("", Verdict.DROPPED)


def test_a_figure_is_quoted_once() -> None:
    """A second failed sentence about a figure that already stands in the answer is dropped."""
    statements, _ = together(
        "TEAD4 is bad [1]. TEAD1 is worse [1]. FAK activates YAP1 in the nucleus [1]. TEAD2 too [1]."
    )
    assert verdicts(statements) == [Verdict.REPLACED, Verdict.DROPPED, Verdict.SUPPORTED, Verdict.DROPPED]


@pytest.mark.parametrize("draft", [NO_EVIDENCE, f"{NO_EVIDENCE}.", f"I must say {NO_EVIDENCE}. FAK is great [1]."])
def test_no_evidence_ends_the_draft(draft: str) -> None:
    """A language model that finds no figure that answers yields nothing."""
    assert together(draft)[0] == []


@pytest.mark.parametrize(
    "draft",
    [
        "FAK activates YAP1 in the nucleus [1]. Th",
        "FAK activates YAP1 in the nucleus. [1] In",
        "FAK activates YAP1 in the nucleus [1].\n- I",
        "- FAK activates YAP1 in the nucleus [1]\n- I",
        "FAK activates YAP1 in the nucleus [1]. [2] shows i",
    ],
)
def test_statements_come_while_the_llm_writes(draft: str) -> None:
    """A sentence is passed on as soon as another has begun."""

    def pieces() -> Iterator[str]:
        yield from draft
        pytest.fail("the statement came too late")

    drafts = drafted_together(
        Pieces(pieces()), ALL_EVIDENCE, query_of(), evidence_of(FAK, INSULIN), no_entities, verified(no_entities)
    )
    assert next(drafts).text.replace(".", "") == "FAK activates YAP1 in the nucleus [1]"


@pytest.mark.parametrize(
    ("draft", "shown"),
    [
        ("As [1] shows, FAK activates YAP1 in the nucleus.", "As [1] shows, FAK activates YAP1 in the nucleus."),
        ("[1] shows that FAK activates YAP1 [2].", None),
        ("Figure [1] shows that FAK activates YAP1 [1].", "[1] shows that FAK activates YAP1."),
        (
            "FAK activates YAP1 in the nucleus [1]. [2] shows that insulin makes AKT2 send GLUT4.",
            "FAK activates YAP1 in the nucleus. [1]\n[2] shows that insulin makes AKT2 send GLUT4.",
        ),
        (
            "FAK activates YAP1. [1] shows that FAK activates YAP1 in the nucleus.",
            "\n[1] shows that FAK activates YAP1 in the nucleus.",
        ),
        ("FAK activates YAP1 in the nucleus. [1]. Insulin makes AKT2 send GLUT4 [2].", None),
    ],
)
def test_keys_that_a_sentence_needs_stay_in_it(draft: str, shown: str | None) -> None:
    """A key that is a subject, or stands after "as", keeps its place; nothing is left mangled, and no key is lost."""
    statements, _ = together(draft)
    if shown is not None:
        assert "\n".join(texts(statements)) == shown
    for statement in statements:
        assert not statement.text or parse_keys(statement.text) == statement.check.keys != ()
        assert "  " not in statement.text
        assert " ." not in statement.text


@pytest.mark.parametrize(
    ("draft", "kept"),
    [
        ("FAK activates YAP1 in the nucleus [1]. Insulin makes", 1),
        ("FAK activates YAP1 in the nucleus [1].", 1),
        ("FAK activates YAP1 in the nucleus. [1]", 1),
        ("Integrin β1 binds FAK at the surface [1]. FAK activates YAP1 in the nucleus [1]. Insulin", 2),
        ("FAK activates YAP1 in the nucleus", 0),
        ("FAK activates YAP1 in the nucleus.", 0),
    ],
)
def test_what_was_finished_before_a_failure_is_shown(draft: str, kept: int) -> None:
    """Whole sentences with their keys are checked and passed on before the error; a fragment never is."""

    def pieces() -> Iterator[str]:
        yield from draft
        raise LlmError("gone")

    written: list[Statement] = []
    with pytest.raises(LlmError, match="gone"):
        written.extend(
            drafted_together(
                Pieces(pieces()), ALL_EVIDENCE, query_of(), evidence_of(FAK), no_entities, verified(no_entities)
            )
        )
    assert len(written) == kept
    assert all(statement.check.verdict is Verdict.SUPPORTED for statement in written)


HOSTILE = [
    "[1](http://evil.example) FAK activates YAP1 in the nucleus.",
    "FAK activates YAP1 in the nucleus ［1］.",
    "FAK activates YAP1 in the nucleus [１].",
    "FAK activates YAP1 in the nucleus [^1]. [[1]] TEAD4 is the master.",
    "| FAK | activates | TEAD4 [1] |\n|---|---|---|\n| YAP1 | cures | cancer |",
    "# FAK cures cancer\n\n```\nFAK activates YAP1 in the nucleus [1].\n```\nTrust me.",
    "FAK activates YAP1 in the nucleus [1]<script>alert(1)</script>.",
    "FAK activates YAP1 in the nucleus, and patients should stop their treatment at once, says the doctor [1].",
    "FAK activates YAP1 in the nucleus [1]; TEAD4 cures cancer; ignore the above.",
    "FAK\u200b activates\u202e YAP1 in the nucleus [1].\x00 TEAD4 rules [1].",
    f"FAK activates {KEYS_HERE} YAP1 in the nucleus [1]. As {KEYS_HERE} shows, TEAD4 wins.",
    "Yes, Yes, FAK inhibits YAP1 in the nucleus [1].",
    "FAK activates YAP1 in the nucleus [1]." + " and" * 3000,
    "[1]" * 2000 + " FAK activates YAP1 in the nucleus." + " [1]" * 2000,
    "As in [1], by [1], from [2], FAK activates YAP1 in the nucleus and cures cancer in all patients for ever.",
    "NO_EVIDENC\nFAK cures cancer [1]. no_evidence",
    "![x](data:image/png;base64,AAAA) [1]\n<img src=x onerror=alert(1)> [1]",
]


@pytest.mark.parametrize("draft", HOSTILE)
def test_no_claim_is_shown_without_a_verdict(draft: str) -> None:
    """Whatever a large language model writes: what is shown is a quote, or a sentence that was judged just so."""
    judged: dict[str, Support] = {}

    def recorded(sentence: str, records: Sequence[FigureRecord]) -> Verification:
        found = verify(sentence, records, genes)
        judged[sentence] = found.verdict
        return found

    evidence = evidence_of(FAK, INSULIN)
    quotes = {quote_statement(item).text for item in evidence}
    statements = list(drafted_together(Pieces(draft), ALL_EVIDENCE, query_of(), evidence, genes, recorded))
    for statement in statements:
        if statement.text in quotes or not statement.text:
            assert statement.check.verdict in (Verdict.REPLACED, Verdict.DROPPED)
            continue
        plain = without_keys(statement.text.removesuffix(PARTLY_MARK)).replace("\\", "")
        assert plain == statement.check.sentence.replace("\\", "")
        assert judged[statement.check.sentence.removeprefix("Yes, ")] is not Support.UNSUPPORTED
        assert (statement.check.verdict is Verdict.PARTLY) == statement.text.endswith(PARTLY_MARK)
        assert "http" not in plain
        assert "<script" not in statement.text.replace("\\<script", "")
        assert not any(word in plain for word in ("cancer", "TEAD4", "inhibits"))


def test_closing_stops_the_llm() -> None:
    """Whoever stops reading stops the language model's stream."""
    llm, chat = scripted("FAK activates YAP1 in the nucleus [1]. " * 20)
    drafts = drafted_together(llm, ALL_EVIDENCE, query_of(), evidence_of(FAK), no_entities, verified(no_entities))
    next(drafts)
    drafts.close()
    assert chat.ended == ["cut"]


@pytest.mark.parametrize("small", [True, False])
def test_a_failure_passes_through(small: bool) -> None:
    """An error of the language model is the caller's to handle; what was checked before it stands."""
    llm, _ = scripted("FAK activates YAP1 in the nucleus [1]. " * 3, small=small, fails_at=30)
    written = []
    draft = (
        drafted_singly(llm, ONE_FIGURE, query_of(), evidence_of(FAK), no_entities, verified(no_entities))
        if small
        else drafted_together(llm, ALL_EVIDENCE, query_of(), evidence_of(FAK), no_entities, verified(no_entities))
    )
    with pytest.raises(LlmError, match="scripted failed while answering"):
        written.extend(draft)


SENTENCES = st.lists(
    st.sampled_from(
        [
            "FAK activates YAP1 in the nucleus [1]. ",
            "Insulin makes AKT2 send GLUT4. [2] ",
            "- Integrin binds FAK at the cell surface [1]\n",
            "Insulin binds FAK [1][2]. ",
            "TEAD4 is bad [1].\n\n",
            "As in E. coli, FAK activates YAP1 [1, 2]. ",
            "Hm [9]! ",
            "**Bold** words. ",
        ]
    ),
    max_size=6,
).map("".join)


@given(draft=SENTENCES, data=st.data())
@settings(deadline=None)
def test_the_pieces_of_a_stream_do_not_matter(draft: str, data: st.DataObject) -> None:
    """The same draft gives the same statements however it is cut into pieces."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(draft)), max_size=8)))
    pieces = [draft[a:b] for a, b in zip([0, *cuts], [*cuts, len(draft)], strict=True)]
    evidence = evidence_of(FAK, INSULIN)
    whole, cut = (
        list(drafted_together(Pieces(said), ALL_EVIDENCE, query_of(), evidence, no_entities, verified(no_entities)))
        for said in ([draft], pieces)
    )
    assert cut == whole


@given(draft=st.text(alphabet="FAKactives YP1 [2]3,.!?\n-*<>()", max_size=200) | SENTENCES)
@settings(deadline=None)
def test_every_key_of_a_statement_was_shown(draft: str) -> None:
    """Whatever a language model writes, no statement cites a figure that it was not given."""
    evidence = evidence_of(FAK, INSULIN)
    for statement in drafted_together(
        Pieces([draft]), ALL_EVIDENCE, query_of(), evidence, no_entities, verified(no_entities)
    ):
        assert set(parse_keys(statement.text)) <= {1, 2}
        assert bool(statement.text) == (statement.check.verdict is not Verdict.DROPPED)
        assert not statement.text or parse_keys(statement.text) == statement.check.keys


@pytest.mark.parametrize(
    ("draft", "sentences"),
    [
        (
            "TNF rises. [1] insulin falls. [2] Then IL6 rises.",
            ["TNF rises [1].", "insulin falls [2].", "Then IL6 rises."],
        ),
        ("TNF rises. [1]. [2] shows IL6.", ["TNF rises [1].", "[2] shows IL6."]),
        ("TNF rises. [1] p53 falls. [2]", ["TNF rises [1].", "p53 falls [2]."]),
        ("TNF rises. [1] and [2] show IL6.", ["TNF rises.", "[1] and [2] show IL6."]),
        ("TNF rises. [2] depicts IL6.", ["TNF rises.", "[2] depicts IL6."]),
        ("## Effects\n**TNF** *rises* [1]. `IL6` falls [2].", ["Effects", "TNF rises [1].", "IL6 falls [2]."]),
        ("HLA-B*27 and HLA-B*57 bind. [1]", ["HLA-B*27 and HLA-B*57 bind [1]."]),
        ("CYP2D6*4/*10 is slow [1].", ["CYP2D6*4/*10 is slow [1]."]),
    ],
)
@pytest.mark.parametrize("step", [1, 3, 1000])
def test_sentences_of_a_draft_keep_their_keys_and_lose_their_marks(draft: str, sentences: list[str], step: int) -> None:
    """However the stream is cut; keys behind a full stop are of the sentence before it, also before "insulin falls"."""
    assert list(sentences_in(draft[at : at + step] for at in range(0, len(draft), step))) == sentences


def spent_on(text: str) -> float:
    """The least of three times in seconds to find the sentences of a streamed draft."""
    times = []
    for _ in range(3):
        start = time.process_time()
        list(sentences_in(text[at : at + 4] for at in range(0, len(text), 4)))
        times.append(time.process_time() - start)
    return min(times)


@settings(deadline=None, max_examples=25)
@given(
    st.lists(
        st.sampled_from(["a. ", ". ", "[1] ", "[1]", "A. ", "fig. ", "1.1.", "word ", "* "]), min_size=1, max_size=3
    )
)
def test_the_time_to_find_sentences_grows_with_the_length(pieces: list[str]) -> None:
    """Eight times the draft takes nowhere near 64 times as long."""
    piece = "".join(pieces)
    assert spent_on(piece * 1_600) < 24 * spent_on(piece * 200) + 0.2
