"""What a visitor is told first: what is indexed, what answers and how that is changed. Pure functions."""

from __future__ import annotations

from html import escape

from pfocr_chat.answers import Status
from pfocr_chat.queries import counted
from pfocr_chat.ui.html import line
from pfocr_chat.ui.overview import Overview


def render_welcome(status: Status, overview: Overview) -> str:
    """What stands beside the chat before the first question."""
    years = f"{overview.years[0]} to {overview.years[1]}" if overview.years else ""
    facts = (
        ("Figures", f"{status.figures:,} from {counted(overview.papers, 'paper')}"),
        ("Published", years),
        ("Genes printed", f"{overview.genes:,}"),
        ("Organisms", f"{len(overview.organisms):,}"),
        ("Indexed", _day(status.built)),
        ("Found with", f"{status.embedder}, and by names and words"),
        ("Answers by", "quotes of the figures; no language model" if status.llm == "none" else status.llm),
    )
    items = "".join(f"<div><dt>{name}</dt><dd>{line(value)}</dd></div>" for name, value in facts if value)
    return (
        '<section><h2 class="pfc-panel-title">What you can ask</h2>'
        "<p>Questions about genes, chemicals, diseases and how they act on each other; for one figure, for all that "
        "show something, for counts, or for those that share a list of genes. Every statement of an answer cites a "
        "figure, whose picture and caption then stand here, and is checked against it; where no figure answers, "
        "you are told so.</p>"
        f'<h2 class="pfc-panel-title">What is indexed</h2><dl class="pfc-about">{items}</dl>'
        f"{_how_to_change(status)}</section>"
    )


def _how_to_change(status: Status) -> str:
    """How whoever runs the server gets another language model, or none."""
    choices = (
        ("none", "quotes only"),
        ("bundled", "the small one that comes with it"),
        ("ollama:llama3.1", "one of your own machine"),
        ("openai:gpt-5", "a provider's, with its key"),
        ("gguf:FILE", "a file"),
    )
    shown = "".join(
        f"<li><code>pfocr-chat chat --llm {escape(how)}</code> {escape(what)}</li>" for how, what in choices
    )
    return (
        '<details class="pfc-change"><summary>How to change what answers</summary>'
        "<p>Whoever runs this page chooses it when it starts:</p>"
        f"<ul>{shown}</ul>"
        f"<p>The index is generation {line(status.generation)}; <code>pfocr-chat index FOLDER</code> brings it up to "
        "date.</p></details>"
    )


def _day(built: str) -> str:
    """The day of an ISO time."""
    return built.partition("T")[0]
