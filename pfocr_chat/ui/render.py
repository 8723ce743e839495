"""An answer, and the page around it, as HTML; pure functions.

Whatever comes from a person, a record or a language model is escaped here. A language model's text
may carry emphasis, lists, quotes and code; its links, images and raw HTML lose their effect. What is
meant for a chat message is one line, which the chat's own Markdown reader leaves as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from markdown_it.token import Token

from pfocr_chat.answers import Answer, Citation, NearMiss, Status
from pfocr_chat.citations import KEY
from pfocr_chat.feedback import FeedbackKind
from pfocr_chat.plaintext import markdown_reader, shortened
from pfocr_chat.queries import Intent, counted
from pfocr_chat.ui.html import act, line, link, one_line
from pfocr_chat.ui.parts import Part, parts_of
from pfocr_chat.ui.results import View, linked_numbers, list_name

TAGLINE = "Ask published pathway figures; every statement cites the figure that supports it."
QUESTION_LIMIT = 600

KeyLink = Callable[[int], str | None]


def render_markdown(text: str, key: KeyLink = lambda _: None) -> str:
    """Markdown as HTML in one line, everything in it escaped.

    ``key`` gives the HTML that stands for an evidence key such as ``[1]``, or ``None`` to leave the
    key as text. ``[1, 2]`` becomes two keys.
    """
    return one_line("".join(_render(token, key) for token in _MARKDOWN.parse(text)))


def render_question(question: str, *notes: str) -> str:
    """A person's question as a chat message, with what is to be said of it; a very long one is cut short."""
    question = question.strip()
    if len(question) > QUESTION_LIMIT:
        question = question[:QUESTION_LIMIT].rstrip() + " …"
    lines = "<br>".join(escape(line) for line in question.splitlines())
    also = "".join(f'<p class="pfc-note pfc-beside">{line(note)}</p>' for note in notes)
    return f'<div class="pfc-question">{one_line(lines)}</div>{also}'


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


def render_failure(sentence: str) -> str:
    """One sentence about why a question got no answer, and what to do."""
    return (
        f'<div class="pfc-error" role="alert"><p class="pfc-abstained">This went wrong</p><p>{line(sentence)}</p></div>'
        '<p class="pfc-note">Nothing of the conversation is lost: try again, or ask something else.</p>'
    )


def render_tools(turn: int, verdict: FeedbackKind | None = None, again: str = "") -> str:
    """What can be done with an answer: say what it was worth, and share it.

    ``again`` is what an address carries that asks for it again.
    """
    if verdict:
        said = f'<span class="pfc-note">Thank you: marked as “{verdict.value}”.</span>'
    else:
        says = ((FeedbackKind.USEFUL, "Useful"), (FeedbackKind.WRONG_CITATION, "Wrong citation"))
        kinds = (*says, (FeedbackKind.MISSED_FIGURE, "Missed figure"))
        said = "".join(act("say", f"{turn}-{kind.name.lower()}", label) for kind, label in kinds)
    return f'<p class="pfc-tools">{said}{act("share", again, "Copy link")}</p>'


def render_next(questions: Sequence[str], conditions: str = "", *, is_edited: bool = False) -> str:
    """What can be done after the last answer: ask it again or in other words, or one of ``questions``.

    ``conditions`` are those in words that go on to hold for these.
    """
    if is_edited:
        return (
            '<p class="pfc-note pfc-editing">What you ask now takes the place of this question and its answer. '
            f"{act('keep', '', 'Keep them')}</p>"
        )
    items = "".join(f"<li>{act('further', str(n), question)}</li>" for n, question in enumerate(questions))
    held = f", for figures {line(conditions)}" if conditions else ""
    asks = f'<p class="pfc-label">Go on with{held}</p><ul class="pfc-next">{items}</ul>' if items else ""
    again = act("retry", "", "Ask again") + act("edit", "", "Edit the question")
    save = act("talk", "md", "Save as Markdown") + act("talk", "json", "Save as JSON")
    return f'{asks}<p class="pfc-tools">{again}{save}</p>'


def render_answer(answer: Answer, turn: int) -> str:
    """An answer as a chat message.

    Its keys lead to the cards of ``cards.render_cards`` for the same ``turn``, and its numbers to the
    lists of ``render_results``.
    """
    if answer.abstained:
        return _abstention(answer, turn)
    text = render_markdown(answer.text, _key_links(answer.citations, turn))
    parts = [
        linked_numbers(text, answer, turn, render_markdown),
        _all_figures(answer, turn),
        _grounding(answer),
        *(f'<p class="pfc-note">{line(note)}</p>' for note in answer.notes),
        _understood(answer, turn),
        _usage(answer),
    ]
    return f'<div class="pfc-answer">{"".join(parts)}</div>'


def render_header(status: Status) -> str:
    """The page's title and a line of what is indexed and what answers."""
    answers = "answers quote the figures" if status.llm == "none" else f"answers by {status.llm}"
    figures = counted(status.figures, "figure")
    return _header(f"{figures} · {answers}", status.generation)


def render_broken_header(sentence: str) -> str:
    """The page's title and a sentence on why the index cannot be described."""
    return _header(sentence)


def _header(sentence: str, generation: str = "") -> str:
    return (
        f'<header class="pfc-header" data-generation="{line(generation)}"><h1>PFOCR Chat</h1>'
        f'<p class="pfc-tagline">{TAGLINE}</p>'
        f'<p class="pfc-status">{line(sentence)}</p>'
        '<details class="pfc-history"><summary>History</summary><div class="pfc-history-box">'
        '<p class="pfc-note">Kept in this browser only.</p><ol></ol>'
        '<button type="button" class="pfc-forget">Forget all</button></div></details></header>'
    )


def _abstention(answer: Answer, turn: int) -> str:
    reason = answer.reason if answer.reason and answer.reason not in answer.text else None
    parts = [
        '<p class="pfc-abstained">No answer in the figures</p>',
        render_markdown(answer.text),
        f"<p>{line(reason)}</p>" if reason else "",
        _near_misses(answer.near_misses),
        *(f'<p class="pfc-note">{line(note)}</p>' for note in answer.notes),
        _understood(answer, turn),
        _usage(answer),
    ]
    return f'<div class="pfc-answer pfc-abstention">{"".join(parts)}</div>'


def _near_misses(misses: Sequence[NearMiss]) -> str:
    """The figures that come closest, each with the way to what it shows."""
    if not misses:
        return ""
    items = "".join(
        f"<li>{link(miss.title or miss.figid, miss.url)} "
        f"{act('ask', f'What does {miss.figid} show?', 'What it shows')}</li>"
        for miss in misses
    )
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


def _understood(answer: Answer, turn: int) -> str:
    """What was searched for, each part with the way to ask without it."""
    query = answer.query
    if query is None or query.intent is Intent.CHAT:
        return ""
    parts = parts_of(answer)
    if not parts:
        return f'<p class="pfc-note pfc-understood">I searched for: {line(str(query))}.</p>'
    wanted = {Intent.LISTING: "all figures", Intent.COUNT: "the number of figures"}.get(query.intent, "figures")
    said = [f"I searched for: {wanted}{' on' if parts[0].joint else ''}"]
    said += [_part(part, f"{turn}-{number}", is_first=number == 0) for number, part in enumerate(parts)]
    removable = answer.abstained and any(part.question for part in parts)
    advice = '<p class="pfc-note">A click on one of these parts asks without it.</p>' if removable else ""
    return f'<p class="pfc-note pfc-understood">{" ".join(said)}</p>{advice}'


def _part(part: Part, place: str, *, is_first: bool) -> str:
    """A part as a button that asks without it, where something is left to ask."""
    joint = f"{part.joint} " if part.joint and not is_first else ""
    if part.question is None:
        return f'{joint}<span class="pfc-part">{line(part.label)}</span>'
    return joint + act("without", place, part.label, css="pfc-act pfc-part", title=f"Ask without: {part.label}")


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


_MARKDOWN = markdown_reader()
_VOID = {"softbreak": " ", "hardbreak": "<br>", "hr": "<hr>"}
_TAGS = frozenset(
    ("p", "h3", "ul", "ol", "li", "blockquote", "strong", "em", "table", "thead", "tbody", "tr", "th", "td")
)
