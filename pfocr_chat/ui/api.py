"""What programs and agents can ask of the server: Gradio's named endpoints, and the same as tools of an MCP server.

The docstrings of the endpoints are what programs and agents read of them; each parameter has one line there.
"""

# No `from __future__ import annotations`: Gradio makes the schemas of the endpoints' annotations as they stand.

import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, replace
from inspect import signature
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import unquote, urlsplit

import gradio as gr
from gradio.events import api as offer
from gradio.mcp import GradioMCPServer
from mcp.types import CallToolRequest, ImageContent, ListToolsRequest, PingRequest, TextContent
from starlette.types import Receive, Scope, Send

from pfocr_chat.answers import Answer
from pfocr_chat.chain import NOTHING_NAMED
from pfocr_chat.errors import PfocrChatError, QuestionError
from pfocr_chat.exports import Format, render
from pfocr_chat.queries import Filters, Intent
from pfocr_chat.records import Kind
from pfocr_chat.tables import Facet
from pfocr_chat.traces import asked_from
from pfocr_chat.ui.calls import REFUSED
from pfocr_chat.ui.session import APOLOGY

if TYPE_CHECKING:
    from pfocr_chat.assistant import Assistant

MCP_PATH = "/gradio_api/mcp"
QUEUED: dict[str, Any] = {"concurrency_limit": 20, "concurrency_id": "api"}
"""For Gradio's clients, which wait in its queue whatever an endpoint says; beside the page's answers."""
MOST = 500
"""Figures that one call returns at most."""

_Choice = TypeVar("_Choice", Format, Facet)
_logger = logging.getLogger(__name__)


class ApiError(gr.Error):
    """A sentence for whoever called; no traceback goes into the log for it."""

    def __init__(self, sentence: str, title: str = "Error") -> None:
        super().__init__(sentence, title=title, print_exception=False)

    def __str__(self) -> str:
        return str(self.message)


def add_api(page: gr.Blocks, assistant: "Assistant") -> None:
    """Offer the endpoints beside a page; they do not stand in its queue, so that it stays for people."""
    endpoints = _Endpoints(assistant)
    with page:
        for name in PARAMETERS:
            offer(getattr(endpoints, name), api_name=name, queue=False, **QUEUED)


class _Endpoints:
    """The endpoints over one assistant.

    Values come from outside, of any type, whatever the annotations say; ``None`` stands for the default.
    """

    def __init__(self, assistant: "Assistant") -> None:
        self._assistant = assistant

    def ask(
        self,
        question: str,
        organism: str = "",
        year_from: int | None = None,
        year_to: int | None = None,
        genes: list[str] = [],  # noqa: B006 - Gradio shows it as the default; nothing changes it
        limit: int = 20,
    ) -> dict[str, Any]:
        """
        Answer a question about published pathway figures in a few sentences, each with the figure that supports it.
        Every citation is checked against the figure's record; where no figure answers, "abstained" is true, with the
        reason and the nearest figures. Good for relations ("How does TGF-beta drive EMT?") and for one figure
        ("What does PMC11989024__ijms-26-03143-g003 show?"). Each question stands alone.

        Args:
            question: The question in plain English, with genes, substances, diseases or topics by any common name.
            organism: Only figures in this organism, such as "Mus musculus" or "mouse"; empty for all.
            year_from: Only figures published in this year or later.
            year_to: Only figures published in this year or earlier.
            genes: Only figures that print each of these genes (symbols or other names).
            limit: How many figids and rows to list at most, 1 to 500; "figures" and "values" have their full numbers.

        Returns:
            JSON with "text" (Markdown with keys such as [1])
            "citations" (key, figid, title, url, quote, links)
            "figids" with their number "figures"
            "abstained", "reason" and "near_misses"
            "table" where figures are counted by a field: "rows" and their number "values"
            "grounding" (the verdict on each sentence), "understood" and "notes"
        """
        with _told():
            most = _limit(limit, 20)
            filters = _filters(organism, year_from, year_to, genes)
            return _short(self._assistant.ask(_text(question, "question"), filters=filters), most)

    def find_figures(
        self,
        question: str,
        organism: str = "",
        year_from: int | None = None,
        year_to: int | None = None,
        genes: list[str] = [],  # noqa: B006 - as above
        limit: int = 10,
        format: Literal["json", "csv", "bibtex", "ris", "gmt"] = "json",
    ) -> dict[str, Any]:
        """
        Find the published pathway figures for a topic, genes or a question, best first, without writing an answer.
        A question for a list ("all figures with TNF and IL6", "which figures show ferroptosis?") finds every figure
        that shows what it names: "complete" is true, and "total" counts them all though only "limit" are returned. For
        any other, or where no figure shows all of it, "complete" is false: these are the nearest figures, at most 50,
        and need not be about it. Where there is nothing to find (names that no figure has, another subject),
        "figures" is empty and "reason" says why.

        Args:
            question: What to find: a question for a list, a topic, or names of genes, substances and diseases.
            organism: Only figures in this organism, such as "Mus musculus" or "mouse"; empty for all.
            year_from: Only figures published in this year or later.
            year_to: Only figures published in this year or earlier.
            genes: Only figures that print each of these genes (symbols or other names).
            limit: How many figures to return at most, 1 to 500.
            format: json for records with scores and the reason of each match; else a file's text for other programs.

        Returns:
            JSON with "total", "complete" and "figures" (figid, score, matches, quote, and record with title and links)
            "text" in place of "figures" where another format is asked for
            "reason" (null where there are figures) and "near_misses"
            "understood" (how the question was read), "unknown" (names that no record has), "notes" and "generation"
        """
        with _told():
            most, form = _limit(limit, 10), _choice(format, Format.JSON, "format")
            filters = _filters(organism, year_from, year_to, genes)
            answer = self._assistant.figures(_text(question, "question"), filters=filters)
            complete = _is_complete(answer)
            figids = answer.figids if complete or not answer.figids else _nearest(answer)
            hits = self._assistant.hits(replace(answer, figids=figids[:most]))
            found = {
                "question": question,
                "total": len(figids) if complete else len(hits),
                "complete": complete,
                "reason": answer.reason or (None if answer.figids else NOTHING_NAMED),
                "near_misses": [asdict(near) for near in answer.near_misses],
                "understood": str(answer.query) if answer.query else None,
                "unknown": [*answer.query.unknown, *answer.query.missing] if answer.query else [],
                "notes": list(answer.notes),
                "generation": answer.generation,
            }
            if form is Format.JSON:
                return found | {"figures": [hit.to_dict() for hit in hits]}
            return found | {"format": form.value, "text": render(hits, form, question=question)}

    def figure(self, figid: str) -> dict[str, Any]:
        """
        Everything that is known of one published pathway figure: title, caption, paper, year, organisms, links, and
        the genes, chemicals and diseases read off it, each with the word as printed and how strong the evidence is.

        Args:
            figid: The figure's identifier, such as "PMC11989024__ijms-26-03143-g003", or its page's address.

        Returns:
            JSON with the figure's record and its "mentions"
        """
        with _told():
            wanted = _figid(_text(figid, "figid").strip())
            record = self._assistant.record(wanted)
            if record is None:
                raise QuestionError(f"The index has no figure “{_cut(wanted)}”. Find some with find_figures first.")
            mentions = [
                {"kind": m.kind.value, "name": m.name, "word": m.word, "evidence": m.tier.label, "id": m.identifier}
                for kind in Kind
                for m in record.mentions_of(kind)
            ]
            return record.to_dict() | {"mentions": mentions}

    def gene_list(
        self,
        genes: list[str],
        organism: str = "",
        year_from: int | None = None,
        year_to: int | None = None,
        limit: int = 20,
    ) -> dict[str, Any]:
        """
        Rank published pathway figures by the genes that they share with a list, such as the hits of an experiment.
        The overlap is tested with Fisher's exact test against all genes of the index, corrected for many tests.

        Args:
            genes: Gene symbols or other gene names, up to 2,000.
            organism: Only figures in this organism, such as "Mus musculus" or "mouse"; empty for all.
            year_from: Only figures published in this year or later.
            year_to: Only figures published in this year or earlier.
            limit: How many figures to return at most, 1 to 500.

        Returns:
            JSON with "list" (what each name was read as, unknown ones apart)
            "result" (rows with figid, shared genes, p and q values) and "text" (the same in Markdown)
        """
        with _told():
            most = _limit(limit, 20)
            names = genes if isinstance(genes, str) else _texts(genes, "genes")
            compared = self._assistant.gene_list(names, most, filters=_filters(organism, year_from, year_to, []))
            return compared.to_dict() | {"text": compared.text}

    def count(
        self,
        question: str,
        by: Literal["year", "journal", "organism", "gene", "chemical", "disease", "paper", "figtype"] = "year",
        organism: str = "",
        year_from: int | None = None,
        year_to: int | None = None,
        genes: list[str] = [],  # noqa: B006 - as above
        limit: int = 50,
    ) -> dict[str, Any]:
        """
        Count the published pathway figures that show what is named, by year, gene or another field. The numbers come
        from the database, never from a language model.

        Args:
            question: What the figures show, such as "TNF and IL6" or "autophagy".
            by: What to count them by; genes and the like are those printed in the figures.
            organism: Only figures in this organism, such as "Mus musculus" or "mouse"; empty for all.
            year_from: Only figures published in this year or later.
            year_to: Only figures published in this year or earlier.
            genes: Only figures that print each of these genes (symbols or other names).
            limit: How many rows to return at most, 1 to 500; those with most figures come first, but years in order.

        Returns:
            JSON with "total", "rows" (label and number of figures) and their full number "values"
            "without" (figures for which it is unknown)
            "understood", "text", "abstained" and "reason"
        """
        with _told():
            most, facet = _limit(limit, 50), _choice(by, Facet.YEAR, "by")
            filters = _filters(organism, year_from, year_to, genes)
            topic = _text(question, "question").strip().rstrip("?.! ")
            answer = self._assistant.ask(f"How many figures by {facet.label} on {topic}?", filters=filters)
            rows = answer.table.rows[:most] if answer.table else ()
            return {
                "question": question,
                "by": facet.value,
                "total": answer.table.total if answer.table else 0,
                "rows": [{"label": row.label, "figures": row.figures} for row in rows],
                "values": len(answer.table.rows) if answer.table else 0,
                "without": answer.table.without if answer.table else 0,
                "abstained": answer.abstained,
                "reason": answer.reason,
                "understood": str(answer.query) if answer.query else None,
                "text": _counted(answer, most),
                "notes": list(answer.notes),
                "generation": answer.generation,
            }


PARAMETERS = {
    endpoint.__name__: tuple(signature(endpoint).parameters)[1:]
    for endpoint in (
        _Endpoints.ask,
        _Endpoints.find_figures,
        _Endpoints.figure,
        _Endpoints.gene_list,
        _Endpoints.count,
    )
}
"""The endpoints, each with the names of its parameters in order."""


class McpServer(GradioMCPServer):
    """Gradio's MCP server over a page's named endpoints, at one address (streamable HTTP), answering in JSON.

    Gradio's own would answer with Python's idea of a dict.
    """

    def create_mcp_server(self) -> Any:
        """Gradio's, of which only the tools are left: to read prompts and resources it asks the address that the
        request names, with this machine's log-in at Hugging Face."""
        server = super().create_mcp_server()
        tools = {ListToolsRequest, CallToolRequest, PingRequest}
        server.request_handlers = {kind: each for kind, each in server.request_handlers.items() if kind in tools}
        return server

    def _get_or_create_client(self) -> Any:
        raise ValueError("The tools are called within the server.")

    @property
    def handle(self) -> Callable[[Scope, Receive, Send], Any]:
        """The ASGI application, to be mounted at ``MCP_PATH``."""
        return self.handle_streamable_http

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Sessions of clients, for as long as the server runs."""
        async with self.manager.run():
            yield

    def postprocess_output_data(
        self,
        data: Any,
        root_url: str,  # noqa: ARG002 - Gradio's interface
    ) -> list[TextContent | ImageContent]:
        """What an endpoint returned, as JSON text."""
        return [TextContent(type="text", text=json.dumps(value, ensure_ascii=False)) for value in data]


@contextmanager
def _told() -> Iterator[None]:
    """Turns what goes wrong into a sentence for whoever called; what they did not cause is logged in full."""
    try:
        with asked_from("api"):
            yield
    except QuestionError as error:
        raise ApiError(str(error), REFUSED) from error
    except PfocrChatError as error:
        raise ApiError(str(error)) from error
    except Exception as error:
        _logger.exception("a call could not be answered")
        raise ApiError(APOLOGY) from error


def _short(answer: Answer, most: int) -> dict[str, Any]:
    """The answer with no more figures and rows than wanted, wherever it names them, and their full numbers."""
    told = answer.to_dict()
    told["figures"] = len(answer.figids)
    told["figids"] = told["figids"][:most]
    kept = set(told["figids"])
    told["listing"]["tiers"] = {f: tier for f, tier in told["listing"]["tiers"].items() if f in kept}
    told["listing"]["weaker"] = told["listing"]["weaker"][:most]
    if table := told["table"]:
        table["values"] = len(table["rows"])
        table["rows"] = [row | {"figids": row["figids"][:most]} for row in table["rows"][:most]]
    del told["conversation"]  # each question stands alone
    return told


def _counted(answer: Answer, most: int) -> str:
    """The text of a count with no more rows in its table than wanted."""
    if answer.table is None or not answer.table.rows:
        return answer.text
    lead = answer.text.partition("\n\n|")[0]
    return f"{lead}\n\n{answer.table.to_markdown(most, all_years=False)}".strip()


def _is_complete(answer: Answer) -> bool:
    """Whether its figures are all that there are, not only the nearest."""
    named = bool(answer.query and answer.query.intent is Intent.LOOKUP)
    return not answer.abstained and (bool(answer.listing) or (named and bool(answer.figids)))


def _nearest(answer: Answer) -> tuple[str, ...]:
    """The figures of an answer, and then others that were looked at, best first."""
    return tuple(dict.fromkeys((*answer.figids, *(hit.figid for hit in answer.hits))))


def _filters(organism: Any, year_from: Any, year_to: Any, genes: Any) -> Filters | None:
    name = _text(organism, "organism", may_be_empty=True).strip()
    filters = Filters(
        _year(year_from, "year_from"),
        _year(year_to, "year_to"),
        organisms=(name,) if name else (),
        genes_all=tuple(_texts(genes, "genes")),
    )
    return filters or None


def _text(value: Any, name: str, *, may_be_empty: bool = False) -> str:
    if value is None and may_be_empty:
        return ""
    if not isinstance(value, str):
        raise QuestionError(f"“{name}” must be a text.")
    if not value.strip() and not may_be_empty:
        raise QuestionError(f"“{name}” is empty.")
    return value


def _texts(value: Any, name: str) -> Sequence[str]:
    values = [value] if isinstance(value, str) else value if value is not None else []
    if not isinstance(values, list | tuple) or not all(isinstance(v, str) for v in values):
        raise QuestionError(f"“{name}” must be a list of texts.")
    return [v.strip() for v in values if v.strip()]


def _year(value: Any, name: str) -> int | None:
    if value is not None and type(value) is not int:
        raise QuestionError(f"“{name}” must be a year such as 2015, or left out.")
    return value


def _limit(value: Any, default: int) -> int:
    if value is None:
        return default
    if type(value) is not int or not 1 <= value <= MOST:
        raise QuestionError(f"“limit” must be a whole number from 1 to {MOST}.")
    return value


def _choice(value: Any, default: _Choice, name: str) -> _Choice:
    choices = type(default)
    try:
        return default if value is None else choices(value)
    except ValueError as error:
        raise QuestionError(f"“{name}” must be one of {', '.join(choices)}.") from error


def _figid(text: str) -> str:
    """The figid in the address of a figure's page; any other text as it is."""
    try:
        name = unquote(urlsplit(text).path.rpartition("/")[2]) if "/" in text else text
    except ValueError:  # an address that is none
        return text
    return name[: -len(".html")] if name.lower().endswith(".html") else name


def _cut(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"
