"""Text from people, records and language models as pieces of HTML; every function here escapes it."""

from __future__ import annotations

from html import escape

_SAFE_SCHEMES = ("https://", "http://")


def line(text: str) -> str:
    """Text escaped, as one line."""
    return escape(" ".join(text.split()))


def one_line(html: str) -> str:
    """HTML without line ends: a blank line would hand the rest to the chat's Markdown reader."""
    return "&#10;".join(html.rstrip().splitlines())


def link(label: str, url: str) -> str:
    """A link that opens in a new tab; an address that is not of the web stays text."""
    if not url.startswith(_SAFE_SCHEMES):
        return line(label)
    return f'<a href="{line(url)}" target="_blank" rel="noopener noreferrer">{line(label)}</a>'


def act(name: str, value: str, label: str = "", *, css: str = "pfc-act", title: str = "") -> str:
    """A button that the page's script hands to the server, as what is to be done and with what.

    Chat messages keep these attributes of a button, and no others.
    """
    tip = f' title="{line(title)}"' if title else ""
    return (
        f'<button type="button" class="{css}" name="{name}" value="{line(value)}"{tip}>{line(label or value)}</button>'
    )
