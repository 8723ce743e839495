"""Reading the passages of a catalog that is written and not yet published, to embed them."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Self

from pfocr_chat.catalog import connect
from pfocr_chat.disk import unreadable
from pfocr_chat.records import FigureRecord, Passage


class PassageStore:
    """The passages of a catalog; it takes the file to be unchanging.

    Raises:
        CorruptIndexError: the catalog is damaged, now or when it is read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db = connect(path, writable=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def ids(self) -> list[str]:
        """All passages, the first of each figure before all the second ones, and so on."""
        found = [passage_id for (passage_id,) in self._rows("SELECT passage_id FROM passages")]
        return sorted(found, key=_place)

    def texts(self) -> Iterator[str]:
        """The text of every passage."""
        try:
            with closing(self._db.cursor()) as cursor:
                for (text,) in cursor.execute("SELECT text FROM passages"):
                    yield text
        except sqlite3.DatabaseError as exc:
            raise unreadable(self._path, exc) from exc

    def read(self, passage_ids: Sequence[str]) -> list[tuple[Passage, FigureRecord]]:
        """Passages in the order asked for, each with what of its record is kept beside the vector.

        That is its figid, pmcid, year, journal, figure type and organisms.
        """
        asked = json.dumps(passage_ids)
        organisms: dict[int, list[str]] = defaultdict(list)
        for figure, organism in self._rows(
            "SELECT figure, organism FROM organisms WHERE figure IN (SELECT figure FROM passages"
            " WHERE passage_id IN (SELECT value FROM json_each(?))) ORDER BY figure, organism",
            (asked,),
        ):
            organisms[figure].append(organism)
        found = {}
        for passage_id, text, figure, figid, pmcid, year, journal, figtype in self._rows(
            "SELECT passage_id, text, figure, figid, pmcid, year, journal, figtype FROM passages"
            " JOIN figures ON id = figure WHERE passage_id IN (SELECT value FROM json_each(?))",
            (asked,),
        ):
            record = FigureRecord(
                figid, pmcid=pmcid, year=year, journal=journal, figtype=figtype, organisms=tuple(organisms[figure])
            )
            found[passage_id] = Passage(passage_id, figid, text), record
        return [found[passage_id] for passage_id in passage_ids]

    def _rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(sql, parameters).fetchall()
        except sqlite3.DatabaseError as exc:
            raise unreadable(self._path, exc) from exc


def _place(passage_id: str) -> tuple[int, str]:
    figid, _, number = passage_id.rpartition("#")
    return int(number), figid
