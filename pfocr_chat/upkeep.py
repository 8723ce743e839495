"""What the shell command says of backups and checks of an index; loaded only by the commands that need it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pfocr_chat.assistant import Assistant
from pfocr_chat.backup import make_backup, restore_backup
from pfocr_chat.chromaserver import ChromaServer
from pfocr_chat.errors import ChromaServerError, CorruptIndexError
from pfocr_chat.generations import reading
from pfocr_chat.integrity import Finding, check_served, check_stores

ADVICE = " Run `pfocr-chat index --anew`, or restore a backup."
SERVER_ADVICE = (
    " Run `pfocr-chat index --anew` with --chroma-url, which sends what is missing or different."
    " If that does not help, remove the collection first."
)
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


def check(vectorstore: Path, tell: Callable[[str], None]) -> list[Finding]:
    """Read the whole index, and tell a line of each check.

    Raises:
        NoIndexError, IndexMismatchError: there is nothing to check.
        CorruptIndexError: it is not sound.
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
    return findings


def check_server(server: ChromaServer, vectorstore: Path, tell: Callable[[str], None]) -> Finding:
    """Read what a Chroma server has of the index, and tell a line of it.

    Raises:
        NoIndexError, IndexMismatchError, CorruptIndexError: the index cannot be read.
        ChromaServerError: the server has something else, or fails.
    """
    with reading(vectorstore) as manifest:
        finding = check_served(server, vectorstore, manifest)
    tell(_line(finding))
    if not finding.is_sound:
        raise ChromaServerError(f"The Chroma server at {server.url} does not have this index.{SERVER_ADVICE}")
    return finding


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
