"""The one door to the system's ``git``: run as a list of arguments, shielded from what a repository may bring along.

No shell, no hooks, no filters, no terminal prompts, and no transports but https, ssh and local files.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from pfocr_chat.errors import SyncError
from pfocr_chat.redaction import without_secrets

OLDEST = (2, 30)
"""Older ones cannot fetch a list of objects by name."""
TRANSPORTS = "https:ssh:file"
SECONDS_TO_STOP = 10
MAX_LINES = 50
"""Of what git said, kept for the reason of a failure."""

Watch = Callable[[str, int, int], None]
"""Told what git counts ("Receiving objects"), how many are done, and how many there are."""

_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.symlinks=false",  # a link in a repository is a text file here, and leads nowhere
    "core.autocrlf=false",
    "core.askPass=",
    "core.quotePath=false",
    "advice.detachedHead=false",
    "protocol.ext.allow=never",
    "fetch.unpackLimit=1",  # packs, not hundreds of thousands of files
    "fetch.recurseSubmodules=false",
    "submodule.recurse=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=60",
)
_PROGRESS = re.compile(r"([A-Z][a-z]+ [a-z]+): +\d+% \((\d+)/(\d+)\)")
_FORGET = re.compile(
    r"GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_.*|COMMON_DIR|NAMESPACE|CONFIG(_PARAMETERS|_COUNT)?"
    r"|SHALLOW_FILE|GRAFT_FILE|PREFIX|QUARANTINE_PATH|ASKPASS|TRACE.*|EDITOR|CEILING_.*|REPLACE_.*)|SSH_ASKPASS.*"
)
"""Variables that would point git at another repository, or let it ask somebody."""


class GitFailureError(SyncError):
    """git ended with an error. ``said`` is what it wrote, ``reason`` the line of it that says why."""

    def __init__(self, said: str) -> None:
        said = without_secrets(said)  # an address may have a log-in in it
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        blamed = [line for line in lines if line.startswith(("fatal:", "error:"))]
        line = (blamed or lines or ["it ended without a word"])[0]
        self.said = said
        self.reason = re.sub(r"^(fatal|error): ", "", line).rstrip(".")
        super().__init__(f"git: {self.reason}.")


@dataclass(frozen=True, slots=True)
class Git:
    """A repository and its files: ``git_dir`` and ``work_tree``.

    Both are always named to git, which otherwise looks for a repository in the folders above. ``lock`` is a file
    descriptor that every git started here holds open, so that a lock on it outlives this process while git runs.
    """

    git_dir: Path
    work_tree: Path
    lock: int | None = None

    def run(self, *arguments: str, given: bytes = b"", watch: Watch | None = None) -> bytes:
        """What git prints. ``given`` is its standard input; ``watch`` is told how far it is.

        Raises:
            GitFailureError: git ended with an error.
            SyncError: git is missing, or cannot be run.
        """
        command = [find_git(), f"--git-dir={self.git_dir}", f"--work-tree={self.work_tree}"]
        for setting in _SETTINGS:
            command += ["-c", setting]
        try:
            with TemporaryFile() as standard_input, TemporaryFile() as printed:
                standard_input.write(given)
                standard_input.seek(0)
                _run([*command, *arguments], standard_input, printed, self.lock, watch)
                printed.seek(0)
                return printed.read()
        except OSError as exc:
            raise SyncError(f"git cannot be run: {exc.strerror or exc}.") from exc

    def lines(self, *arguments: str, given: bytes = b"") -> list[str]:
        """What git prints, by lines, or by NUL characters where there are any."""
        text = os.fsdecode(self.run(*arguments, given=given))
        return [line for line in text.split("\0" if "\0" in text else "\n") if line]


def find_git() -> str:
    """The path of the system's git.

    Raises ``SyncError`` where there is none.
    """
    found = shutil.which("git")
    if not found:
        raise SyncError("git is not installed, and `sync` needs it. Install git, and run it again.")
    return found


def check_git() -> None:
    """Raises ``SyncError`` where git is missing or too old."""
    printed = subprocess.run([find_git(), "version"], capture_output=True, text=True, check=False)  # noqa: S603 (no shell)  # nosec B603
    version = re.search(r"(\d+)\.(\d+)", printed.stdout)
    if not version or (int(version[1]), int(version[2])) < OLDEST:
        needed = ".".join(map(str, OLDEST))
        found = version[0] if version else "of an unknown version"
        raise SyncError(f"git is {found}, and `sync` needs {needed} or newer. Update git, and run it again.")


def _run(
    command: list[str], standard_input: IO[bytes], printed: IO[bytes], lock: int | None, watch: Watch | None
) -> None:
    with subprocess.Popen(  # noqa: S603 (a list of arguments, no shell)  # nosec B603
        command,
        stdin=standard_input,
        stdout=printed,
        stderr=subprocess.PIPE,
        env=_environment(os.environ),
        pass_fds=() if lock is None else (lock,),
    ) as process:
        if process.stderr is None:
            raise SyncError("git cannot be listened to.")
        try:
            said = _listen(process.stderr, watch)
        except BaseException:  # Ctrl+C above all: git is told to stop, and to clean up behind itself
            process.terminate()
            try:
                process.wait(SECONDS_TO_STOP)
            except subprocess.TimeoutExpired:
                process.kill()
            raise
    if process.returncode:
        raise GitFailureError(said)


def _listen(stream: IO[bytes], watch: Watch | None) -> str:
    """Tell ``watch`` what git counts; the rest of what it says, its last lines."""
    said: list[str] = []
    for line in _split(stream):
        counted = _PROGRESS.search(line)
        failed = re.search(r"(fatal|error): .*", line)  # may stand behind a count in the same line
        if failed or not counted:
            said = [*said, failed[0] if failed else line][-MAX_LINES:]
        elif watch and not line.startswith("remote:"):
            watch(counted[1], int(counted[2]), int(counted[3]))
    return "\n".join(said)


def _split(stream: IO[bytes]) -> Iterator[str]:
    """Lines that end with a line feed, or with the carriage return of a progress display."""
    rest = b""
    while more := os.read(stream.fileno(), 65536):
        *lines, rest = re.split(rb"[\r\n]", rest + more)
        yield from (line.decode(errors="replace") for line in lines if line)
    if rest:
        yield rest.decode(errors="replace")


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in environ.items() if not _FORGET.fullmatch(name)}
    return (
        {"GIT_SSH_COMMAND": "ssh -o BatchMode=yes"}
        | kept
        | {
            "LC_ALL": "C",  # its words are read here
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": TRANSPORTS,
        }
    )
