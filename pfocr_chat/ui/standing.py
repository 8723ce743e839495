"""Which conditions hold for the questions to come, while the controls may show those of the last question. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

from pfocr_chat.answers import Answer
from pfocr_chat.queries import Filters
from pfocr_chat.ui.html import act, line


def shown(filters: Filters) -> Filters:
    """Those of the conditions that there are controls for."""
    f = filters
    return Filters(f.year_from, f.year_to, f.organisms, genes_all=f.genes_all, genes_any=f.genes_any)


@dataclass(frozen=True, slots=True)
class Standing:
    """``held`` are the conditions of every question; ``mirrored`` those that the last question alone had, or ``None``.

    Where there are mirrored ones, the controls show them; once a visitor changes them there, what the controls then
    stand for is held.
    """

    held: Filters = field(default_factory=Filters)
    mirrored: Filters | None = None

    @property
    def in_controls(self) -> Filters:
        """What the controls show."""
        return self.held if self.mirrored is None else self.mirrored

    def read(self, in_controls: Filters) -> Standing:
        """This one, where the controls show what it put there; else what they show is held."""
        return self if in_controls == self.in_controls else Standing(in_controls)

    def after(self, answer: Answer, asked: Filters | None) -> Standing:
        """After an answer to a question that was ``asked`` with these conditions beside those in its words."""
        own = shown(answer.query.filters) if answer.query else self.held
        is_own = bool(answer.query and answer.query.stated) or (asked or Filters()) != self.held
        return Standing(self.held, own if is_own and own and own != self.held else None)

    def without(self, before: Filters, after: Filters) -> Standing:
        """Without the conditions of ``before`` that ``after`` does not have: a visitor has taken them away."""
        kept: dict[str, Any] = {}
        for name in (f.name for f in fields(Filters)):
            held, was, now = getattr(self.held, name), getattr(before, name), getattr(after, name)
            if isinstance(held, tuple):
                gone = {value.casefold() for value in was} - {value.casefold() for value in now}
                kept[name] = tuple(value for value in held if value.casefold() not in gone)
            elif held == was and now is None:
                kept[name] = None
        return Standing(replace(self.held, **kept))

    @property
    def label(self) -> str:
        """What the frame of the controls is called."""
        number = len(self.in_controls.to_dict())
        if not number:
            return "Filters"
        return f"Filters ({number} {'set' if self.mirrored is None else 'in the last question'})"


def render_standing(standing: Standing, problem: str = "") -> str:
    """Which conditions the next question has, in a line with the way to change that; "" where there are none."""
    if problem:
        return f'<p class="pfc-standing" role="alert">{line(problem)}</p>'
    if standing.mirrored:
        held = f" It asks for figures {standing.held}." if standing.held else ""
        said = f"The last question only: figures {standing.mirrored}. The next one is asked without that.{held}"
        return f'<p class="pfc-standing">{line(said)} {act("hold", "", "Keep for the next")}</p>'
    if standing.held:
        drop = act("drop", "", "Drop")
        return f'<p class="pfc-standing">{line(f"Every question: only figures {standing.held}.")} {drop}</p>'
    return ""
