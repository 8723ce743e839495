"""Front matter and JSON that anybody may have written, read within bounds.

PyYAML's C loader ends the process on deep nesting, merge keys and aliases make gigabytes of a page of text, and
Python's JSON reader raises ``RecursionError``, which is no ``ValueError``. What is refused here is refused before
anything is built of it.
"""

from __future__ import annotations

import json
from typing import Any

import frontmatter
import yaml
from frontmatter.default_handlers import YAMLHandler

MAX_DEPTH = 32
"""Levels of lists and mappings in front matter."""
MAX_NODES = 100_000
"""Keys, values and items in front matter; the longest record known has some thousand."""

_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def parse_front_matter(text: str) -> tuple[dict[str, Any], str]:
    """The fields between the ``---`` lines, every scalar as a string, and the text below them.

    The fields are empty where there are none. Strings only, since YAML would otherwise read the gene symbols ``NO``
    and ``ON`` as booleans; tags make no objects.

    Raises:
        ValueError: it is no YAML, or has aliases, a top-level field twice, or too much in it; with the reason.
    """
    try:
        fields, body = frontmatter.parse(text, handler=_GuardedHandler())
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise ValueError(f"front matter is not valid YAML{where}") from exc
    return (fields if isinstance(fields, dict) else {}), body


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text, in which every text can be written to a file.

    Raises:
        ValueError: it is no JSON, is nested too deeply, or has half of a character ("\\ud800").
    """
    try:
        text = text.decode("utf-8-sig") if isinstance(text, bytes) else text  # json would let halves pass
        value = json.loads(text)
        if "\\" in text:  # else there is none: only an escape can be half of a character
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as exc:
        raise ValueError("JSON nested too deeply") from exc
    except UnicodeEncodeError as exc:
        raise ValueError("JSON with half of a character in it") from exc
    return value


class _GuardedHandler(YAMLHandler):
    """Front matter as strings, lists and mappings, after a scan for what could exhaust the reader."""

    def load(self, fm: str, **_: object) -> Any:
        _scan(fm)
        return yaml.load(fm, Loader=_Loader)  # noqa: S506 - the base loaders build strings only  # nosec B506


def _scan(text: str) -> None:
    """Refuse aliases, deep nesting, repeated top-level keys, and more nodes than any record has.

    Raises:
        ValueError: with the reason.
    """
    depth = nodes = 0
    seen: set[str] = set()
    at_key = True
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            raise ValueError("YAML aliases are not accepted")
        if isinstance(event, yaml.NodeEvent):
            nodes += 1
            if nodes > MAX_NODES:
                raise ValueError(f"front matter of more than {MAX_NODES:,} values")
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif depth == 1 and isinstance(event, yaml.NodeEvent):
            if at_key and isinstance(event, yaml.ScalarEvent):
                if event.value in seen:
                    raise ValueError(f"the field {event.value[:80]!r} stands twice")
                seen.add(event.value)
            at_key = not at_key
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise ValueError(f"nested more than {MAX_DEPTH} levels deep")
