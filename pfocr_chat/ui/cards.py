"""The figures that an answer cites as cards: picture, quote, why it was found, genes, links. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from pfocr_chat.answers import Answer, Citation
from pfocr_chat.plaintext import shortened
from pfocr_chat.queries import Hit, Query
from pfocr_chat.records import FigureRecord, Kind, Tier
from pfocr_chat.ui.html import line, link
from pfocr_chat.ui.marks import marked, names_of
from pfocr_chat.ui.pictures import picture_addresses

QUOTE_LABELS = {
    "paper": "From the caption",
    "summary": "Summary written for this collection, not the paper's words",
}
PANEL_HINT = "The figures that an answer cites appear here. A number such as [1] opens its figure."
NO_PICTURE = "The picture is not available here."
GENES_SHOWN = 24


def render_cards(answer: Answer, turn: int) -> str:
    """The figures that an answer cites, one card each, the first one open."""
    hits = {hit.figid: hit for hit in answer.hits}
    cards = [
        _card(citation, hits.get(citation.figid), answer.query, turn, is_open=position == 0)
        for position, citation in enumerate(answer.citations)
    ]
    if not cards:
        cards = ['<p class="pfc-empty">No figure is cited for this question.</p>']
    heading = f'<p class="pfc-asked">{line(shortened(answer.question, 140))}</p>'
    return heading + "".join(cards)


def render_panel(cards: Mapping[int, str]) -> str:
    """The panel of cited figures: the cards of every turn, those of the last one in sight."""
    heading = '<h2 class="pfc-panel-title">Cited figures</h2>'
    if not cards:
        return f'{heading}<p class="pfc-empty">{PANEL_HINT}</p>'
    last = max(cards)
    sections = [
        f'<section class="pfc-cards" id="cards-{turn}"{"" if turn == last else " hidden"}>{html}</section>'
        for turn, html in sorted(cards.items())
    ]
    return heading + "".join(sections)


def render_picture(record: FigureRecord, *, css: str = "pfc-picture") -> str:
    """The figure's picture, loaded when it comes into sight; where it cannot be had, a sentence stands there.

    The page's script tries the further addresses, and takes a picture away that none of them has.
    """
    first, *others = picture_addresses(record)
    following = f' data-next="{line(others[0])}"' if others else ""
    alt = line(shortened(f"Figure: {record.name}", 160))
    picture = f'<img src="{line(first)}"{following} alt="{alt}" loading="lazy" decoding="async">'
    whole = record.pmc_figure_url or record.page_url
    return (
        f'<a class="{css}" href="{line(whole)}" target="_blank" rel="noopener noreferrer">'
        f'<span class="pfc-no-picture">{NO_PICTURE}</span>{picture}</a>'
    )


def citation_text(record: FigureRecord) -> str:
    """How to cite the figure, in a line: paper, figure number, and where it is."""
    title = record.paper_title.rstrip(".") if record.paper_title else ""
    where = record.reference or ", ".join(str(part) for part in (record.journal, record.year) if part is not None)
    figure = record.number or (record.title and f"Figure “{record.title.rstrip('.')}”") or ""
    address = record.doi_url or record.paper_url or ""
    parts = [f"{part.rstrip('.')}." for part in (title, where, figure) if part]
    return " ".join([*parts, address, f"PFOCR: {record.page_url}"]).replace("  ", " ")


def _card(citation: Citation, hit: Hit | None, query: Query | None, turn: int, *, is_open: bool) -> str:
    anchor = f"{turn}-{citation.key}"
    record = hit.record if hit else None
    label = "From the title" if record and not record.caption else QUOTE_LABELS[citation.quote_source]
    body = [
        render_picture(record) if record else "",
        f'<p class="pfc-label">{escape(label)}</p>',
        f"<blockquote>{marked(citation.quote, names_of(hit, query) if hit else {})}</blockquote>",
        _matches(hit) if hit else "",
        _source(record) if record else "",
        _facts(record) if record else "",
        _genes(record, anchor) if record else "",
        f'<p class="pfc-links">{"".join(link(label, url) for label, url in citation.links)}{_copy(record)}</p>',
        f'<p class="pfc-foot"><code>{line(citation.figid)}</code>'
        f'<a class="pfc-back" href="#ref-{anchor}">Back to [{citation.key}] in the answer</a></p>',
    ]
    return (
        f'<details class="pfc-card" id="fig-{anchor}"{" open" if is_open else ""}>'
        f'<summary><span class="pfc-number">{citation.key}</span>'
        f'<span class="pfc-title">{line(citation.title or citation.figid)}</span></summary>'
        f'<div class="pfc-body">{"".join(body)}</div></details>'
    )


def _source(record: FigureRecord) -> str:
    """The paper that a figure is from."""
    title = f"<cite>{line(record.paper_title)}</cite>" if record.paper_title else ""
    text = " ".join(part for part in (title, line(record.reference or "")) if part)
    return f'<p class="pfc-source">{text}</p>' if text else ""


def _facts(record: FigureRecord) -> str:
    """Year, journal, organisms and figure type."""
    facts = (
        ("Year", str(record.year or "")),
        ("Journal", record.journal or ""),
        ("Organism" if len(record.organisms) == 1 else "Organisms", ", ".join(record.organisms)),
        ("Type", record.figtype if record.figtype and record.figtype != "Figure" else ""),
    )
    items = "".join(f"<div><dt>{name}</dt><dd>{line(value)}</dd></div>" for name, value in facts if value.strip())
    return f'<dl class="pfc-facts">{items}</dl>' if items else ""


def _matches(hit: Hit) -> str:
    """Why the figure was found: what of the question it has, and how strong the evidence for that is."""
    if not hit.matches:
        return ""
    if all(match.tier is None for match in hit.matches):
        words = "; ".join(str(match) for match in hit.matches)
        return f'<p class="pfc-matches">Found by words in common: {line(words)}</p>'
    found = "".join(
        f'<li class="pfc-{line(match.kind) if match.kind in list(Kind) else "word"}">{line(str(match))}</li>'
        for match in hit.matches
    )
    return f'<p class="pfc-label">Found by</p><ul class="pfc-matches">{found}</ul>'


def _genes(record: FigureRecord, anchor: str) -> str:
    """The genes that the figure prints, strongest evidence first, each with what can be done with it."""
    mentions = sorted(record.printed(Kind.GENE).items(), key=lambda item: (item[1].tier, item[0]))
    if not mentions:
        return ""
    chips = [_gene(name, word=m.word if m.tier > Tier.SYMBOL else "", group=anchor) for name, m in mentions]
    more = len(chips) - GENES_SHOWN
    rest = ""
    if more > 0:
        rest = f'<details class="pfc-more"><summary>{more} more</summary>{"".join(chips[GENES_SHOWN:])}</details>'
    return (
        f'<p class="pfc-label">Genes printed ({len(chips)})</p>'
        f'<div class="pfc-genes">{"".join(chips[:GENES_SHOWN])}{rest}</div>'
    )


def _gene(name: str, *, word: str, group: str) -> str:
    printed = f' title="printed as {line(word)}"' if word and word != name else ""
    return (
        f'<details class="pfc-gene" name="genes-{group}"><summary{printed}>{line(name)}</summary>'
        f'<button type="button" class="pfc-act" name="ask-gene" value="{line(name)}">Ask about it</button>'
        f'<button type="button" class="pfc-act" name="filter-gene" value="{line(name)}">Only figures with it'
        "</button></details>"
    )


def _copy(record: FigureRecord | None) -> str:
    if record is None:
        return ""
    return f'<button type="button" class="pfc-copy" value="{line(citation_text(record))}">Copy citation</button>'
