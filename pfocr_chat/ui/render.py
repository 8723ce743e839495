"""An answer, and the page around it, as HTML; pure functions.

Whatever comes from a person, a record or a language model is escaped here. A language model's text
may carry emphasis, lists, quotes and code; its links, images and raw HTML lose their effect. What is
meant for a chat message is one line, which the chat's own Markdown reader leaves as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape

from markdown_it import MarkdownIt
from markdown_it.token import Token

from pfocr_chat.answers import Answer, Citation, NearMiss, Status
from pfocr_chat.citations import KEY
from pfocr_chat.queries import Hit, Intent
from pfocr_chat.records import FigureRecord
from pfocr_chat.ui.html import counted, line, link, one_line, shortened
from pfocr_chat.ui.results import View, linked_numbers, list_name

QUOTE_LABELS = {
    "paper": "From the caption",
    "summary": "Summary written for this collection, not the paper's words",
}
TAGLINE = "Ask published pathway figures; every statement cites the figure that supports it."
PANEL_HINT = "The figures that an answer cites appear here. A number such as [1] opens its figure."
QUESTION_LIMIT = 600

KeyLink = Callable[[int], str | None]


def render_markdown(text: str, key: KeyLink = lambda _: None) -> str:
    """Markdown as HTML in one line, everything in it escaped.

    ``key`` gives the HTML that stands for an evidence key such as ``[1]``, or ``None`` to leave the
    key as text. ``[1, 2]`` becomes two keys.
    """
    return one_line("".join(_render(token, key) for token in _MARKDOWN.parse(text)))


def render_question(question: str) -> str:
    """A person's question as a chat message; a very long one is cut short."""
    question = question.strip()
    if len(question) > QUESTION_LIMIT:
        question = question[:QUESTION_LIMIT].rstrip() + " …"
    lines = "<br>".join(escape(line) for line in question.splitlines())
    return f'<div class="pfc-question">{one_line(lines)}</div>'


def render_progress(text: str, stage: str) -> str:
    """An answer under way: the verified text so far and what is being done now."""
    doing = f'<p class="pfc-stage">{line(stage.rstrip(" .…"))}…</p>' if stage else ""
    return f'<div class="pfc-answer">{render_markdown(text, _key_mark)}{doing}</div>'


def render_stopped(text: str) -> str:
    """What was written of an answer when a person stopped it."""
    return f'<div class="pfc-answer">{render_markdown(text, _key_mark)}<p class="pfc-note">Stopped.</p></div>'


def render_error(sentence: str) -> str:
    """One sentence about what went wrong, as a chat message."""
    return f'<div class="pfc-error" role="alert"><p>{line(sentence)}</p></div>'


def render_answer(answer: Answer, turn: int) -> str:
    """An answer as a chat message.

    Its keys lead to the cards of ``render_cards`` for the same ``turn``, and its numbers to the
    lists of ``render_results``.
    """
    if answer.abstained:
        return _abstention(answer)
    text = render_markdown(answer.text, _key_links(answer.citations, turn))
    parts = [
        linked_numbers(text, answer, turn, render_markdown),
        _all_figures(answer, turn),
        _grounding(answer),
        *(f'<p class="pfc-note">{line(note)}</p>' for note in answer.notes),
        _understood(answer),
        _usage(answer),
    ]
    return f'<div class="pfc-answer">{"".join(parts)}</div>'


def render_cards(answer: Answer, turn: int) -> str:
    """The figures that an answer cites, one card each, the first one open."""
    hits = {hit.figid: hit for hit in answer.hits}
    cards = [
        _card(citation, hits.get(citation.figid), turn, is_open=position == 0)
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


def render_header(status: Status) -> str:
    """The page's title and a line of what is indexed and what answers."""
    answers = "answers quote the figures" if status.llm == "none" else f"answers by {status.llm}"
    figures = counted(status.figures, "figure")
    return _header(f"{figures} · {answers}")


def render_broken_header(sentence: str) -> str:
    """The page's title and a sentence on why the index cannot be described."""
    return _header(sentence)


def _header(sentence: str) -> str:
    return (
        '<header class="pfc-header"><h1>PFOCR Chat</h1>'
        f'<p class="pfc-tagline">{TAGLINE}</p>'
        f'<p class="pfc-status">{line(sentence)}</p></header>'
    )


def _abstention(answer: Answer) -> str:
    reason = answer.reason if answer.reason and answer.reason not in answer.text else None
    parts = [
        '<p class="pfc-abstained">No answer in the figures</p>',
        render_markdown(answer.text),
        f"<p>{line(reason)}</p>" if reason else "",
        _near_misses(answer.near_misses),
        *(f'<p class="pfc-note">{line(note)}</p>' for note in answer.notes),
        _understood(answer),
        _usage(answer),
    ]
    return f'<div class="pfc-answer pfc-abstention">{"".join(parts)}</div>'


def _near_misses(misses: Sequence[NearMiss]) -> str:
    if not misses:
        return ""
    items = "".join(f"<li>{link(miss.title or miss.figid, miss.url)}</li>" for miss in misses)
    return f'<p class="pfc-label">Nearest figures</p><ul class="pfc-list">{items}</ul>'


def _key_mark(key: int) -> str:
    """A key whose card does not exist yet."""
    return f'<span class="pfc-key">[{key}]</span>'


def _key_links(citations: Sequence[Citation], turn: int) -> KeyLink:
    """The link to a card for each key; only a key's first link has the id that the card leads back to."""
    titles = {citation.key: citation.title or citation.figid for citation in citations}
    seen: set[int] = set()

    def key_link(key: int) -> str | None:
        if key not in titles:
            return None
        anchor = "" if key in seen else f' id="ref-{turn}-{key}"'
        seen.add(key)
        tip = line(shortened(titles[key], 120))
        return f'<a class="pfc-key"{anchor} href="#fig-{turn}-{key}" title="{tip}">[{key}]</a>'

    return key_link


def _understood(answer: Answer) -> str:
    """What was made of the question."""
    if answer.query is None or answer.query.intent is Intent.CHAT:
        return ""
    return f'<p class="pfc-note pfc-understood">Understood as: {line(str(answer.query))}.</p>'


def _usage(answer: Answer) -> str:
    """The tokens that the answer took, where a provider may charge for them."""
    return f'<p class="pfc-note">Tokens: {answer.usage}.</p>' if answer.usage and answer.usage.billed else ""


def _all_figures(answer: Answer, turn: int) -> str:
    """The way to the list of every figure that answers, where there are more than the cited ones."""
    if not set(answer.figids) - {citation.figid for citation in answer.citations}:
        return ""
    address = View(turn).address
    return f'<p class="pfc-all"><a class="pfc-count" href="#{address}">{list_name(answer)}: list and downloads</a></p>'


def _grounding(answer: Answer) -> str:
    """The verdict on the answer, with the reasons of what failed the check."""
    if not answer.grounding.checks:
        return ""
    verdict = f"Grounding: {line(str(answer.grounding))}"
    reasons = dict.fromkeys(check.reason for check in answer.grounding.checks if check.reason)
    if not reasons:
        return f'<p class="pfc-grounding">{verdict}</p>'
    items = "".join(f"<li>{line(reason)}</li>" for reason in reasons)
    return f'<details class="pfc-grounding"><summary>{verdict}</summary><ul>{items}</ul></details>'


def _card(citation: Citation, hit: Hit | None, turn: int, *, is_open: bool) -> str:
    anchor = f"{turn}-{citation.key}"
    about = _source(hit.record) + _matches(hit) if hit else ""
    links = "".join(link(label, url) for label, url in citation.links)
    label = "From the title" if hit and not hit.record.caption else QUOTE_LABELS[citation.quote_source]
    return (
        f'<details class="pfc-card" id="fig-{anchor}"{" open" if is_open else ""}>'
        f'<summary><span class="pfc-number">{citation.key}</span>'
        f'<span class="pfc-title">{line(citation.title or citation.figid)}</span></summary>'
        f'<div class="pfc-body"><p class="pfc-label">{escape(label)}</p>'
        f"<blockquote>{line(citation.quote)}</blockquote>{about}"
        f'<p class="pfc-links">{links}</p>'
        f'<p class="pfc-foot"><code>{line(citation.figid)}</code>'
        f'<a class="pfc-back" href="#ref-{anchor}">Back to [{citation.key}] in the answer</a></p>'
        "</div></details>"
    )


def _source(record: FigureRecord) -> str:
    """The paper that a figure is from."""
    where = record.reference or ", ".join(str(part) for part in (record.journal, record.year) if part is not None)
    title = f"<cite>{line(record.paper_title)}</cite>" if record.paper_title else ""
    text = " ".join(part for part in (title, line(where)) if part)
    return f'<p class="pfc-source">{text}</p>' if text else ""


def _matches(hit: Hit) -> str:
    """Why the figure was found: what of the question it has, and how strong the evidence for that is."""
    if not hit.matches:
        return ""
    return f'<p class="pfc-matches">Found by: {line("; ".join(str(match) for match in hit.matches))}</p>'


def _render(token: Token, key: KeyLink) -> str:
    """One token of Markdown; what is not known here shows as text."""
    if token.type == "inline":
        return "".join(_render(child, key) for child in token.children or ())
    if token.type == "text":
        return _with_keys(token.content, key)
    if token.type == "code_inline":
        return f"<code>{escape(token.content)}</code>"
    if token.type == "fence":
        return f"<pre><code>{escape(token.content)}</code></pre>"
    if token.type in _VOID:
        return _VOID[token.type]
    if token.hidden or token.type in ("link_open", "link_close"):
        return ""
    tag = "h3" if token.type.startswith("heading_") else token.tag
    if token.nesting == 0 or tag not in _TAGS:
        return escape(token.content)
    if token.nesting < 0:
        return f"</{tag}>"
    start = token.attrGet("start")
    return f"<{tag}>" if start is None else f'<{tag} start="{int(start)}">'


def _with_keys(text: str, key: KeyLink) -> str:
    """A run of text with what stands for its evidence keys."""
    done, parts = 0, []
    for match in KEY.finditer(text):
        links = [key(int(number)) for number in match.group(1).split(",")]
        parts.append(escape(text[done : match.start()]))
        parts.append(escape(match.group()) if None in links else "".join(filter(None, links)))
        done = match.end()
    return "".join(parts) + escape(text[done:])


def _markdown_reader() -> MarkdownIt:
    """CommonMark and tables, without what hides text or reads raw HTML."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    reader.disable(["html_block", "html_inline", "autolink", "reference", "code"])
    reader.disable("text_join")  # else an escaped bracket could no longer be told from a key's
    return reader


_MARKDOWN = _markdown_reader()
_VOID = {"softbreak": " ", "hardbreak": "<br>", "hr": "<hr>"}
_TAGS = frozenset(
    ("p", "h3", "ul", "ol", "li", "blockquote", "strong", "em", "table", "thead", "tbody", "tr", "th", "td")
)
