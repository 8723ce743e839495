"""The names of human genes, and of the families and complexes they form.

The data in ``names/`` holds facts of HGNC (symbols, names, aliases) and FamPlex (families, members,
and texts of the literature with what they stand for), both in the public domain (CC0).
``scripts/build_nomenclature.py`` writes it, ``names/README.md`` describes it.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from pfocr_chat.errors import PfocrChatError

VERSION = "hgnc+famplex 2024-07-23, format 1"
"""Source, date of the source, and format; stands in the first line of both files."""

FOLDER = Path(__file__).resolve().parent / "names"
GENES_FILE = "genes.tsv.gz"
FAMILIES_FILE = "families.tsv.gz"
ABBREVIATIONS_FILE = "abbreviations.tsv"
GENE_COLUMNS = ("symbol", "gene_id", "full_name", "aliases", "previous", "curated")
FAMILY_COLUMNS = ("family_id", "label", "synonyms", "members")

_GREEK_LAST = re.compile(r"([a-z]+) (alpha|beta|gamma|delta|epsilon|zeta|eta|theta|kappa)")


class NameSource(IntEnum):
    """Where a spelling of a gene comes from; smaller is the stronger reason to read it as that gene."""

    SYMBOL = 1
    """The symbol that HGNC approved: unique among genes."""
    CURATED = 2
    """A text of the literature that FamPlex's curators read as this gene ("p53", "HER2", "ERK1")."""
    PREVIOUS = 3
    """A symbol that HGNC approved earlier."""
    ALIAS = 4
    """Another symbol in use; short ones are often shared by several genes."""
    FULL_NAME = 5
    """The name in words; "synuclein alpha" also as "alpha synuclein"."""


@dataclass(frozen=True, slots=True)
class GeneName:
    """A human gene: its approved symbol and every other spelling known for it.

    ``gene_id`` is the id in NCBI Gene. A spelling stands in one of the lists only, that of its
    strongest source; none equals the symbol, letter case aside.
    """

    symbol: str
    gene_id: str | None
    full_name: str
    aliases: tuple[str, ...] = ()
    previous: tuple[str, ...] = ()
    curated: tuple[str, ...] = ()

    def spellings(self) -> Iterator[tuple[str, NameSource]]:
        """Every spelling with its source, strongest first."""
        yield self.symbol, NameSource.SYMBOL
        for source, names in (
            (NameSource.CURATED, self.curated),
            (NameSource.PREVIOUS, self.previous),
            (NameSource.ALIAS, self.aliases),
        ):
            for name in names:
                yield name, source
        yield self.full_name, NameSource.FULL_NAME
        if found := _GREEK_LAST.fullmatch(self.full_name):
            yield f"{found[2]} {found[1]}", NameSource.FULL_NAME


@dataclass(frozen=True, slots=True)
class Family:
    """A family or complex of genes.

    ``family_id`` is FamPlex's, ``label`` a name for people. ``synonyms`` holds every text that
    stands for it, the label included; ``members`` the approved symbols of all genes in it or in a
    family within it, which is never empty.
    """

    family_id: str
    label: str
    synonyms: tuple[str, ...]
    members: tuple[str, ...]


def read_genes(folder: Path = FOLDER) -> tuple[GeneName, ...]:
    """Every gene, by symbol.

    Raises:
        PfocrChatError: the file is missing, damaged or of another version.
    """
    return tuple(
        GeneName(symbol, gene_id or None, full_name, _listed(aliases), _listed(previous), _listed(curated))
        for symbol, gene_id, full_name, aliases, previous, curated in _read_rows(folder / GENES_FILE, GENE_COLUMNS)
    )


def read_families(folder: Path = FOLDER) -> tuple[Family, ...]:
    """Every family and complex, by id.

    Raises:
        PfocrChatError: the file is missing, damaged or of another version.
    """
    return tuple(
        Family(family_id, label, _listed(synonyms), _listed(members))
        for family_id, label, synonyms, members in _read_rows(folder / FAMILIES_FILE, FAMILY_COLUMNS)
    )


def read_abbreviations(folder: Path = FOLDER) -> tuple[tuple[str, str], ...]:
    """Common abbreviations of biomedicine that are no genes: (short form, long form), a pair for each meaning.

    Raises:
        PfocrChatError: the file is missing or damaged.
    """
    path = folder / ABBREVIATIONS_FILE
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise PfocrChatError(f"The file of names {path} cannot be read. Install pfocr-chat again.") from exc
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    if not rows or any(len(row) != 2 for row in rows):
        raise PfocrChatError(f"The file of names {path} is damaged. Install pfocr-chat again.")
    return tuple((short, long) for short, longs in rows for long in longs.split("|"))


def _listed(cell: str) -> tuple[str, ...]:
    return tuple(cell.split("|")) if cell else ()


def _read_rows(path: Path, columns: tuple[str, ...]) -> list[list[str]]:
    """The cells of each row of one packed file, whose first two lines must be as this version writes them."""
    try:
        lines = gzip.decompress(path.read_bytes()).decode().removesuffix("\n").split("\n")
    except FileNotFoundError as exc:
        raise PfocrChatError(f"The file of names {path} is missing. Install pfocr-chat again.") from exc
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as exc:
        raise PfocrChatError(f"The file of names {path} cannot be read ({exc}). Install pfocr-chat again.") from exc
    if lines[:2] != [f"# {VERSION}", "\t".join(columns)]:
        raise PfocrChatError(f"The file of names {path} is not of version {VERSION!r}. Install pfocr-chat again.")
    rows = [line.split("\t") for line in lines[2:]]
    if any(len(row) != len(columns) for row in rows):
        raise PfocrChatError(f"The file of names {path} is damaged. Install pfocr-chat again.")
    return rows
