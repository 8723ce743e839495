"""From a question to an answer: understand, retrieve, choose evidence, draft, verify, answer."""

from __future__ import annotations

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
    Usage,
    Verdict,
    Why,
)
from pfocr_chat.catalog import Catalog
from pfocr_chat.citations import best_excerpt, parse_keys, record_atoms
from pfocr_chat.conditions import checked_filters
from pfocr_chat.config import MAX_QUESTION
from pfocr_chat.entities import entities_in
from pfocr_chat.errors import LlmError, LlmFailure, QuestionError
from pfocr_chat.facets import Breakdown, count_facet, read_breakdown
from pfocr_chat.genelists import compare_gene_list, listed_in, looks_like_gene_list
from pfocr_chat.generator import (
    Statement,
    drafted_singly,
    drafted_together,
    quoted,
)
from pfocr_chat.lexicon import says
from pfocr_chat.llm import Llm
from pfocr_chat.lookup import describe_figures, is_about_the_record
from pfocr_chat.meter import Meter
from pfocr_chat.phrasing import (
    all_of,
    condition_of,
    either,
    facet_text,
    figures_of,
    list_lead,
    list_notes,
    partly_note,
    reading_notes,
    similar_lead,
    weaker_note,
)
from pfocr_chat.prompting import Prompt
from pfocr_chat.queries import Filters, Hit, Intent, Listing, Query, joined
from pfocr_chat.query import asks_for_advice, asks_of_all, checked_question, names_nothing, understand
from pfocr_chat.realms import set_apart
from pfocr_chat.references import counts_out, in_focus
from pfocr_chat.retriever import Retriever
from pfocr_chat.traces import Course, Step
from pfocr_chat.verification import verify

HITS = 50
SMALL_EVIDENCE = 3
LARGE_EVIDENCE = 8
REMEMBERED = 1_000
"""Figures of an answer that a follow-up can count out."""
MAX_RELATED = 10
"""Figures given as the answer to a question that does not ask for all of them."""
OFF_TOPIC = 0.30
"""Best cosine similarity below which no figure is about the question."""
UNFAMILIAR = 0.45
"""The same, for a question with words that stand in no record."""
UNKNOWN_SHARE = 0.2
"""Share of a question's subjects from which names that stand in no record leave nothing to answer."""
REALM_HITS = 20
"""Figures among which one has to bring together the realms of life that a question names."""
CLOSE_ENOUGH = 0.5
"""Best similarity from which figures are worth showing though none has all the entities asked for."""
CLOSE = 0.12
"""How far below the best one a figure's similarity may lie for it to count as an answer too."""

HELP = (
    "I answer questions about published pathway figures and cite the figures that support each statement. "
    "Ask me, for example:\n\n"
    "- Which figures link integrins to YAP?\n"
    "- How does TGF-β drive EMT?\n"
    "- Which figures show both TNF and NF-κB?\n"
    "- How many figures show mTOR since 2015?\n"
    "- What does this figure show? (with its figid, such as PMC…__name)"
)

NOTHING_NAMED = "This names nothing that figures could be searched for. Name a gene, a substance, a disease or a topic."
NO_ADVICE = (
    "Pathway figures do not answer this: they show how genes and substances act, and give no doses, prices or advice."
)
WHICH_FIGURE = "It is not clear which figure is meant. Name it by its figid, or ask after an answer that shows it."


@dataclass(frozen=True, slots=True)
class _Written:
    """What was written of the evidence: checked statements, a note where that went wrong, and the tokens it took."""

    statements: Sequence[Statement]
    note: str | None = None
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """The parts that answer a question, over one generation of an index.

    ``llm`` is ``None`` where figures are only quoted; ``small`` says that it is asked about one
    figure at a time. ``still_coming`` is said with answers found in an index that is being built.
    """

    catalog: Catalog
    retriever: Retriever
    llm: Llm | None
    small: bool
    llm_name: str
    one_figure: Prompt
    all_evidence: Prompt
    generation: str
    still_coming: str | None = None

    def stream(
        self,
        question: str,
        conversation: Conversation,
        filters: Filters | None = None,
        *,
        course: Course | None = None,
    ) -> Generator[Event, None, None]:
        """Stages, pieces of checked text, and last the answer; ``course`` is told of what is done.

        Raises:
            QuestionError: the question is empty or too long, or a condition of ``filters`` is of no use.
        """
        course = course or Course()
        course.enter(Step.UNDERSTAND)
        yield Stage("Reading the question")
        counted, query = self._understood(question, conversation, filters)
        course.enter(Step.RETRIEVE)
        last = conversation.last
        if query.intent is Intent.CHAT:
            # Small talk leaves the subject of the conversation as it is.
            yield replace(self._answer(query, conversation, HELP), conversation=conversation)
        elif genes := listed_in(question, self.catalog):
            yield self._overlaps(query, conversation, genes)
        elif query.missing and not query.figids:
            reason = f"The index has no {either(query.missing)}."
            yield self._abstain(query, conversation, Why.NO_SUCH_FIGURE, reason, [])
        elif query.intent in (Intent.LOOKUP, Intent.SIMILAR):
            yield from self._refer(query, conversation)
        elif last and counted is None and query.refers_back and (counts_out(question) or is_about_the_record(query)):
            yield from self._look_back(query, conversation, last)
        elif query.intent is Intent.RELATION and asks_for_advice(question):
            yield self._abstain(query, conversation, Why.ADVICE, NO_ADVICE, [])
        elif counted is None and names_nothing(query):
            nothing = self._abstain(query, conversation, Why.NOTHING_NAMED, NOTHING_NAMED, [])
            yield replace(nothing, conversation=conversation)
        else:
            yield from self._search(query, conversation, course, counted)

    def _refer(self, query: Query, conversation: Conversation) -> Generator[Event, None, None]:
        """Figures that the question names, or means of those before: what they show, or what is like them."""
        if not query.figids:
            unclear = self._abstain(query, conversation, Why.WHICH_FIGURE, WHICH_FIGURE, [])
            yield replace(unclear, conversation=conversation)
        elif query.intent is Intent.SIMILAR:
            yield from self._similar(query, conversation)
        else:
            figids = self.retriever.meeting(query)
            if figids:
                yield from self._describe(query, figids, conversation)
            else:
                reason = f"The figures asked for do not meet the conditions: {query.filters}."
                yield self._abstain(query, conversation, Why.CONDITIONS, reason, [])

    def _look_back(self, query: Query, conversation: Conversation, last: Turn) -> Generator[Event, None, None]:
        """What a follow-up asks of one figure of the last answer; the subject of the conversation stays."""
        figids = in_focus(query.question, last)
        if not figids:
            reason = f"The last answer has only {figures_of(len(last.figids))}." if last.figids else WHICH_FIGURE
            unclear = self._abstain(query, conversation, Why.WHICH_FIGURE, reason, [])
            yield replace(unclear, conversation=conversation)
            return
        query = replace(query, intent=Intent.LOOKUP, figids=figids, filters=Filters(), stated=Filters())
        turn = replace(last, question=query.question, focus=figids[0])
        for event in self._describe(query, figids, conversation):
            if isinstance(event, Answer):
                event = replace(event, conversation=conversation.with_turn(turn))
            yield event

    def _understood(
        self, question: str, conversation: Conversation, filters: Filters | None
    ) -> tuple[Breakdown | None, Query]:
        """What a question counts figures by, if it does, and what else it says."""
        checked = checked_filters(filters, self.catalog) if filters else None
        if len(question) > MAX_QUESTION and looks_like_gene_list(question):
            raise QuestionError(
                "This gene list is too long for a question. Give it as a file to `pfocr-chat genes`, or to gene_list()."
            )
        counted = read_breakdown(question) if len(question) <= MAX_QUESTION else None
        last = conversation.last
        before = Conversation() if asks_of_all(question) else conversation
        query = understand(counted.rest, self.catalog, before, filters=checked) if counted else None
        about_one = query and query.refers_back and last and (last.focus or len(last.figids) == 1)
        if counted is None or query is None or about_one:
            # After a turn about one figure, "which genes?" asks for those in it.
            return None, understand(question, self.catalog, conversation, filters=checked)
        return counted, replace(query, question=checked_question(question))

    def _overlaps(self, query: Query, conversation: Conversation, genes: str) -> Answer:
        """The figures that share most genes with a list."""
        within = self.catalog.figids_meeting(query.filters) if query.filters else None
        compared = compare_gene_list(genes, self.catalog, limit=REMEMBERED, within=within)
        if not compared.found:
            return self._abstain(query, conversation, Why.UNKNOWN_NAME, compared.text.strip(), [])
        figids = [row.figid for row in compared.result.rows]
        hits = self.retriever.to_hits(query, figids[:LARGE_EVIDENCE])
        return self._answer(query, conversation, compared.text, figids=figids, hits=hits)

    def _similar(self, query: Query, conversation: Conversation) -> Generator[Event, None, None]:
        """The figures most like one that is named or in focus."""
        one = self.retriever.to_hits(query, query.figids[:1])[0]
        hits = self.retriever.similar(one.figid, MAX_RELATED, query.filters)
        if not hits:
            reason = f"No figure{condition_of(query)} is like {one.figid}."
            yield self._abstain(query, conversation, Why.NOT_SHOWN, reason, [])
            return
        evidence = [Evidence(key, hit) for key, hit in enumerate(hits[:LARGE_EVIDENCE], start=1)]
        text = similar_lead(one, evidence)
        yield Text(text)
        figids = [hit.figid for hit in hits]
        checks = [Check(e.hit.quote, (e.key,), Verdict.QUOTED) for e in evidence]
        answer = self._answer(query, conversation, text, evidence=evidence, checks=checks, figids=figids, hits=hits)
        if last := conversation.last:
            # What the conversation is about stays; the words of this question only point at a figure.
            turn = replace(last, question=query.question, figids=tuple(figids), focus=None)
            answer = replace(answer, conversation=conversation.with_turn(turn))
        yield answer

    def _search(
        self, query: Query, conversation: Conversation, course: Course, counted: Breakdown | None = None
    ) -> Generator[Event, None, None]:
        yield Stage(f"Searching {self.catalog.figures:,} figures")
        listing = self.retriever.complete(query)
        hits = self.retriever.retrieve(query, HITS, complete=listing)
        course.enter(Step.CHOOSE)
        if missing := _why_abstain(query, hits, listing):
            yield self._abstain(query, conversation, *missing, hits, listing=listing)
            return
        chosen = _choose(query, hits, listing)
        if counted:
            answer = self._count(query, conversation, chosen, counted, listing)
            yield Text(answer.text)
            yield answer
            return
        shown = self.retriever.to_hits(query, chosen[:LARGE_EVIDENCE])
        if query.intent is Intent.RELATION and (self.small or self.llm is None):
            best = best_excerpt(shown[0].record, query.terms, query.entities)
            shown = [replace(shown[0], quote=best), *shown[1:]]
        count = SMALL_EVIDENCE if self.small or self.llm is None else LARGE_EVIDENCE
        evidence = [Evidence(key, hit) for key, hit in enumerate(shown[:count], start=1)]
        course.evidence = len(evidence)
        course.enter(Step.CHECK)
        yield Stage(f"Reading {figures_of(len(evidence))} and checking citations")
        narrowed = self.retriever.has_other_words(query, listing)
        lead = list_lead(query, chosen, len(evidence), listing, narrowed=narrowed)
        if lead:
            yield Text(lead)
        written = yield from self._write(query, evidence, course)
        if not written.statements:
            reason = "The figures found do not answer this question."
            unanswered = self._abstain(query, conversation, Why.NOT_ANSWERED, reason, hits)
            yield replace(unanswered, usage=written.usage)
            return
        failed = [written.note] if written.note else []
        answer = self._answer(
            query,
            conversation,
            lead + _join(written.statements),
            evidence=evidence,
            checks=[s.check for s in written.statements],
            figids=chosen,
            hits=[*shown, *(hit for hit in hits if hit.figid not in set(chosen[:LARGE_EVIDENCE]))],
            notes=(*failed, *list_notes(query, listing, narrowed=narrowed), *self._undated(query)),
            listing=listing,
        )
        yield replace(answer, usage=written.usage)

    def _count(
        self, query: Query, conversation: Conversation, chosen: Sequence[str], counted: Breakdown, listing: Listing
    ) -> Answer:
        """The figures that answer, counted by a facet; the names asked about get no row of their own."""
        asked = {name for entity in query.entities for name in entity.names}
        table = count_facet(counted.facet, chosen, self.catalog, leave_out=asked)
        narrowed = self.retriever.has_other_words(query, listing)
        lead = list_lead(query, chosen, len(chosen), listing, narrowed=narrowed).rstrip(":\n")
        text = facet_text(lead, table, limit=counted.limit, number=counted.asks_number, others=bool(asked))
        notes = (*list_notes(query, listing, narrowed=narrowed), *self._undated(query))
        answer = self._answer(query, conversation, text, figids=chosen, notes=notes, listing=listing)
        return replace(answer, table=table)

    def _write(self, query: Query, evidence: Sequence[Evidence], course: Course) -> Generator[Event, None, _Written]:
        """Stream the checked statements; quotes stand in where the language model fails.

        No statements: it found that no figure answers a question that asks for no list.
        """
        llm = Meter(self.llm, course) if self.llm else None
        statements: list[Statement] = []
        failure = note = None
        try:
            for statement in self._draft(llm, query, evidence):
                statements.append(statement)
                if statement.text:
                    yield Text(_join([statement]))
        except LlmError as exc:
            failure, course.llm_failure = exc, exc.failure.value
        if not (statements or failure) and query.intent is Intent.RELATION:
            return _Written([], usage=llm.usage if llm else None)
        cited = {key for s in statements if s.text for key in s.check.keys}
        left = [e for e in evidence if e.key not in cited][:SMALL_EVIDENCE] if failure or not cited else []
        for statement in quoted(left):
            statements.append(statement)
            yield Text(_join([statement]))
        if failure:
            how = "is busy" if failure.failure is LlmFailure.BUSY else "failed"
            note = (
                f"The language model {how}{', so figures are quoted instead' if left else ' in the middle'}. {failure}"
            )
        return _Written(statements, note, llm.usage if llm else None)

    def _draft(self, llm: Meter | None, query: Query, evidence: Sequence[Evidence]) -> Iterator[Statement]:
        if llm is None:
            return quoted(evidence)
        named = partial(entities_in, catalog=self.catalog)
        verified = partial(verify, named=named, similarity=self.retriever.likeness)
        if self.small:
            return drafted_singly(llm, self.one_figure, query, evidence, named, verified)
        return drafted_together(llm, self.all_evidence, query, evidence, named, verified)

    def _describe(
        self, query: Query, figids: Sequence[str], conversation: Conversation
    ) -> Generator[Event, None, None]:
        hits = self.retriever.to_hits(query, figids)
        evidence = [Evidence(key, hit) for key, hit in enumerate(hits[:LARGE_EVIDENCE], start=1)]
        text = describe_figures(evidence, query.question, total=len(figids))
        yield Text(text)
        checks = [Check(e.hit.quote, (e.key,), Verdict.QUOTED) for e in evidence]
        notes = (f"The index has no {either(query.missing)}.",) if query.missing else ()
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
        listing: Listing | None = None,
    ) -> Answer:
        keys = parse_keys(text)
        if self.still_coming and query.intent not in (Intent.CHAT, Intent.LOOKUP):
            notes = (*notes, self.still_coming)
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
            listing=Listing() if listing is None else listing,
        )

    def _relaxed(self, query: Query) -> Iterator[str]:
        """What dropping a condition would find, where the conditions leave nothing."""
        for kind, count in self.retriever.relaxations(query):
            yield f"Without the condition on {kind}, {figures_of(count)} {'matches' if count == 1 else 'match'}."

    def _undated(self, query: Query) -> Iterator[str]:
        """That figures were left out because their year is not known."""
        count = self.retriever.without_year(query)
        if count:
            them = "it" if count == 1 else "them"
            matches = "matches" if count == 1 else "match"
            yield f"{figures_of(count, ' more')} {matches} but for the year, which is not known of {them}."

    def _abstain(
        self,
        query: Query,
        conversation: Conversation,
        why: Why,
        reason: str,
        hits: Sequence[Hit],
        *,
        listing: Listing | None = None,
    ) -> Answer:
        listing = Listing() if listing is None else listing
        partly = partly_note(self.retriever.partly(query)) if not listing else ()
        told = (*reading_notes(query), *weaker_note(listing), *partly, *self._relaxed(query), *self._undated(query))
        notes = tuple(note for note in told if note != reason)
        near = tuple(NearMiss(h.figid, h.record.title, h.record.page_url) for h in hits[:3])
        answer = self._answer(query, conversation, reason, hits=hits, notes=notes, listing=listing)
        return replace(answer, abstained=True, reason=reason, why=why, near_misses=near)


def _turn(query: Query, figids: Sequence[str]) -> Turn:
    intent = query.intent if query.intent.is_list else Intent.RELATION
    return Turn(query.question, query.text, intent, tuple(figids[:REMEMBERED]), query.stated)


def _why_abstain(query: Query, hits: Sequence[Hit], listing: Listing) -> tuple[Why, str] | None:
    """Why no figure answers, and in a sentence; ``None`` where some may."""
    if query.unknown and len(query.unknown) >= UNKNOWN_SHARE * len(query.subjects):
        return Why.UNKNOWN_NAME, f"No figure in the index names {either(query.unknown)}."
    if listing and not query.other_words:
        return None
    inside = condition_of(query) or " in the index"
    asked = all_of(query, with_words=True)
    if not listing and query.intent is Intent.COUNT and asked:
        return Why.NOT_SHOWN, f"No figure{inside} shows {asked}."
    if any(_has_all(query, hit) for hit in hits[:10]):
        return None
    if apart := set_apart(query.question, (_said(hit) for hit in hits[:REALM_HITS])):
        pairs = [f"“{word}” ({realm})" for word, realm in apart]
        return Why.NOT_LINKED, f"No figure{inside} links {joined(pairs, 'and')}."
    if listing:
        return None
    best = max((hit.similarity or 0.0 for hit in hits[:10]), default=0.0)
    is_near = bool(hits) and best >= (UNFAMILIAR if query.unfamiliar else OFF_TOPIC)
    if query.intent is Intent.LISTING and query.groups and (query.filters or len(query.groups) > 1):
        return None if is_near and best >= CLOSE_ENOUGH else (Why.NOT_SHOWN, f"No figure{inside} shows {asked}.")
    if is_near:
        return None
    if query.intent.is_list and asked and query.filters:
        return Why.NOT_SHOWN, f"No figure{inside} shows {asked}."
    return Why.OFF_TOPIC, f"No figure{inside} {'is about' if hits else 'matches'} this question."


def _said(hit: Hit) -> str:
    """What a record says in sentences and keywords."""
    record = hit.record
    return " ".join(part for part in (record.title, record.caption, record.paper_title, *record.keywords) if part)


def _has_all(query: Query, hit: Hit) -> bool:
    """Whether a record has every subject of the question, word for word; a bare name has little similarity."""
    words = " ".join(record_atoms(hit.record))
    return bool(query.subjects) and all(says(f" {words} ", subject) for subject in query.subjects)


def _choose(query: Query, hits: Sequence[Hit], listing: Listing) -> list[str]:
    """The figures that answer, best first: all that show the entities asked for, or those near the best hit."""
    if listing:
        return listing.ranked(hit.figid for hit in hits)
    best = max((hit.similarity or 0.0 for hit in hits), default=0.0)
    named = [hit for hit in hits if _has_all(query, hit)]
    close = [hit.figid for hit in named or hits if (hit.similarity or 0.0) >= best - CLOSE]
    first = [hits[0].figid] if hits else []
    return list(dict.fromkeys(first + close))[: HITS if query.intent.is_list else MAX_RELATED]


def _join(statements: Sequence[Statement]) -> str:
    return "".join(f"- {statement.text}\n" for statement in statements if statement.text)
