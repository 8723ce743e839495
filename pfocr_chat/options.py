"""Options that the shell command's parts share, and what may be given for them."""

from __future__ import annotations

import argparse
import re

from pfocr_chat.queries import Filters


def add_filters(parser: argparse.ArgumentParser) -> None:
    """Options for conditions beside a question."""
    group = parser.add_argument_group("conditions", "beside those in the question; all but --year may be given again")
    group.add_argument("--year", type=_years, metavar="Y", help="2015, 2015-2020, 2015- (since) or -2015 (until)")
    for name, what in _CONDITIONS.items():
        group.add_argument(f"--{name}", action="append", default=[], metavar="NAME", help=what)


_CONDITIONS = {
    "organism": "in any of these organisms",
    "journal": "published in any of these journals",
    "pmcid": "from any of these papers",
    "figtype": "of any of these figure types",
    "gene": "printing each of these genes",
    "any-gene": "printing any of these genes",
    "no-gene": "printing none of these genes",
    "chemical": "printing each of these chemicals",
    "any-chemical": "printing any of these chemicals",
}


def add_serving(parser: argparse.ArgumentParser) -> None:
    """Options of a server that others reach."""
    parser.add_argument(
        "--auth",
        metavar="WHO",
        help="ask for a user and a password: @FILE with lines USER:PASSWORD, or USER:PASSWORD itself, which others on"
        " this machine may see; rather put it into the environment as PFOCR_CHAT_AUTH",
    )
    parser.add_argument(
        "--requests-per-minute",
        type=_number,
        default=120,
        metavar="N",
        help="how many questions, clicks and calls a client may make (120; 0 for any number)",
    )
    parser.add_argument("--root-path", type=_root_path, default="", metavar="PATH", help="where a proxy shows the page")
    parser.add_argument(
        "--proxy",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="a proxy in front, whose X-Forwarded-For, -Host and -Proto are believed; may be given again",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        type=_host,
        default=[],
        metavar="NAME",
        help="a name of this server that people reach it by, such as chat.example.org; may be given again (addresses,"
        " localhost, and where others reach it the machine's name)",
    )
    parser.add_argument("--log-questions", action="store_true", help="put what was asked into the access log")


def filters_of(options: argparse.Namespace) -> Filters | None:
    """The conditions given, or ``None`` where there are none."""
    low, high = options.year or (None, None)
    names = {name: tuple(getattr(options, name.replace("-", "_"))) for name in _CONDITIONS}
    filters = Filters(
        low,
        high,
        organisms=names["organism"],
        journals=names["journal"],
        pmcids=names["pmcid"],
        figtypes=names["figtype"],
        genes_all=names["gene"],
        genes_any=names["any-gene"],
        genes_none=names["no-gene"],
        chemicals_all=names["chemical"],
        chemicals_any=names["any-chemical"],
    )
    return filters or None


def _years(text: str) -> tuple[int | None, int | None]:
    match = re.fullmatch(r"(\d{1,9})?(-)?(\d{1,9})?", text.strip())
    if not match or not (match[1] or match[3]):
        raise argparse.ArgumentTypeError(f"{text!r} is not a year or a range of years such as 2015-2020")
    low = int(match[1]) if match[1] else None
    high = int(match[3]) if match[3] else None
    return (low, high) if match[2] else (low, low)


def add_reranker(parser: argparse.ArgumentParser) -> None:
    """The option for a cross-encoder."""
    parser.add_argument(
        "--reranker",
        metavar="NAME_OR_PATH",
        help="a cross-encoder, in a folder or at Hugging Face, that puts the best figures in a new order (off)",
    )


def add_chroma(parser: argparse.ArgumentParser) -> None:
    """The option for a Chroma server."""
    parser.add_argument(
        "--chroma-url",
        metavar="URL",
        help="a Chroma server with the vectors, such as http://localhost:8000 (they lie in the folder of the index)",
    )


def positive(text: str) -> int:
    """A number above 0."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return int(text)


def _number(text: str) -> int:
    if not text.isdecimal() or not text.isascii():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number")
    return int(text)


def _root_path(text: str) -> str:
    if not re.fullmatch(r"(?:/[\w.~-]+)*/?", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not a path such as /pfocr")
    return text.rstrip("/")


def _host(text: str) -> str:
    if not re.fullmatch(r"[\w-]+(?:\.[\w-]+)*\.?", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is not a host's name such as chat.example.org")
    return text


def port(text: str) -> int:
    """A port from 1 to 65,535."""
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port")
    return int(text)
