"""The one place that wires the parts: ``open_assistant``."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from pfocr_chat.answers import Answer, Conversation, Event, Status
from pfocr_chat.chain import HITS
from pfocr_chat.chromaserver import ChromaServer
from pfocr_chat.conditions import checked_filters
from pfocr_chat.config import load_config
from pfocr_chat.errors import PfocrChatError, QuestionError
from pfocr_chat.facets import count_facet
from pfocr_chat.genelists import GeneListAnswer, compare_gene_list
from pfocr_chat.generations import read_manifest
from pfocr_chat.llm import open_llm
from pfocr_chat.logs import QUESTIONS
from pfocr_chat.patience import Patience
from pfocr_chat.queries import Filters, Hit, Intent, Query
from pfocr_chat.query import understand
from pfocr_chat.questions import QuestionEmbedder
from pfocr_chat.records import FigureRecord
from pfocr_chat.retriever import PairScorer
from pfocr_chat.serving import OpenGeneration, Serving, check_index, open_generation
from pfocr_chat.startup import loading
from pfocr_chat.tables import Facet, FacetTable
from pfocr_chat.traces import Asker, Course, Observer, Outcome, Trace, current_asker

FOUND = 10
"""Figures found for a question that asks for no list."""

_questions = logging.getLogger(QUESTIONS)
"""Is told of each question at INFO, with its ``Trace`` as ``trace``; its words, which may be private, only there."""


@loading()
def open_assistant(
    vectorstore: str | Path | None = None,
    llm: str | None = None,
    reranker: str | None = None,
    *,
    chroma_url: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Assistant:
    """Open the index in ``vectorstore`` with the language model ``llm``.

    ``llm`` is ``auto`` (the provider whose key is set, else the bundled one), ``provider:model``,
    ``gguf:PATH``, ``bundled`` or ``none`` (quotes only). ``reranker`` is the folder of a
    cross-encoder or its name at Hugging Face; without one nothing is ranked anew. ``chroma_url`` is the address
    of the Chroma server to which ``pfocr-chat index --chroma-url`` brought the vectors. Without arguments the settings
    ``PFOCR_CHAT_VECTORSTORE``, ``PFOCR_CHAT_LLM``, ``PFOCR_CHAT_RERANKER`` and ``PFOCR_CHAT_CHROMA_URL`` hold.

    Raises:
        ConfigError: a setting is unknown.
        NoIndexError, IndexMismatchError, CorruptIndexError, ChromaServerError: the index cannot be used.
        EmbedderError, RerankerError, LlmUnavailableError, PromptError: a part of it is missing.
    """
    config = load_config(vectorstore, llm, reranker, chroma_url, environ=environ)
    # Before the models, which take longer.
    check_index(config.vectorstore, read_manifest(config.vectorstore), only_catalog=config.chroma_url is not None)
    embedder = QuestionEmbedder()
    cross_encoder = _open_reranker(config.reranker) if config.reranker else None
    with ExitStack() as opened:
        server = opened.enter_context(ChromaServer(config.chroma_url, environ=environ)) if config.chroma_url else None
        patience = Patience.of(config.llm_timeout) if config.llm_timeout else None
        writer = opened.enter_context(open_llm(config.llm, environ=environ, patience=patience))
        serving = Serving(
            config.vectorstore,
            lambda: open_generation(config.vectorstore, embedder, writer, reranker=cross_encoder, server=server),
            waits=server is not None,
        )
        return Assistant(serving, opened.pop_all())


def _open_reranker(name: str) -> PairScorer:
    # It loads sentence-transformers, which takes longer than everything else together.
    from pfocr_chat.reranker import Reranker

    return Reranker(name)


class Assistant:
    """Answers questions over an index, always over its newest generation; may be shared by threads.

    Made by ``open_assistant``; to be closed, or used in a ``with`` statement.
    """

    def __init__(self, serving: Serving, opened: ExitStack) -> None:
        self._serving = serving
        self._opened = opened
        self._closed = False
        self._observers: tuple[Observer, ...] = ()
        self._observing = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the index and the language model; closing twice is harmless."""
        if self._closed:
            return
        self._closed = True
        self._serving.close()
        self._opened.close()

    def retrieve(self, question: str, k: int = 10, *, filters: Filters | None = None) -> list[Hit]:
        """The best ``k`` figures for a question, best first; none where it names only figures that are not there.

        ``filters`` are conditions that hold besides those in the question's words.

        Raises:
            QuestionError: the question is empty or too long, or a filter names what the index does not have.
            ValueError: ``k`` is below 1.
        """
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        with self._using() as generation:
            query = _understood(question, generation, filters)
            return _retrieved(query, k, generation)

    def find(self, question: str, *, filters: Filters | None = None) -> list[Hit]:
        """Every figure that answers a question for a list, best first; for any other question, the best ten.

        Raises:
            QuestionError: the question is empty or too long, or a filter names what the index does not have.
        """
        with self._using() as generation:
            query = _understood(question, generation, filters)
            listing = generation.retriever.complete(query)
            if not listing:
                return _retrieved(query, FOUND, generation)
            best = generation.retriever.retrieve(query, HITS, complete=listing)
            return _hits_of(query, listing.ranked(hit.figid for hit in best), best, generation)

    def figures(self, question: str, *, filters: Filters | None = None) -> Answer:
        """What ``ask`` decides before a language model writes: the figures that answer, quoted, or why none does.

        Its ``hits`` go on with the nearest figures; where ``listing`` has any, ``figids`` are the complete list.

        Raises:
            QuestionError: the question is empty or too long, or a filter names what the index does not have.
        """
        course = Course()
        events = self._streamed(question, Conversation(), filters, course, write=False)
        return _last(self._observed(question, current_asker(), course, events))

    def ask(self, question: str, conversation: Conversation | None = None, *, filters: Filters | None = None) -> Answer:
        """One answer; pass ``answer.conversation`` on to ask a follow-up.

        ``filters`` are conditions that hold besides those in the question's words, for this question only.

        Raises:
            QuestionError: the question is empty or too long, or a filter names what the index does not have.
        """
        return _last(self.stream(question, conversation, filters=filters))

    def stream(
        self, question: str, conversation: Conversation | None = None, *, filters: Filters | None = None
    ) -> Generator[Event, None, None]:
        """What is being done (``Stage``), pieces of checked text (``Text``), and last the ``Answer``.

        Closing the iterator stops the language model.

        Raises:
            QuestionError: the question is empty or too long, or a filter names what the index does not have.
        """
        self._check_open()
        course = Course()
        events = self._streamed(question, conversation or Conversation(), filters, course)
        return self._observed(question, current_asker(), course, events)

    def _streamed(
        self, question: str, conversation: Conversation, filters: Filters | None, course: Course, *, write: bool = True
    ) -> Generator[Event, None, None]:
        with self._using() as generation:
            chain = generation.chain if write else replace(generation.chain, llm=None, llm_name="none")
            yield from chain.stream(question, conversation, filters, course=course)

    def _observed(
        self, question: str, asker: Asker, course: Course, events: Generator[Event, None, None]
    ) -> Generator[Event, None, None]:
        """The events, after which the log and the observers are told what became of the question."""
        observers, started = self._observers, time.perf_counter()
        outcome, answer, failure = Outcome.STOPPED, None, ""
        for observer in observers:
            observer.begun(asker)
        try:
            with closing(events):
                for event in events:
                    if isinstance(event, Answer):
                        answer, outcome = event, Outcome.ABSTAINED if event.abstained else Outcome.ANSWERED
                    with course.pausing():
                        yield event
        except QuestionError as exc:
            outcome, failure = Outcome.REFUSED, type(exc).__name__
            raise
        except Exception as exc:
            outcome, failure = Outcome.FAILED, type(exc).__name__
            raise
        finally:
            course.enter(None)
            took, steps = time.perf_counter() - started, dict(course.seconds)
            trace = Trace(asker, question, outcome, took, steps, course.evidence, answer, failure, course.llm_failure)
            _questions.info("%s", trace, extra={"trace": trace})
            for observer in observers:
                observer.ended(trace)

    @contextmanager
    def observed_by(self, observer: Observer) -> Iterator[None]:
        """While this lasts, the observer is told of each question that is asked."""
        with self._observing:
            self._observers = (*self._observers, observer)
        try:
            yield
        finally:
            with self._observing:
                self._observers = tuple(each for each in self._observers if each is not observer)

    def hits(self, answer: Answer) -> list[Hit]:
        """A hit for each of an answer's figures, in their order, to be shown or exported.

        Figures that have left the index since are left out.
        """
        with self._using() as generation:
            return _hits_of(answer.query, answer.figids, answer.hits, generation)

    def count(self, facet: Facet, figids: Iterable[str] | None = None) -> FacetTable:
        """Figures counted by a facet: those given, in their order, or all that the index has."""
        with self._using() as generation:
            catalog = generation.catalog
            return count_facet(facet, sorted(catalog.figids()) if figids is None else list(figids), catalog)

    def record(self, figid: str) -> FigureRecord | None:
        """One figure's record, its figid in letters of any case, or ``None`` where the index does not have it."""
        with self._using() as generation:
            catalog = generation.catalog
            record = catalog.record(figid)
            named = () if record else catalog.figids_named(figid)
            return catalog.record(named[0]) if len(named) == 1 else record

    def gene_list(
        self, genes: str | Sequence[str], limit: int = 50, *, filters: Filters | None = None
    ) -> GeneListAnswer:
        """The figures that share most genes with a list, by Fisher's exact test; names as typed or pasted.

        Raises:
            QuestionError: there is no name in the list, or more than 2,000, or a filter names what the index lacks.
        """
        with self._using() as generation:
            catalog = generation.catalog
            within = catalog.figids_meeting(checked_filters(filters, catalog)) if filters else None
            return compare_gene_list(genes, catalog, limit=limit, within=within)

    def status(self) -> Status:
        """What the index holds and which models answer."""
        with self._using() as generation:
            return generation.status

    @property
    def is_ready(self) -> bool:
        """Whether questions can be answered now: the vectors may be in a server that cannot be reached."""
        with self._using() as generation:
            return generation.is_ready

    def _using(self) -> AbstractContextManager[OpenGeneration]:
        """The newest generation, for as long as it is used."""
        self._check_open()
        return self._serving.using()

    def _check_open(self) -> None:
        if self._closed:
            raise PfocrChatError("This assistant has been closed. Open another with open_assistant().")

    def as_retriever(self, k: int = 10) -> BaseRetriever:
        """A LangChain retriever over this index; documents carry the figure's fields as metadata."""
        return FigureRetriever(assistant=self, k=k)


def _last(events: Iterable[Event]) -> Answer:
    """The answer at the end."""
    for event in events:
        if isinstance(event, Answer):
            return event
    raise PfocrChatError("The answer was cut off.")


def _understood(question: str, generation: OpenGeneration, filters: Filters | None) -> Query:
    catalog = generation.catalog
    return understand(question, catalog, filters=checked_filters(filters, catalog) if filters else None)


def _retrieved(query: Query, k: int, generation: OpenGeneration) -> list[Hit]:
    retriever = generation.retriever
    if query.intent is Intent.SIMILAR:
        return retriever.similar(query.figids[0], k, query.filters) if query.figids else []
    if query.intent is Intent.LOOKUP:
        return retriever.to_hits(query, retriever.meeting(query)[:k])
    return retriever.retrieve(query, k, complete=retriever.complete(query))


def _hits_of(query: Query | None, figids: Sequence[str], made: Sequence[Hit], generation: OpenGeneration) -> list[Hit]:
    """A hit for each of the figures, in their order; those that are ``made`` are not made again."""
    known = {hit.figid: hit for hit in made}
    missing = [figid for figid in figids if figid not in known]
    if query and missing:
        known |= {hit.figid: hit for hit in generation.retriever.to_hits(query, missing)}
    return [known[figid] for figid in figids if figid in known]


class FigureRetriever(BaseRetriever):
    """LangChain's view of ``Assistant.retrieve``."""

    assistant: Any
    k: int = 10

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002 - LangChain's interface
        k: int | None = None,
    ) -> list[Document]:
        return [_to_document(hit) for hit in self.assistant.retrieve(query, k=self.k if k is None else k)]


def _to_document(hit: Hit) -> Document:
    record = hit.record
    text = "\n".join(part for part in (record.title, record.caption) if part)
    metadata = {"score": hit.score, "quote": hit.quote, **record.to_dict()}
    return Document(id=hit.figid, page_content=text, metadata=metadata)
