"""The one place that wires the parts: ``open_assistant``."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Self

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from pfocr_chat.answers import Answer, Conversation, Event, Status
from pfocr_chat.catalog import FILE_NAME, Catalog
from pfocr_chat.chain import HITS, Chain
from pfocr_chat.conditions import checked_filters
from pfocr_chat.config import Config, load_config
from pfocr_chat.embedder import Embedder
from pfocr_chat.errors import IndexMismatchError, PfocrChatError, QuestionError
from pfocr_chat.facets import count_facet
from pfocr_chat.genelists import GeneListAnswer, compare_gene_list
from pfocr_chat.generations import FORMAT, Manifest, check_files, generation_folder, read_manifest
from pfocr_chat.llm import Llm, open_llm
from pfocr_chat.passages import PASSAGE_FORMAT
from pfocr_chat.prompting import load_prompt
from pfocr_chat.queries import Filters, Hit, Intent, Query
from pfocr_chat.query import understand
from pfocr_chat.records import FigureRecord
from pfocr_chat.reranker import Reranker
from pfocr_chat.retriever import Retriever
from pfocr_chat.tables import Facet, FacetTable
from pfocr_chat.vectorindex import FOLDER_NAME, VectorIndex

_questions = logging.getLogger("pfocr_chat.questions")
"""Is told of each question; at INFO, and without its words, which may be private."""


def open_assistant(
    vectorstore: str | Path | None = None,
    llm: str | None = None,
    reranker: str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
) -> Assistant:
    """Open the index in ``vectorstore`` with the language model ``llm``.

    ``llm`` is ``auto`` (the provider whose key is set, else the bundled one), ``provider:model``,
    ``gguf:PATH``, ``bundled`` or ``none`` (quotes only). ``reranker`` is the folder of a
    cross-encoder or its name at Hugging Face; without one nothing is ranked anew. Without arguments
    the settings ``PFOCR_CHAT_VECTORSTORE``, ``PFOCR_CHAT_LLM`` and ``PFOCR_CHAT_RERANKER`` hold.

    Raises:
        ConfigError: a setting is unknown.
        NoIndexError, IndexMismatchError, CorruptIndexError: the index cannot be used.
        EmbedderError, RerankerError, LlmUnavailableError, PromptError: a part of it is missing.
    """
    config = load_config(vectorstore, llm, reranker, environ=environ)
    manifest = read_manifest(config.vectorstore)
    check_files(config.vectorstore, manifest)
    embedder = Embedder()
    if not manifest.is_built_like(embedder_fingerprint=embedder.fingerprint, passage_format=PASSAGE_FORMAT):
        raise IndexMismatchError(
            f"The index in {config.vectorstore} was built with the embedder {manifest.embedder}, passage format"
            f" {manifest.passage_format} and layout {manifest.format}, not {embedder.name}, {PASSAGE_FORMAT} and"
            f" {FORMAT}. Run `pfocr-chat index` on your records again."
        )
    cross_encoder = Reranker(config.reranker) if config.reranker else None
    folder = generation_folder(config.vectorstore, manifest.generation)
    with ExitStack() as opened:
        catalog = opened.enter_context(Catalog(folder / FILE_NAME))
        vectors = opened.enter_context(VectorIndex(folder / FOLDER_NAME))
        writer = opened.enter_context(open_llm(config.llm, environ=environ))
        status = _status(config, manifest, writer.name)
        assistant = Assistant(catalog, vectors, embedder, writer, status, reranker=cross_encoder)
        opened.pop_all()  # closed by the assistant from here on
    return assistant


def _status(config: Config, manifest: Manifest, llm: str) -> Status:
    return Status(
        vectorstore=str(config.vectorstore),
        generation=manifest.generation,
        built=manifest.built,
        figures=manifest.figures,
        passages=manifest.passages,
        embedder=manifest.embedder,
        dimension=manifest.dimension,
        passage_format=manifest.passage_format,
        llm=llm,
        corpus=manifest.corpus,
    )


class Assistant:
    """Answers questions over one generation of an index; may be shared by threads.

    Made by ``open_assistant``; to be closed, or used in a ``with`` statement.
    """

    def __init__(
        self,
        catalog: Catalog,
        vectors: VectorIndex,
        embedder: Embedder,
        llm: Llm,
        status: Status,
        *,
        reranker: Reranker | None = None,
    ) -> None:
        self._catalog = catalog
        self._vectors = vectors
        self._llm = llm
        self._status = status
        self._closed = False
        self._retriever = Retriever(catalog, vectors, embedder, reranker=reranker)
        self._chain = Chain(
            catalog=catalog,
            retriever=self._retriever,
            llm=llm if llm.chat else None,
            small=llm.small,
            llm_name=llm.name,
            one_figure=load_prompt("one_figure", frozenset({"caption"})),
            all_evidence=load_prompt("all_evidence", frozenset({"question", "evidence"})),
            generation=status.generation,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the index and the language model; closing twice is harmless."""
        if self._closed:
            return
        self._closed = True
        self._catalog.close()
        self._vectors.close()
        self._llm.close()

    def retrieve(self, question: str, k: int = 10, *, filters: Filters | None = None) -> list[Hit]:
        """The best ``k`` figures for a question, best first; none where it names only figures that are not there.

        ``filters`` are conditions that hold besides those in the question's words.

        Raises:
            QuestionError: the question is empty or too long, or a filter names what the index does not have.
            ValueError: ``k`` is below 1.
        """
        self._check_open()
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        query = self._understood(question, filters)
        if query.intent is Intent.SIMILAR:
            return self._retriever.similar(query.figids[0], k, query.filters) if query.figids else []
        if query.intent is Intent.LOOKUP:
            return self._retriever.to_hits(query, self._retriever.meeting(query)[:k])
        return self._retriever.retrieve(query, k, complete=self._retriever.complete(query))

    def find(self, question: str, *, filters: Filters | None = None) -> list[Hit]:
        """Every figure that answers a question for a list, best first; for any other question, the best ten.

        Raises:
            QuestionError: the question is empty or too long, or a filter names what the index does not have.
        """
        self._check_open()
        query = self._understood(question, filters)
        listing = self._retriever.complete(query)
        if not listing:
            return self.retrieve(question, filters=filters)
        best = self._retriever.retrieve(query, HITS, complete=listing)
        return self._hits_of(query, listing.ranked(hit.figid for hit in best), best)

    def _understood(self, question: str, filters: Filters | None) -> Query:
        return understand(question, self._catalog, filters=checked_filters(filters, self._catalog) if filters else None)

    def ask(self, question: str, conversation: Conversation | None = None, *, filters: Filters | None = None) -> Answer:
        """One answer; pass ``answer.conversation`` on to ask a follow-up.

        ``filters`` are conditions that hold besides those in the question's words, for this question only.

        Raises:
            QuestionError: the question is empty or too long, or a filter names what the index does not have.
        """
        for event in self.stream(question, conversation, filters=filters):
            if isinstance(event, Answer):
                return event
        raise PfocrChatError("The answer was cut off.")

    def stream(
        self, question: str, conversation: Conversation | None = None, *, filters: Filters | None = None
    ) -> Generator[Event, None, None]:
        """What is being done (``Stage``), pieces of checked text (``Text``), and last the ``Answer``.

        Closing the iterator stops the language model.

        Raises:
            QuestionError: the question is empty or too long, or a filter names what the index does not have.
        """
        self._check_open()
        return _told(question, self._chain.stream(question, conversation or Conversation(), filters))

    def hits(self, answer: Answer) -> list[Hit]:
        """A hit for each of an answer's figures, in their order, to be shown or exported."""
        self._check_open()
        return self._hits_of(answer.query, answer.figids, answer.hits)

    def _hits_of(self, query: Query | None, figids: Sequence[str], made: Sequence[Hit]) -> list[Hit]:
        """A hit for each of the figures, in their order; those that are ``made`` are not made again."""
        known = {hit.figid: hit for hit in made}
        missing = [figid for figid in figids if figid not in known]
        if query and missing:
            known |= {hit.figid: hit for hit in self._retriever.to_hits(query, missing)}
        return [known[figid] for figid in figids if figid in known]

    def count(self, facet: Facet, figids: Iterable[str] | None = None) -> FacetTable:
        """Figures counted by a facet: those given, in their order, or all that the index has."""
        self._check_open()
        asked = sorted(self._catalog.figids()) if figids is None else list(figids)
        return count_facet(facet, asked, self._catalog)

    def record(self, figid: str) -> FigureRecord | None:
        """One figure's record, or ``None`` where the index does not have it."""
        self._check_open()
        return self._catalog.record(figid)

    def gene_list(
        self, genes: str | Sequence[str], limit: int = 50, *, filters: Filters | None = None
    ) -> GeneListAnswer:
        """The figures that share most genes with a list, by Fisher's exact test; names as typed or pasted.

        Raises:
            QuestionError: there is no name in the list, or more than 2,000, or a filter names what the index lacks.
        """
        self._check_open()
        within = self._catalog.figids_meeting(checked_filters(filters, self._catalog)) if filters else None
        return compare_gene_list(genes, self._catalog, limit=limit, within=within)

    def status(self) -> Status:
        """What the index holds and which models answer."""
        return self._status

    def _check_open(self) -> None:
        if self._closed:
            raise PfocrChatError("This assistant has been closed. Open another with open_assistant().")

    def as_retriever(self, k: int = 10) -> BaseRetriever:
        """A LangChain retriever over this index; documents carry the figure's fields as metadata."""
        return FigureRetriever(assistant=self, k=k)


def _told(question: str, events: Generator[Event, None, None]) -> Generator[Event, None, None]:
    """The events, after which the log is told what became of the question; its words only as an extra field."""
    started, outcome = time.perf_counter(), "question failed"
    try:
        with closing(events):
            for event in events:
                if isinstance(event, Answer):
                    intent = event.query.intent.value if event.query else "question"
                    outcome = f"{intent} {'abstained' if event.abstained else 'answered'}"
                yield event
    except QuestionError:
        outcome = "question refused"
        raise
    except GeneratorExit:
        outcome = outcome if outcome != "question failed" else "question stopped"
        raise
    finally:
        took = round(1000 * (time.perf_counter() - started))
        _questions.info("%s %d ms", outcome, took, extra={"question": question})


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
