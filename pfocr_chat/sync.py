"""Getting a copy of the PFOCR database, and keeping it current.

The copy is a shallow, sparse and partial clone: the newest commit, its folders ``_figures`` and ``_data``, and their
files alone. Files are fetched some thousands at a time, and each lot that has arrived is kept, so a run that was
interrupted goes on where it was. Nothing that the user put into the folder is overwritten or removed, but for changes
to its records made after a run that was interrupted while it wrote them.
"""

from __future__ import annotations

import fcntl
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO

import platformdirs

from pfocr_chat.disk import replace_json
from pfocr_chat.errors import SyncError
from pfocr_chat.gitcommand import Git, GitFailureError, Watch, check_git
from pfocr_chat.records import FIGID_PATTERN
from pfocr_chat.redaction import without_secrets
from pfocr_chat.untrusted import parse_json

REPOSITORY = "https://github.com/wikipathways/pfocr-database.git"
FOLDER_NAME = "pfocr-database"
LOT = 10_000
"""Files fetched at a time: what an interruption can cost."""
SECONDS_TO_WAIT = 5
"""For another run in the same folder to end."""
STATE = "pfocr-chat.json"
SOURCE = "source.json"

_FOLDERS = ("_figures", "_data")
_LATEST = "refs/pfocr-chat/latest"
_SCHEMES = ("https", "ssh", "file")
_ATTRIBUTES = "* -text -eol -filter -ident -working-tree-encoding -diff -merge\n"
"""Over those of the repository: files are written as they are, byte for byte."""

Progress = Callable[[str, int, int], None]
"""Told the step ("fetching", "downloading", "writing"), how many are done, and how many there are."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """A copy of a repository's records: where it lies, whose it is, the commit, and when that was made (ISO time).

    ``files`` counts its files; ``changed`` says whether this run brought another commit.
    """

    folder: Path
    repo: str
    commit: str
    committed: str
    files: int
    changed: bool

    def __str__(self) -> str:
        new = "" if self.changed else ", nothing new"
        return f"{self.repo} at {self.commit[:12]} of {self.committed} ({self.files:,} files{new}) in {self.folder}"


@dataclass(frozen=True, slots=True)
class Source:
    """From which commit of which repository a generation of an index was made."""

    repo: str
    commit: str
    committed: str
    generation: str

    def __str__(self) -> str:
        return f"{self.repo} at {self.commit[:12]} of {self.committed}"

    def to_dict(self) -> dict[str, str]:
        """Its fields, for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _State:
    """What this program knows of a checkout: the commit whose files it has, and the one being written, if any."""

    commit: str = ""
    writing: str = ""


def default_checkout() -> Path:
    """The folder of the copy, in the user's data folder."""
    return Path(platformdirs.user_data_dir("pfocr-chat")) / FOLDER_NAME


def update_checkout(
    repo: str | None = None, folder: Path | None = None, *, progress: Progress | None = None, lot: int = LOT
) -> Checkout:
    """Make ``folder`` agree with the newest commit of ``repo`` (``REPOSITORY``); it is made where it is missing.

    Raises:
        SyncError: git is missing or too old, the repository cannot be had or is no PFOCR database, the folder is
            not a copy made by this function, or holds records that were changed by hand.
    """
    url = _check_url(REPOSITORY if repo is None else repo)
    check_git()
    folder = (folder or default_checkout()).expanduser().resolve()
    try:
        with _holding(folder) as git:
            return _update(git, url, progress or (lambda *_: None), lot)
    except GitFailureError as exc:
        raise SyncError(explain(exc, url, folder)) from exc
    except OSError as exc:
        raise SyncError(f"The folder {folder} cannot be written: {exc.strerror or exc}.") from exc


def _update(git: Git, url: str, progress: Progress, lot: int) -> Checkout:
    state = _read_state(git.git_dir)
    (git.git_dir / "config").chmod(0o600)  # a log-in in the address is nobody else's affair
    git.run("config", "remote.origin.url", url)
    wanted = ("--no-tags", "--filter=blob:none", "--progress")
    latest = ("origin", f"+HEAD:{_LATEST}")
    git.run("fetch", "--depth=1", *wanted, *latest, watch=_renamed(progress, "fetching"))
    (line,) = git.lines("for-each-ref", "--format=%(objectname) %(committerdate:iso-strict)", _LATEST)
    commit, committed = line.split()
    files = _files(git, commit)
    if not any(FIGID_PATTERN.fullmatch(Path(path).stem) for path in files if path.startswith("_figures/")):
        raise SyncError(f"{_shown(url)} is not a PFOCR database: it has no figure records in a folder _figures.")
    _download(git, commit, files, progress, lot)
    if not state.writing:
        _refuse_changed(git, files)
    if state.writing or state.commit != commit or not _is_clean(git):
        _write_state(git.git_dir, _State(state.commit, commit))
        git.run("checkout", "--force", "--detach", "--progress", commit, watch=_renamed(progress, "writing"))
        _verify(git, commit)
        _write_state(git.git_dir, _State(commit))
        with suppress(GitFailureError):  # tidying up: the copy is complete without it
            git.run("-c", "gc.auto=6700", "-c", "gc.autoDetach=false", "gc", "--auto", "--quiet")
    shown = sum(path.startswith(_FOLDERS) for path in files)
    return Checkout(git.work_tree, _shown(url), commit, committed, shown, changed=state.commit != commit)


def _files(git: Git, commit: str) -> dict[str, str]:
    """The object of each file that is to be had, by its path; with the attributes that git reads beside them."""
    found = {}
    for line in git.lines("ls-tree", "-r", "-z", commit, "--", *_FOLDERS, ".gitattributes"):
        about, _, path = line.partition("\t")
        _, kind, name = about.split()
        if kind == "blob":
            found[path] = name
    return found


def _download(git: Git, commit: str, files: dict[str, str], progress: Progress, lot: int) -> None:
    """Fetch the objects that are missing, a lot at a time."""
    printed = git.lines("rev-list", "--objects", "--missing=print", "--no-object-names", commit, "--")
    missing = sorted({line[1:] for line in printed if line.startswith("?")} & set(files.values()))
    for start in range(0, len(missing), lot):
        names = missing[start : start + lot]
        progress("downloading", start, len(missing))
        git.run(
            *("-c", "fetch.negotiationAlgorithm=noop", "fetch", "--no-tags", "--no-write-fetch-head"),
            *("--filter=blob:none", "--progress", "--stdin", "origin"),
            given="".join(f"{name}\n" for name in names).encode(),
            watch=_renamed(progress, "downloading", start, len(missing)),
        )
        progress("downloading", start + len(names), len(missing))


def _renamed(progress: Progress, step: str, before: int = 0, total: int | None = None) -> Watch:
    """What git counts, as a step of ours; of all that it counts only what takes long."""

    def watch(what: str, done: int, there_are: int) -> None:
        if what in ("Receiving objects", "Updating files"):
            progress(step, before + done, there_are if total is None else total)

    return watch


def _refuse_changed(git: Git, files: dict[str, str]) -> None:
    """Raise ``SyncError`` if the user's work stands where files are to be written; missing files do not matter."""
    status = git.lines("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", *_FOLDERS)
    changed = [
        line[3:]
        for line in status
        if (line[3:] in files if line.startswith("??") else line[:2] not in (" D", "D ", "AD"))
    ]
    if changed:
        more = f" and {len(changed) - 1:,} more" if len(changed) > 1 else ""
        raise SyncError(
            f"{changed[0]}{more} in {git.work_tree} was changed by hand, and would be overwritten."
            " Move what you changed to a folder of your own, and run it again."
        )


def _is_clean(git: Git) -> bool:
    return not git.run("status", "--porcelain", "--untracked-files=no", "--no-renames")


def _verify(git: Git, commit: str) -> None:
    """Raise ``SyncError`` unless the files are those of the commit."""
    if git.lines("rev-parse", "HEAD") != [commit] or not _is_clean(git):
        raise SyncError(f"The files in {git.work_tree} are not those of the repository. Run it again.")


# The folder


@contextmanager
def _holding(folder: Path) -> Iterator[Git]:
    """The repository in ``folder``, made where it is missing, and locked for as long as it is used."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        _create(folder)
    git_dir = folder / ".git"
    if not (git_dir / STATE).is_file():
        raise SyncError(
            f"{folder} is not a copy that `sync` made, and is left alone. Name an empty folder or a new one."
        )
    with (git_dir / "syncing").open("w") as lock:
        _lock(lock, folder)
        _remove_leftovers(git_dir)
        yield Git(git_dir, folder, lock.fileno())


def _lock(file: IO[str], folder: Path) -> None:
    """Be the one that uses the folder; a git of a run that was just stopped is given some seconds to end."""
    patience = time.monotonic() + SECONDS_TO_WAIT
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            if time.monotonic() > patience:
                raise SyncError(f"Another process is synchronising {folder}. Try again when it is done.") from exc
            time.sleep(0.1)
        else:
            return


def _create(folder: Path) -> None:
    """An empty repository, complete with its settings before it gets its name."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        made.chmod(0o755)
        git = Git(made / ".git", made)
        git.run("init", "--quiet", "--template=")
        for name, value in (
            ("core.repositoryformatversion", "1"),
            ("core.sparseCheckout", "true"),
            ("core.sparseCheckoutCone", "false"),
            ("extensions.partialClone", "origin"),
            ("remote.origin.promisor", "true"),
            ("remote.origin.partialclonefilter", "blob:none"),
        ):
            git.run("config", name, value)
        (made / ".git" / "info").mkdir(exist_ok=True)
        (made / ".git" / "info" / "sparse-checkout").write_text("".join(f"/{name}/\n" for name in _FOLDERS))
        (made / ".git" / "info" / "attributes").write_text(_ATTRIBUTES)
        _write_state(made / ".git", _State())
        if not (folder / ".git" / STATE).exists():  # else another process was faster
            made.replace(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _remove_leftovers(git_dir: Path) -> None:
    """What a git that was killed leaves: its locks, and half of a pack. Nobody else uses them: we hold the lock."""
    objects = git_dir / "objects"
    for pattern in (git_dir.glob("*.lock"), (git_dir / "refs").rglob("*.lock"), objects.glob("pack/tmp_*")):
        for path in pattern:
            path.unlink(missing_ok=True)


def _read_state(git_dir: Path) -> _State:
    try:
        state = _State(**parse_json((git_dir / STATE).read_bytes()))
    except (ValueError, TypeError):
        return _State()
    return state if all(isinstance(value, str) for value in asdict(state).values()) else _State()


def _write_state(git_dir: Path, state: _State) -> None:
    replace_json(git_dir / STATE, asdict(state))


# Where an index came from


def write_source(vectorstore: Path, checkout: Checkout, generation: str) -> None:
    """Note beside the manifest from which commit its generation was made."""
    source = Source(checkout.repo, checkout.commit, checkout.committed, generation)
    try:
        replace_json(vectorstore / SOURCE, asdict(source))
    except OSError as exc:
        raise SyncError(f"{vectorstore / SOURCE} cannot be written: {exc.strerror or exc}.") from exc


def read_source(vectorstore: Path, generation: str) -> Source | None:
    """The commit that a generation was made from; ``None`` where it was not made by ``sync``."""
    try:
        source = Source(**parse_json((vectorstore / SOURCE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    is_one = all(isinstance(value, str) for value in asdict(source).values())
    if not is_one or source.generation != generation:
        return None
    return replace(source, repo=_shown(source.repo))  # an earlier version kept a token in the place of a user


# What may be asked for, and what can go wrong


def _check_url(repo: str) -> str:
    """The address as git is to be told it; raises ``SyncError`` for one that is not allowed."""
    allowed = "Name an https, ssh or file address, or a folder."
    if not repo or repo.startswith("-") or re.search(r"[\x00-\x1f\x7f]", repo) or "::" in repo:
        raise SyncError(f"{_shown(repo)!r} is not the address of a repository. {allowed}")
    if re.match(r"[A-Za-z][A-Za-z0-9+.\-]*://", repo):
        scheme = repo.partition(":")[0].lower()
        if scheme not in _SCHEMES:
            raise SyncError(f"An address with {scheme}:// is not fetched from. {allowed}")
        return repo
    if re.match(r"[\w.]+@[\w.][\w.\-]*:", repo):
        return repo  # ssh, as git also writes it
    path = Path(repo).expanduser()
    if not path.is_dir():
        raise SyncError(f"There is no folder {_shown(repo)}. {allowed}")
    return str(path.resolve())


def _shown(url: str) -> str:
    """The address without a log-in: a token may stand in the place of the user, too."""
    return without_secrets(url)


_CAUSES = (
    (
        r"No space left on device|Disk quota exceeded|[Ff]ile too large",
        "The disk is full: there is no room for more of {repo} in {folder}. Make room and run it again; it goes on"
        " where it was.",
    ),
    (
        r"bad object|(?<!pack is )corrupt|does not match index|loose object|index file|unable to read|bad signature"
        r"|not a git repository",
        "The copy in {folder} is damaged ({reason}). Remove that folder and run it again.",
    ),
    (
        r"could not read Username|could not read Password|Authentication failed|Permission denied \(|error: 40[13]",
        "{repo} asks for a login, or does not exist: {reason}.",
    ),
    (
        r"does not appear to be a git repository|repository '.*' (not found|does not exist)|Repository not found",
        "There is no git repository at {repo}.",
    ),
    (r"couldn't find remote ref HEAD", "{repo} is empty."),
    (
        r"Could not resolve|Failed to connect|Couldn't connect|Connection (refused|reset|timed out|closed)|timed out"
        r"|unreachable|early EOF|disconnect|RPC failed|hung up|SSL|TLS|certificate|too slow|transfer closed"
        r"|unable to access|protocol error|invalid index-pack|index-pack failed|Could not read from remote",
        "{repo} cannot be reached: {reason}. Try again later; what has arrived is kept.",
    ),
)


def explain(failure: GitFailureError, url: str, folder: Path) -> str:
    """One sentence for what git said."""
    shown = _shown(url)
    reason = failure.reason.replace(url, shown)
    for pattern, sentence in _CAUSES:
        if re.search(pattern, failure.said):
            return sentence.format(repo=shown, folder=folder, reason=reason)
    return f"{shown} could not be fetched: {reason}."
