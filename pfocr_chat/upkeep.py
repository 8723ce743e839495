"""What the shell command says of backups and checks of an index; loaded only by the commands that need it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pfocr_chat.assistant import Assistant
from pfocr_chat.backup import make_backup, restore_backup
from pfocr_chat.chromaserver import ChromaServer
from pfocr_chat.errors import CorruptIndexError
from pfocr_chat.generations import generation_folder, reading
from pfocr_chat.integrity import Finding, check_served, check_stores
from pfocr_chat.serving import served_vectors

ADVICE = " Run `pfocr-chat index --anew`, or restore a backup."
SERVER_ADVICE = "Remove that collection, and run `pfocr-chat index` with --chroma-url, which sends it again."
ASKED = 5
"""Figures that a check asks for."""


def backup(vectorstore: Path, target: Path) -> str:
    """Make a backup, as ``make_backup``, and say what it holds."""
    made = make_backup(vectorstore, target)
    said = "" if made.feedback is None else f", feedback given {made.feedback:,} times"
    return (
        f"{made.path}: generation {made.manifest.generation}, {made.manifest.figures:,} figures{said};"
        f" {made.files} files, {made.size:,} bytes, read again and found right"
    )


def restore(archive: Path, vectorstore: Path, *, with_feedback: bool) -> str:
    """Put a backup back, as ``restore_backup``, and say what was done."""
    done = restore_backup(archive, vectorstore, with_feedback=with_feedback)
    said = "the feedback stays as it is" if done.feedback is None else f"feedback given {done.feedback:,} times, too"
    return (
        f"{done.manifest.figures:,} figures put back as generation {done.manifest.generation} in {vectorstore}; {said}"
    )


def check(vectorstore: Path, tell: Callable[[str], None], server: ChromaServer | None = None) -> list[Finding]:
    """Read the whole index, and what the ``server`` has of it, and tell a line of each check.

    Raises:
        NoIndexError, IndexMismatchError: there is nothing to check.
        CorruptIndexError: it is not sound.
        ChromaServerError: the server fails, or has not got all of the vectors.
    """
    findings = []
    with reading(vectorstore) as manifest:
        for finding in check_stores(vectorstore, manifest):
            findings.append(finding)
            tell(_line(finding))
        if wrong := [finding.what for finding in findings if not finding.is_sound]:
            # What lies beside the index says itself what to do.
            advice = "" if wrong == ["beside"] else ADVICE
            raise CorruptIndexError(f"The index in {vectorstore} is not sound: {', '.join(wrong)}.{advice}")
        if server:
            folder = generation_folder(vectorstore, manifest.generation)
            findings.append(finding := check_served(served_vectors(server, manifest), folder))
            tell(_line(finding))
            if not finding.is_sound:
                raise CorruptIndexError(f"{finding.found} {SERVER_ADVICE}")
    return findings


def check_answers(assistant: Assistant, tell: Callable[[str], None]) -> Finding:
    """Ask for a few figures by their titles, and tell how many are found.

    Raises:
        CorruptIndexError: hardly any is.
    """
    asked = sorted({hit.figid: hit.record.title for hit in assistant.retrieve("pathway", k=ASKED)}.items())
    titles = {figid: title for figid, title in asked if title}
    found = sum(figid in {hit.figid for hit in assistant.retrieve(title)} for figid, title in titles.items())
    said = f"{len(titles)} asked for figures by their titles, {found} found them"
    finding = Finding("questions", said, is_sound=2 * found >= len(titles))
    tell(_line(finding))
    if not finding.is_sound:
        raise CorruptIndexError(f"The index in {assistant.status().vectorstore} is not sound: {said}.{ADVICE}")
    return finding


def _line(finding: Finding) -> str:
    return f"{'ok    ' if finding.is_sound else 'FAILED'} {finding.what:9}  {finding.found}"
