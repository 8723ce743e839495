"""The pictures of figures: from a local folder where they are there, else from where they are published."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.responses import FileResponse, RedirectResponse, Response

from pfocr_chat.records import FIGID_PATTERN, FigureRecord

if TYPE_CHECKING:
    from pfocr_chat.assistant import Assistant

ROUTE = "pictures"
SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".webp")
KEPT = "private, max-age=86400"
"""For how long a browser keeps a picture, or where it is, in HTTP's words; caches that others share keep none."""


def add_pictures(app: FastAPI, assistant: Assistant, folder: Path | None = None) -> None:
    """Let ``app`` answer for ``/pictures/FIGID``: with the file in ``folder``, else with the public address.

    In ``folder`` a picture is called after its figure, ``PMC1__fig1.jpg``, as the database calls them, or lies in a
    folder of its paper, ``PMC1/fig1.jpg``. Nothing outside of ``folder`` is served, links that lead there included.
    """

    @app.get(f"/{ROUTE}/{{figid}}", include_in_schema=False)
    def picture(figid: str) -> Response:
        record = assistant.record(figid) if FIGID_PATTERN.fullmatch(figid) else None
        if record is None:
            return Response(status_code=404)
        if folder and (path := find_picture(folder, record)):
            return FileResponse(path, headers={"Cache-Control": KEPT})
        if record.image_url:
            return RedirectResponse(record.image_url, headers={"Cache-Control": KEPT})
        return Response(status_code=404)


def find_picture(folder: Path, record: FigureRecord) -> Path | None:
    """The file in ``folder`` that is the figure's picture, if there is one."""
    root = folder.resolve()
    names = [f"{record.figid}{suffix}" for suffix in SUFFIXES]
    if record.pmcid and record.filename:
        names += [f"{record.pmcid}__{record.filename}", f"{record.pmcid}/{record.filename}"]
    for name in names:
        with suppress(OSError, ValueError):  # a folder that may not be read, or a name that no file can have
            path = (root / name).resolve()
            if path.is_relative_to(root) and path.suffix.lower() in SUFFIXES and path.is_file():
                return path
    return None


def picture_addresses(record: FigureRecord) -> tuple[str, ...]:
    """Where a page finds the picture: here, relative to the page, then at Europe PMC."""
    if not (record.pmcid and record.filename):
        return (f"{ROUTE}/{record.figid}",)
    return f"{ROUTE}/{record.figid}", f"https://europepmc.org/articles/{record.pmcid}/bin/{record.filename}"
