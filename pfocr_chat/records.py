"""The nouns of the corpus: what is known of a figure, and the passages made of it.

All values are frozen and hold plain Python types; nothing here imports a third-party library.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from enum import IntEnum, StrEnum
from typing import Any, Literal

FIGURE_PAGE = "https://pfocr.wikipathways.org/figures/{figid}.html"
PMC_ROOT = "https://www.ncbi.nlm.nih.gov"
FIGID_PATTERN = re.compile(r"PMC[0-9]{1,12}__[A-Za-z0-9][A-Za-z0-9._+\-]{0,199}")
"""Short enough for the name of a file, and without what leads to another folder."""


class Kind(StrEnum):
    """What an entity is."""

    GENE = "gene"
    CHEMICAL = "chemical"
    DISEASE = "disease"


class Tier(IntEnum):
    """How strong the evidence is that a figure shows an entity; smaller is stronger."""

    SYMBOL = 1
    """The gene's own symbol, or the chemical's or disease's own name, is printed in the figure."""
    SYNONYM = 2
    """An alias of it is printed in the figure."""
    FAMILY = 3
    """A family or complex that it belongs to is printed in the figure."""
    TITLE = 4
    """It is named in the figure's title."""
    CAPTION = 5
    """It is named in the caption."""

    @property
    def label(self) -> str:
        """Words for people."""
        return {
            Tier.SYMBOL: "printed in the figure",
            Tier.SYNONYM: "printed as a synonym",
            Tier.FAMILY: "member of a printed family",
            Tier.TITLE: "named in the title",
            Tier.CAPTION: "named in the caption",
        }[self]


@dataclass(frozen=True, slots=True)
class Mention:
    """One row of a figure's gene, chemical or disease table.

    ``word`` is what the figure prints, ``match`` the part of it that was matched, ``name`` the
    symbol or name it was matched to, and ``identifier`` the id in NCBI Gene (a bare number), MeSH,
    ChEBI or DOID, where there is one.
    """

    kind: Kind
    word: str
    name: str
    tier: Tier
    identifier: str | None = None
    organism: str | None = None
    match: str | None = None


CaptionSource = Literal["paper", "summary"]


@dataclass(frozen=True, slots=True)
class FigureRecord:
    """What the corpus says of one published pathway figure.

    ``caption_source`` is ``"paper"`` where ``caption`` holds the paper's own words and
    ``"summary"`` where it was written for this collection. Missing values are ``None``.
    """

    figid: str
    title: str | None = None
    caption: str | None = None
    caption_source: CaptionSource = "paper"
    pmcid: str | None = None
    filename: str | None = None
    figlink: str | None = None
    number: str | None = None
    alias: str | None = None
    figtype: str | None = None
    paper_title: str | None = None
    reference: str | None = None
    year: int | None = None
    journal: str | None = None
    doi: str | None = None
    organisms: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    wpid: str | None = None
    ndex: str | None = None
    mentions: tuple[Mention, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if not FIGID_PATTERN.fullmatch(self.figid):
            raise ValueError(f"not a figid: {self.figid[:80]!r}")

    @property
    def name(self) -> str:
        """What to call the figure: its title, else its paper's, else its figid."""
        return (self.title or self.paper_title or self.figid).rstrip(".")

    @property
    def page_url(self) -> str:
        """The figure's page at PFOCR."""
        return FIGURE_PAGE.format(figid=self.figid)

    @property
    def image_url(self) -> str | None:
        """The figure's image at PMC."""
        if not (self.pmcid and self.filename):
            return None
        return f"{PMC_ROOT}/pmc/articles/{self.pmcid}/bin/{self.filename}"

    @property
    def pmc_figure_url(self) -> str | None:
        """The figure in its paper at PMC."""
        # A path: anything else behind the host's name would make another host of it.
        return f"{PMC_ROOT}{self.figlink}" if self.figlink and self.figlink.startswith("/") else None

    @property
    def paper_url(self) -> str | None:
        """The paper at PMC."""
        return f"{PMC_ROOT}/pmc/articles/{self.pmcid}" if self.pmcid else None

    @property
    def doi_url(self) -> str | None:
        """The paper at its publisher."""
        return f"https://doi.org/{self.doi}" if self.doi else None

    @property
    def links(self) -> tuple[tuple[str, str], ...]:
        """(label, address) of every public page about the figure, the PFOCR page first."""
        found = [("PFOCR page", self.page_url)]
        found += [("Figure at PMC", self.pmc_figure_url)] if self.pmc_figure_url else []
        found += [("Paper at PMC", self.paper_url)] if self.paper_url else []
        found += [("DOI", self.doi_url)] if self.doi_url else []
        found += [("Image at PMC", self.image_url)] if self.image_url else []
        return tuple(found)

    def mentions_of(self, kind: Kind) -> tuple[Mention, ...]:
        """The rows of one of the figure's tables."""
        return tuple(m for m in self.mentions if m.kind is kind)

    def printed(self, kind: Kind) -> dict[str, Mention]:
        """What the figure prints as a symbol or a synonym, by name, each with its strongest row."""
        rows = sorted(self.mentions_of(kind), key=lambda m: m.tier, reverse=True)
        return {m.name: m for m in rows if m.tier <= Tier.SYNONYM}

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: what is known of the figure, names for its tables, and its public links."""
        known = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "mentions"}
        listed = {key: list(value) for key, value in known.items() if isinstance(value, tuple)}
        named = {f"{kind.value}s": sorted({m.name for m in self.mentions_of(kind)}) for kind in Kind}
        return known | listed | named | {"url": self.page_url, "image_url": self.image_url, "links": dict(self.links)}


@dataclass(frozen=True, slots=True)
class Passage:
    """The unit that is embedded and retrieved: a part of one record that can stand alone.

    ``passage_id`` is the figid, "#", and the number of the part.
    """

    passage_id: str
    figid: str
    text: str


def figid_of(passage_id: str) -> str:
    """The figure that a passage is from."""
    return passage_id.rpartition("#")[0]
