"""The Python interface: opening, asking, streaming, sharing, and LangChain's view of it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda

import pfocr_chat
from pfocr_chat import (
    Answer,
    Assistant,
    ConfigError,
    CorruptIndexError,
    Hit,
    IndexMismatchError,
    LlmUnavailableError,
    NoIndexError,
    PfocrChatError,
    QuestionError,
    Stage,
    Status,
    Text,
    open_assistant,
)

SEED = "PMC11989024__ijms-26-03143-g003"
MYCOTOXIN = "PMC5347122__srep44296-f1"


# Opening


def test_an_assistant_closes_itself(seed_vectorstore: Path) -> None:
    """In a with statement it is closed at the end; closing it again is harmless, using it an error in a sentence."""
    with open_assistant(vectorstore=str(seed_vectorstore), llm="none") as assistant:
        events = assistant.stream("lithium")
        retriever = assistant.as_retriever()
    assistant.close()
    uses: list[Callable[[], object]] = [
        lambda: assistant.ask("lithium"),
        lambda: assistant.retrieve("lithium"),
        lambda: assistant.stream("lithium"),
        lambda: assistant.record(SEED),
        lambda: retriever.invoke("lithium"),
    ]
    for use in uses:
        with pytest.raises(PfocrChatError, match=r"^This assistant has been closed\. Open another with open_assistant"):
            use()
    events.close()


def test_two_assistants_share_an_index(seed_vectorstore: Path, seed_assistant: Assistant) -> None:
    """Closing one leaves the other at work."""
    with open_assistant(seed_vectorstore, llm="none") as other:
        assert other.retrieve("lithium") == seed_assistant.retrieve("lithium")
    assert seed_assistant.ask("What does lithium do in prion disease?").citations


def test_settings_come_from_the_environment(seed_vectorstore: Path) -> None:
    """Without arguments the two variables hold; an argument goes before its variable."""
    environ = {"PFOCR_CHAT_VECTORSTORE": str(seed_vectorstore), "PFOCR_CHAT_LLM": "none"}
    with open_assistant(environ=environ) as assistant:
        assert (assistant.status().llm, assistant.status().figures) == ("none", 21)
    with pytest.raises(NoIndexError):
        open_assistant("nowhere", environ=environ)


@pytest.mark.parametrize(
    ("llm", "error", "message"),
    [
        ("foo", ConfigError, "Unknown LLM setting 'foo'"),
        ("gguf:/no/such/file.gguf", LlmUnavailableError, "/no/such/file.gguf cannot be read"),
        ("openai:gpt-5.4-mini", LlmUnavailableError, "openai:gpt-5.4-mini needs"),
    ],
)
def test_an_llm_that_cannot_be_opened_is_named(
    llm: str, error: type[Exception], message: str, seed_vectorstore: Path
) -> None:
    """A wrong setting, a missing file or a missing key or package is one clear sentence."""
    with pytest.raises(error, match=message):
        open_assistant(seed_vectorstore, llm, environ={})


def test_a_missing_index_says_how_to_make_one(tmp_path: Path) -> None:
    """The message names the folder and the command, and no folder is made."""
    with pytest.raises(NoIndexError, match=rf"No index in {tmp_path}/vs/\. Run `pfocr-chat index DIR`"):
        open_assistant(tmp_path / "vs", llm="none")
    assert not (tmp_path / "vs").exists()


@pytest.fixture
def broken(seed_vectorstore: Path, tmp_path: Path) -> Path:
    """A copy of the index to be damaged."""
    return Path(shutil.copytree(seed_vectorstore, tmp_path / "broken"))


def test_a_damaged_index_is_told(broken: Path) -> None:
    """A file of another size than the manifest says, or a missing one, is named with the way out."""
    (catalog,) = broken.glob("generations/*/catalog.sqlite")
    catalog.write_bytes(catalog.read_bytes()[:5000])
    with pytest.raises(CorruptIndexError, match=r"catalog\.sqlite: it has 5,000 bytes.*Run `pfocr-chat index`"):
        open_assistant(broken, llm="none")
    catalog.unlink()
    with pytest.raises(CorruptIndexError, match=r"catalog\.sqlite: it is missing"):
        open_assistant(broken, llm="none")


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"generation": "g000001"}', "\x00\xff"])
def test_a_damaged_manifest_is_told(content: str, broken: Path) -> None:
    """What is not a manifest is one clear sentence."""
    (broken / "manifest.json").write_text(content, encoding="utf-8")
    with pytest.raises(CorruptIndexError, match=r"manifest\.json: it .*Run `pfocr-chat index`"):
        open_assistant(broken, llm="none")


@pytest.mark.parametrize(
    ("changed", "built", "wanted"),
    [
        ({"embedder": "other", "embedder_fingerprint": "other"}, "other, passage format 1 and layout 3", "1 and 3"),
        ({"passage_format": 99}, "all-MiniLM-L6-v2, passage format 99 and layout 3", "1 and 3"),
        ({"format": 1}, "all-MiniLM-L6-v2, passage format 1 and layout 1", "1 and 3"),
    ],
)
def test_an_index_of_another_making_is_told(changed: dict[str, object], built: str, wanted: str, broken: Path) -> None:
    """An index of another embedder, passage format or layout names what it has, what it should, and the way out."""
    path = broken / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(manifest | changed), encoding="utf-8")
    expected = f"was built with the embedder {built}, not all-MiniLM-L6-v2, {wanted}. Run `pfocr-chat index`"
    with pytest.raises(IndexMismatchError, match=re.escape(expected)):
        open_assistant(broken, llm="none")


# Retrieving


def test_hits_have_what_the_contract_says(seed_assistant: Assistant) -> None:
    """A hit has figid, score, record, matches and quote, and goes into JSON."""
    hits = seed_assistant.retrieve("Which figures link integrins to YAP?", k=3)
    assert [type(hit) for hit in hits] == [Hit] * 3
    first = hits[0]
    assert (first.figid, first.record.figid) == (SEED, SEED)
    assert first.score > hits[1].score > 0
    assert [str(match) for match in first.matches]
    assert first.quote in (first.record.caption or "")
    assert json.loads(json.dumps(first.to_dict()))["record"]["doi"] == "10.3390/ijms26073143"
    with pytest.raises(FrozenInstanceError):
        first.score = 1.0  # type: ignore[misc]


def test_the_number_of_hits_is_checked(seed_assistant: Assistant) -> None:
    """At most k, all where k is larger; a k below 1 is an error."""
    assert len(seed_assistant.retrieve("integrin", k=1)) == 1
    assert len(seed_assistant.retrieve("integrin", k=500)) == 21
    assert len(seed_assistant.retrieve("integrin")) == 10
    for k in (0, -1):
        with pytest.raises(ValueError, match=f"k must be at least 1, not {k}"):
            seed_assistant.retrieve("integrin", k=k)


def test_a_named_figure_is_the_only_hit(seed_assistant: Assistant) -> None:
    """A question with a figid retrieves that figure, and nothing where the index does not have it."""
    assert [hit.figid for hit in seed_assistant.retrieve(f"What does {SEED.lower()} show?")] == [SEED]
    assert seed_assistant.retrieve("What does PMC1234567__no.g1 show?") == []


@pytest.mark.parametrize("question", ["", "y" * 20_000])
def test_unusable_questions_are_refused_everywhere(question: str, seed_assistant: Assistant) -> None:
    """Retrieving, asking and streaming refuse the same questions."""
    with pytest.raises(QuestionError):
        seed_assistant.retrieve(question)
    with pytest.raises(QuestionError):
        seed_assistant.ask(question)
    with pytest.raises(QuestionError):
        list(seed_assistant.stream(question))


# Asking


def test_an_answer_has_what_the_contract_says(seed_assistant: Assistant) -> None:
    """Text with keys, citations with their links, figures, grounding, and the conversation to go on with."""
    answer = seed_assistant.ask("How does annexin A6 activate FAK and YAP?")
    assert isinstance(answer, Answer)
    citation = answer.citations[0]
    assert (citation.key, citation.figid, citation.pmcid) == (1, SEED, "PMC11989024")
    assert citation.title == "Cellular signalings and mechanisms of integrin-mediated drug resistance in cancer cells"
    assert citation.url == f"https://pfocr.wikipathways.org/figures/{SEED}.html"
    assert dict(citation.links) == {
        "PFOCR page": citation.url,
        "Figure at PMC": "https://www.ncbi.nlm.nih.gov/pmc/articles/PMC11989024/figure/F3/",
        "Paper at PMC": "https://www.ncbi.nlm.nih.gov/pmc/articles/PMC11989024",
        "DOI": "https://doi.org/10.3390/ijms26073143",
        "Image at PMC": "https://www.ncbi.nlm.nih.gov/pmc/articles/PMC11989024/bin/ijms-26-03143-g003.jpg",
    }
    assert "annexin A6" in citation.quote
    assert (answer.abstained, answer.reason, answer.near_misses) == (False, None, ())
    assert answer.figids[0] == SEED
    assert str(answer.grounding).endswith("quoted")
    assert len(answer.conversation.turns) == 1


def test_an_answer_becomes_json(seed_assistant: Assistant) -> None:
    """to_dict holds plain values only, for answers and abstentions alike."""
    answered = seed_assistant.ask("How does annexin A6 activate FAK?").to_dict()
    abstained = seed_assistant.ask("What is frobnicase?").to_dict()
    assert (
        set(answered)
        == set(abstained)
        == {
            "question",
            "text",
            "citations",
            "figids",
            "abstained",
            "reason",
            "near_misses",
            "grounding",
            "conversation",
            "understood",
            "llm",
            "generation",
            "notes",
            "table",
            "listing",
            "usage",
        }
    )
    assert json.loads(json.dumps(answered)) == answered
    assert json.loads(json.dumps(abstained)) == abstained
    assert set(answered["citations"][0]) == {"key", "figid", "pmcid", "title", "url", "quote", "quote_source", "links"}
    assert set(answered["understood"]) == {
        "summary",
        "intent",
        "text",
        "entities",
        "groups",
        "excluded",
        "excluded_words",
        "other_words",
        "filters",
        "corrections",
        "ignored",
        "unknown",
    }
    assert answered["understood"]["summary"] == "figures on annexin A6 = ANXA6 (gene), FAK = PTK2 (gene)"
    assert abstained["understood"]["unknown"] == ["frobnicase"]
    assert answered["grounding"]["counts"] == {"quoted": len(answered["citations"])}


def test_a_followup_goes_on_with_the_conversation(seed_assistant: Assistant) -> None:
    """The answer's conversation passed on makes a question about "it" one about the figure before."""
    first = seed_assistant.ask("Where is deoxynivalenol made?")
    then = seed_assistant.ask("and which paper is it from?", conversation=first.conversation)
    assert first.figids[0] == MYCOTOXIN
    assert then.figids == (MYCOTOXIN,)
    assert "Marike Johanne Boenisch" in then.text
    assert [turn.question for turn in then.conversation.turns] == [first.question, then.question]


def test_a_summary_is_not_quoted_as_the_papers_words(seed_assistant: Assistant) -> None:
    """The starter records' captions are summaries, and an answer from them says so."""
    answer = seed_assistant.ask("What does lithium do in prion disease?")
    assert "In summary: Lithium" in answer.text
    assert "“Lithium" not in answer.text
    assert {c.quote_source for c in answer.citations if c.figid != SEED} == {"summary"}


def test_a_stream_tells_stages_text_and_the_answer(seed_assistant: Assistant) -> None:
    """Stages in words, then text, then the answer that asking gives."""
    question = "What does lithium do in prion disease?"
    *before, last = seed_assistant.stream(question)
    assert last == seed_assistant.ask(question)
    assert [event.text for event in before if isinstance(event, Stage)][:2] == [
        "Reading the question",
        "Searching 21 figures",
    ]
    assert any(isinstance(event, Text) for event in before)


# Sharing


def test_threads_share_an_assistant(seed_assistant: Assistant) -> None:
    """Questions asked at once from many threads get the answers that they get one by one."""
    questions = [
        "integrins and FAK",
        "lithium in prion disease",
        "mycotoxin",
        "ATM and WEE1",
        f"{SEED}",
        "frobnicase",
    ] * 4
    alone = [seed_assistant.ask(question) for question in questions[:6]] * 4
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(seed_assistant.ask, questions))
    assert together == alone


def test_conversations_do_not_mix(seed_assistant: Assistant) -> None:
    """Two people who share an assistant get each their own follow-up."""
    mine = seed_assistant.ask("Where is deoxynivalenol made?").conversation
    yours = seed_assistant.ask("What does lithium do in prion disease?").conversation
    assert seed_assistant.ask("which journal is it from?", mine).figids == (MYCOTOXIN,)
    assert seed_assistant.ask("which journal is it from?", yours).figids == ("PMC6105724__41398_2018_209_Fig6_HTML",)


def test_the_status_says_what_there_is(seed_assistant: Assistant, seed_vectorstore: Path) -> None:
    """Every field is filled but that of what is still to come, and it goes into JSON."""
    status = seed_assistant.status()
    assert isinstance(status, Status)
    assert all(getattr(status, field.name) for field in fields(Status) if field.name != "pending")
    assert (status.pending, status.still_coming) == (0, None)
    assert (status.vectorstore, status.figures, status.llm, status.dimension) == (
        str(seed_vectorstore),
        21,
        "none",
        384,
    )
    assert json.loads(json.dumps(status.to_dict())) == status.to_dict()


def test_a_record_is_there_or_not(seed_assistant: Assistant) -> None:
    """One figure's record by its figid, or nothing."""
    record = seed_assistant.record(SEED)
    assert record is not None
    assert (record.year, record.caption_source) == (2025, "paper")
    assert seed_assistant.record("PMC1234567__no.g1") is None


# LangChain


def test_the_retriever_is_langchains(seed_assistant: Assistant) -> None:
    """A BaseRetriever whose documents carry the figure's fields as metadata, best first."""
    retriever = seed_assistant.as_retriever(k=3)
    assert isinstance(retriever, BaseRetriever)
    documents = retriever.invoke("Which figures link integrins to YAP?")
    assert len(documents) == 3
    first = documents[0]
    assert first.id == first.metadata["figid"] == SEED
    assert first.page_content.startswith("Cellular signalings and mechanisms of integrin-mediated drug resistance")
    assert first.metadata["quote"] in first.page_content
    assert first.metadata["score"] > documents[1].metadata["score"]
    assert first.metadata["doi"] == "10.3390/ijms26073143"


def test_the_retriever_takes_k_at_each_call_and_in_chains(seed_assistant: Assistant) -> None:
    """It composes with other runnables, and a call may ask for another number of documents."""
    retriever = seed_assistant.as_retriever()
    chain = retriever | RunnableLambda(lambda documents: [document.id for document in documents])
    assert len(chain.invoke("lithium")) == 10
    assert len(retriever.invoke("lithium", k=2)) == 2
    with pytest.raises(ValueError, match="k must be at least 1"):
        retriever.invoke("lithium", k=0)


def test_the_package_is_the_front_door() -> None:
    """What is needed to open an assistant is found in the package itself."""
    assert pfocr_chat.open_assistant is open_assistant
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = pfocr_chat.nonsense
