"""Prompt files: a system text and the variables in the front matter, the user text below it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from string import Formatter

import frontmatter
import yaml

from pfocr_chat.errors import PromptError
from pfocr_chat.resources import data_folder


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
        fields, body = frontmatter.parse(path.read_text(encoding="utf-8"))
        used = {field for _, field, _, _ in Formatter().parse(body) if field is not None}
    except FileNotFoundError as exc:
        raise PromptError(f"The prompt file {path} is missing.") from exc
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValueError) as exc:
        raise PromptError(f"The prompt file {path} cannot be read: {exc}") from exc
    declared = fields.get("variables")
    if not isinstance(fields.get("system"), str) or not isinstance(declared, list):
        raise PromptError(f"The prompt file {path} needs `system` and `variables` in its front matter.")
    for what, found in (("declares", set(map(str, declared))), ("uses", used)):
        if found != variables:
            raise PromptError(f"The prompt file {path} {what} the variables {sorted(found)}, not {sorted(variables)}.")
    return Prompt(name, str(fields["system"]).strip(), body.strip(), variables)
