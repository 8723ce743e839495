"""From a question to an answer: understand, retrieve, choose evidence, draft, verify, answer."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from pfocr_chat.answers import (
    Answer,
    Check,
    Citation,
    Conversation,
    Event,
    Evidence,
    Grounding,
    NearMiss,
    Stage,
    Text,
    Turn,
    Verdict,
)
from pfocr_chat.catalog import Catalog
from pfocr_chat.citations import parse_keys, record_atoms
from pfocr_chat.config import MAX_QUESTION
from pfocr_chat.entities import entities_in
from pfocr_chat.errors import LlmError
from pfocr_chat.facets import count_facet, read_facet
from pfocr_chat.genelists import compare_gene_list, listed_in
from pfocr_chat.generator import (
    Llm,
    Statement,
    drafted_singly,
    drafted_together,
    plain_markdown,
    quoted,
)
from pfocr_chat.lexicon import says
from pfocr_chat.lookup import describe_figures, is_about_the_record
from pfocr_chat.prompting import Prompt
from pfocr_chat.queries import Entity, Hit, Intent, Query
from pfocr_chat.query import understand
from pfocr_chat.retriever import Retriever
from pfocr_chat.tables import Facet

HITS = 50
SMALL_EVIDENCE = 3
LARGE_EVIDENCE = 8
MAX_RELATED = 10
"""Figures given as the answer to a question that does not ask for all of them."""
OFF_TOPIC = 0.30
"""Best cosine similarity below which no figure is about the question."""
UNFAMILIAR = 0.45
"""The same, for a question with words that stand in no record."""
CLOSE_ENOUGH = 0.5
"""Best similarity from which figures are worth showing though none has all the entities asked for."""
CLOSE = 0.12
"""How far below the best one a figure's similarity may lie for it to count as an answer too."""

_OTHER_LOGIC = re.compile(r"\b(?:or|not|nor|neither|without|except|excluding)\b", re.IGNORECASE)

HELP = (
    "I answer questions about published pathway figures and cite the figures that support each statement. "
    "Ask me, for example:\n\n"
    "- Which figures link integrins to YAP?\n"
    "- How does TGF-β drive EMT?\n"
    "- Which figures show both TNF and NF-κB?\n"
    "- How many figures show mTOR since 2015?\n"
    "- What does this figure show? (with its figid, such as PMC…__name)"
)


@dataclass(frozen=True, slots=True)
class Chain:
    """The parts that answer a question, over one generation of an index.

    ``llm`` is ``None`` where figures are only quoted; ``small`` says that it is asked about one
    figure at a time.
    """

    catalog: Catalog
    retriever: Retriever
    llm: Llm | None
    small: bool
    llm_name: str
    one_figure: Prompt
    all_evidence: Prompt
    generation: str

    def stream(self, question: str, conversation: Conversation) -> Generator[Event, None, None]:
        """Stages, pieces of checked text, and last the answer.

        Raises:
            QuestionError: the question is empty or too long.
        """
        yield Stage("Reading the question")
        facet, query = self._understood(question, conversation)
        if query.intent is Intent.CHAT:
            # Small talk leaves the subject of the conversation as it is.
            yield replace(self._answer(query, conversation, HELP), conversation=conversation)
        elif genes := listed_in(question, self.catalog):
            yield self._overlaps(query, conversation, genes)
        elif query.missing and not query.figids:
            reason = f"The index has no {_either(query.missing)}."
            yield self._abstain(query, conversation, reason, [])
        elif query.intent is Intent.LOOKUP:
            yield from self._describe(query, query.figids, conversation)
        elif conversation.last and conversation.last.figids and is_about_the_record(query):
            yield from self._describe(query, conversation.last.figids[:1], conversation)
        else:
            yield from self._search(query, conversation, facet)

    def _understood(self, question: str, conversation: Conversation) -> tuple[Facet | None, Query]:
        """What a question counts figures by, if it does, and what else it says."""
        facet, rest = read_facet(question) if len(question) <= MAX_QUESTION else (None, question)
        last = conversation.last
        if facet is None or (last and len(last.figids) == 1):
            # After a turn about one figure, "which genes?" asks for those in it.
            return None, understand(question, self.catalog, conversation)
        query = understand(rest, self.catalog, conversation)
        return facet, replace(query, question=understand(question, self.catalog).question)

    def _overlaps(self, query: Query, conversation: Conversation, genes: str) -> Answer:
        """The figures that share most genes with a list."""
        compared = compare_gene_list(genes, self.catalog, limit=HITS)
        figids = [row.figid for row in compared.result.rows]
        hits = self.retriever.to_hits(query, figids[:LARGE_EVIDENCE])
        return self._answer(query, conversation, compared.text, figids=figids, hits=hits)

    def _search(
        self, query: Query, conversation: Conversation, facet: Facet | None = None
    ) -> Generator[Event, None, None]:
        yield Stage(f"Searching {self.catalog.figures:,} figures")
        complete = self.retriever.complete(query)
        hits = self.retriever.retrieve(query, HITS, complete=complete)
        reason = _why_abstain(query, hits, complete)
        if reason:
            yield self._abstain(query, conversation, reason, hits)
            return
        chosen = _choose(query, hits, complete)
        if facet:
            answer = self._count(query, conversation, chosen, facet, complete=bool(complete))
            yield Text(answer.text)
            yield answer
            return
        shown = self.retriever.to_hits(query, chosen[:LARGE_EVIDENCE])
        count = SMALL_EVIDENCE if self.small or self.llm is None else LARGE_EVIDENCE
        evidence = [Evidence(key, hit) for key, hit in enumerate(shown[:count], start=1)]
        yield Stage(f"Reading {len(evidence)} figure{'s' if len(evidence) != 1 else ''} and checking citations")
        narrowed = bool(complete) and self.retriever.has_other_words(query, complete)
        lead = _lead(query, chosen, len(evidence), complete=bool(complete), narrowed=narrowed)
        if lead:
            yield Text(lead)
        statements, note = yield from self._write(query, evidence)
        if not statements:
            reason = "The figures found do not answer this question."
            yield self._abstain(query, conversation, reason, hits)
            return
        yield self._answer(
            query,
            conversation,
            lead + _join(statements),
            evidence=evidence,
            checks=[s.check for s in statements],
            figids=chosen,
            hits=[*shown, *(hit for hit in hits if hit.figid not in set(chosen[:LARGE_EVIDENCE]))],
            notes=tuple(
                n
                for n in (note, *_notes(query, complete=bool(complete), narrowed=narrowed), *self._undated(query))
                if n
            ),
        )

    def _count(
        self, query: Query, conversation: Conversation, chosen: Sequence[str], facet: Facet, *, complete: bool
    ) -> Answer:
        """The figures that answer, counted by a facet; the names asked about get no row of their own."""
        asked = {name for entity in query.entities for name in entity.names}
        table = count_facet(facet, chosen, self.catalog, leave_out=asked)
        narrowed = complete and self.retriever.has_other_words(query, chosen)
        lead = _lead(query, chosen, len(chosen), complete=complete, narrowed=narrowed).rstrip(":\n")
        them = "it" if len(chosen) == 1 else "them"
        unknown = f". No {facet.label} is known of {them}."
        found = f", by {facet.label}:\n\n{table.to_markdown()}" if table.rows else unknown
        notes = (*_notes(query, complete=complete, narrowed=narrowed), *self._undated(query))
        answer = self._answer(query, conversation, lead + found, figids=chosen, notes=notes)
        return replace(answer, table=table)

    def _write(
        self, query: Query, evidence: Sequence[Evidence]
    ) -> Generator[Event, None, tuple[list[Statement], str | None]]:
        """Stream the checked statements; quotes stand in where the language model fails.

        No statements: it found that no figure answers a question that asks for no list.
        """
        statements: list[Statement] = []
        note = None
        try:
            for statement in self._draft(query, evidence):
                statements.append(statement)
                if statement.text:
                    yield Text(_join([statement]))
        except LlmError as exc:
            note = f"The language model failed, so figures are quoted instead. {exc}"
        if not (statements or note) and query.intent is Intent.RELATION:
            return [], None
        cited = {key for s in statements if s.text for key in s.check.keys}
        if note or not cited:
            for statement in quoted([e for e in evidence if e.key not in cited][:SMALL_EVIDENCE]):
                statements.append(statement)
                yield Text(_join([statement]))
        return statements, note

    def _draft(self, query: Query, evidence: Sequence[Evidence]) -> Iterator[Statement]:
        if self.llm is None:
            return quoted(evidence)
        named = partial(entities_in, catalog=self.catalog)
        if self.small:
            return drafted_singly(self.llm, self.one_figure, query, evidence, named)
        return drafted_together(self.llm, self.all_evidence, query, evidence, named)

    def _describe(
        self, query: Query, figids: Sequence[str], conversation: Conversation
    ) -> Generator[Event, None, None]:
        hits = self.retriever.to_hits(query, figids)
        evidence = [Evidence(key, hit) for key, hit in enumerate(hits[:LARGE_EVIDENCE], start=1)]
        text = describe_figures(evidence, total=len(figids))
        yield Text(text)
        checks = [Check(e.hit.quote, (e.key,), Verdict.QUOTED) for e in evidence]
        notes = (f"The index has no {_either(query.missing)}.",) if query.missing else ()
        yield self._answer(
            query,
            conversation,
            text,
            evidence=evidence,
            checks=checks,
            figids=list(figids),
            hits=hits,
            notes=notes,
        )

    def _answer(
        self,
        query: Query,
        conversation: Conversation,
        text: str,
        *,
        evidence: Sequence[Evidence] = (),
        checks: Sequence[Check] = (),
        figids: Sequence[str] = (),
        hits: Sequence[Hit] = (),
        notes: tuple[str, ...] = (),
    ) -> Answer:
        keys = parse_keys(text)
        return Answer(
            question=query.question,
            text=text.strip(),
            citations=tuple(Citation.of(e, e.hit.quote) for e in evidence if e.key in keys),
            figids=tuple(figids),
            grounding=Grounding(tuple(checks)),
            conversation=conversation.with_turn(_turn(query, figids)),
            query=query,
            hits=tuple(hits),
            llm=self.llm_name,
            generation=self.generation,
            notes=notes,
        )

    def _relaxed(self, query: Query) -> Iterator[str]:
        """What dropping a condition would find, where the conditions leave nothing."""
        for kind, count in self.retriever.relaxations(query):
            yield f"Without the condition on {kind}, {_counted(count)}."

    def _undated(self, query: Query) -> Iterator[str]:
        """That figures were left out because their year is not known."""
        count = self.retriever.without_year(query)
        if count:
            them = "it" if count == 1 else "them"
            yield f"{_counted(count, ' more')} but for the year, which is not known of {them}."

    def _abstain(self, query: Query, conversation: Conversation, reason: str, hits: Sequence[Hit]) -> Answer:
        near = tuple(NearMiss(h.figid, h.record.title, h.record.page_url) for h in hits[:3])
        return Answer(
            question=query.question,
            text=reason,
            abstained=True,
            reason=reason,
            near_misses=near,
            conversation=conversation.with_turn(_turn(query, ())),
            query=query,
            hits=tuple(hits),
            llm=self.llm_name,
            generation=self.generation,
            notes=(*_reading_notes(query), *self._relaxed(query)),
        )


def _turn(query: Query, figids: Sequence[str]) -> Turn:
    intent = Intent.RELATION if query.intent is Intent.LOOKUP else query.intent
    return Turn(query.question, query.text, intent, tuple(figids[:MAX_RELATED]), query.filters)


def _why_abstain(query: Query, hits: Sequence[Hit], complete: Sequence[str]) -> str | None:
    """Why no figure answers, in a sentence; ``None`` where some may."""
    if query.unknown:
        return f"No figure in the index names {_either(query.unknown)}."
    if complete or any(_has_all(query, hit) for hit in hits[:10]):
        return None
    condition = _condition(query)
    if not hits:
        return f"No figure{condition or ' in the index'} matches this question."
    best = max((hit.similarity or 0.0 for hit in hits[:10]), default=0.0)
    if query.intent is Intent.COUNT and query.entities:
        return f"No figure{condition or ' in the index'} shows {_all_of(query, with_words=True)}."
    if query.intent is Intent.LISTING and len(query.groups) > 1 and best < CLOSE_ENOUGH:
        return f"No figure{condition or ' in the index'} shows {_all_of(query)}."
    if best < (UNFAMILIAR if query.unfamiliar else OFF_TOPIC):
        return "No figure in the index is about this question."
    return None


def _condition(query: Query) -> str:
    """The filters in words, to go after "figures"."""
    words = plain_markdown(str(query.filters))
    return f" {words}{',' if ', ' in words else ''}" if words else ""


def _has_all(query: Query, hit: Hit) -> bool:
    """Whether a record has every subject of the question, word for word; a bare name has little similarity."""
    words = " ".join(record_atoms(hit.record))
    return bool(query.subjects) and all(says(f" {words} ", subject) for subject in query.subjects)


def _choose(query: Query, hits: Sequence[Hit], complete: Sequence[str]) -> list[str]:
    """The figures that answer, best first: all that show the entities asked for, or those near the best hit."""
    if complete:
        members = set(complete)
        return list(dict.fromkeys([hit.figid for hit in hits if hit.figid in members] + list(complete)))
    best = max((hit.similarity or 0.0 for hit in hits), default=0.0)
    named = [hit for hit in hits if _has_all(query, hit)]
    close = [hit.figid for hit in named or hits if (hit.similarity or 0.0) >= best - CLOSE]
    first = [hits[0].figid] if hits else []
    listing = query.intent in (Intent.LISTING, Intent.COUNT)
    return list(dict.fromkeys(first + close))[: HITS if listing else MAX_RELATED]


def _lead(query: Query, chosen: Sequence[str], shown: int, *, complete: bool, narrowed: bool) -> str:
    """The counted part of an answer to a listing or counting question."""
    if query.intent not in (Intent.LISTING, Intent.COUNT):
        return ""
    one = len(chosen) == 1
    counted = "**1 figure**" if one else f"**{len(chosen):,} figures**"
    condition = _condition(query)
    if complete and query.entities:
        lead = f"{counted}{condition} {'shows' if one else 'show'} {_all_of(query, with_words=narrowed)}"
    elif complete and (query.excluded or query.excluded_words) and not query.other_words:
        lead = f"{counted}{condition} {'does' if one else 'do'} not show {_listed(_refused(query), 'or')}"
    elif complete:
        lead = " ".join([f"{counted}{condition} {'matches' if one else 'match'}", *filter(None, [_all_of(query)])])
    else:
        missing = f"shows {_all_of(query)}" if len(query.groups) > 1 else "has all of these words"
        lead = f"No figure{condition} {missing}; {counted} {'is' if one else 'are'} close in meaning"
    return f"{lead}{f'; the first {shown}' if len(chosen) > shown else ''}:\n\n"


def _reading_notes(query: Query) -> Iterator[str]:
    """What was not taken as it was typed."""
    yield from (f"“{typed}” was read as “{read}”." for typed, read in query.corrections)
    yield from (f"“{words}” could not be used as a condition." for words in query.ignored)


def _notes(query: Query, *, complete: bool, narrowed: bool) -> Iterator[str]:
    """How a list was chosen, where the question could be taken to ask for another one."""
    yield from _reading_notes(query)
    if complete and query.entities and query.other_words and not narrowed:
        yield (
            f"The list holds every figure that shows {_all_of(query)};"
            f" {_listed(query.other_words, 'and')} only ranked it."
        )
    logic = len(query.groups) < len(query.entities) or query.excluded or query.excluded_words
    if complete and not logic and query.other_words and _OTHER_LOGIC.search(query.question):
        yield "All words were taken together: alternatives and exclusions (“or”, “not”) work between names."


def _counted(count: int, more: str = "") -> str:
    return f"{count:,}{more} figure{'s' if count != 1 else ''} {'match' if count != 1 else 'matches'}"


def _all_of(query: Query, *, with_words: bool = False) -> str:
    """The names asked for, in words: "both A and B", "A and one of B and C, without D"."""
    labels = [_one_of(group) for group in query.groups]
    names = ("both " if len(labels) == 2 and all(len(g) == 1 for g in query.groups) else "") + _listed(labels, "and")
    words = [f"“{plain_markdown(word)}”" for word in query.other_words] if with_words else []
    without = _listed(_refused(query), "or")
    parts = [names] + ([f"with {_listed(words, 'and')}"] if words else []) + ([f"without {without}"] if without else [])
    return " ".join(part for part in parts if part)


def _refused(query: Query) -> list[str]:
    """What the question excludes, in words."""
    names = [plain_markdown(entity.mention) for entity in query.excluded]
    return names + [f"“{plain_markdown(word)}”" for word in query.excluded_words]


def _one_of(group: Sequence[Entity]) -> str:
    return _listed([plain_markdown(entity.mention) for entity in group], "or")


def _join(statements: Sequence[Statement]) -> str:
    return "".join(f"- {statement.text}\n" for statement in statements if statement.text)


def _either(names: Sequence[str]) -> str:
    return plain_markdown(_listed(names, "or"))


def _listed(names: Sequence[str], word: str) -> str:
    return f"{', '.join(names[:-1])} {word} {names[-1]}" if len(names) > 1 else "".join(names)
