"""Prompt files: a system text and the variables in the front matter, the user text below it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from string import Formatter

from pfocr_chat.errors import PromptError
from pfocr_chat.resources import data_folder
from pfocr_chat.untrusted import parse_front_matter

MAX_CHARACTERS = 100_000
LONGEST_SHOWN = 300
"""Characters of what a file says that are told of it."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt: ``system`` as it stands, ``user`` with ``{variable}`` places."""

    name: str
    system: str
    user: str
    variables: frozenset[str]

    def render(self, **values: str) -> tuple[str, str]:
        """The system and user texts; braces in values stay as they are.

        Raises:
            PromptError: the values are not exactly the prompt's variables.
        """
        if set(values) != self.variables:
            raise PromptError(f"The prompt {self.name} takes {sorted(self.variables)}, not {sorted(values)}.")
        return self.system, self.user.format(**values)


def load_prompt(name: str, variables: frozenset[str], *, folder: Path | None = None) -> Prompt:
    """The prompt in ``<name>.md``, checked to use exactly ``variables``.

    Raises:
        PromptError: the file is missing or malformed, or declares or uses other variables.
    """
    path = (folder or data_folder("prompts")) / f"{name}.md"
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MAX_CHARACTERS + 1)
        if len(text) > MAX_CHARACTERS:
            raise ValueError(f"it has more than {MAX_CHARACTERS:,} characters")
        fields, body = parse_front_matter(text)
        places = [place for place in Formatter().parse(body) if place[1] is not None]
    except FileNotFoundError as exc:
        raise PromptError(f"The prompt file {path} is missing.") from exc
    except (OSError, ValueError) as exc:
        raise PromptError(f"The prompt file {path} cannot be read: {exc}") from exc
    declared = fields.get("variables")
    if not isinstance(fields.get("system"), str) or not isinstance(declared, list):
        raise PromptError(f"The prompt file {path} needs `system` and `variables` in its front matter.")
    if any(form or conversion for _, _, form, conversion in places):
        raise PromptError(f"The prompt file {path} has a place that is more than a name: write {{name}} alone.")
    for what, found in (("declares", set(map(str, declared))), ("uses", {str(place[1]) for place in places})):
        if found != variables:
            others = str(sorted(found))
            others = others if len(others) < LONGEST_SHOWN else f"{others[:LONGEST_SHOWN]}…"
            raise PromptError(f"The prompt file {path} {what} the variables {others}, not {sorted(variables)}.")
    return Prompt(name, str(fields["system"]).strip(), body.strip(), variables)
