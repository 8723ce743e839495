"""Copies of the database: made, brought up to date, interrupted, refused; with the real git, nothing faked."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from gitserving import HTTP_BACKEND, Origin, Server, files_of, make_origin, make_repository, serving

from pfocr_chat.cli import main
from pfocr_chat.errors import SyncError
from pfocr_chat.gitcommand import GitFailureError
from pfocr_chat.sync import STATE, Checkout, default_checkout, explain, read_source, update_checkout, write_source


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of the person who runs the tests, and no repository around the current folder."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home" / ".config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home" / "data"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return make_origin(tmp_path / "served" / "pfocr-database")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "pfocr-database"


class Steps:
    """What the progress told; it may end a run at a step, as Ctrl+C or a power cut would."""

    def __init__(self, end_at: str = "", after: int = 0) -> None:
        self.seen: list[tuple[str, int, int]] = []
        self._end_at, self._after = end_at, after

    def __call__(self, step: str, done: int, total: int) -> None:
        self.seen.append((step, done, total))
        if step == self._end_at and done >= self._after:
            raise KeyboardInterrupt

    def last(self, step: str) -> tuple[int, int]:
        return [(done, total) for name, done, total in self.seen if name == step][-1]


# A copy and what it holds


def test_a_first_copy_has_the_records_and_nothing_else(origin: Origin, folder: Path) -> None:
    """The two folders, byte for byte; neither the site nor its files' contents; the commit is told."""
    steps = Steps()
    checkout = update_checkout(origin.url, folder, progress=steps)
    assert files_of(folder) == files_of(origin.path)
    assert sorted(path.name for path in folder.iterdir()) == [".git", "_data", "_figures"]
    assert (checkout.commit, checkout.changed, checkout.repo) == (origin.head, True, origin.url)
    assert checkout.files == len(files_of(folder))
    assert checkout.committed == origin.git("log", "-1", "--format=%cI").replace("Z", "+00:00")
    assert steps.last("downloading") == (checkout.files, checkout.files)
    missing = subprocess.run(
        ["git", "-C", str(folder), "rev-list", "--objects", "--missing=print", "HEAD"], capture_output=True, text=True
    ).stdout
    assert missing.count("?") == 2  # README.md and site.css stay where they are


def test_nothing_new_costs_one_question(origin: Origin, folder: Path) -> None:
    """The second run downloads nothing and leaves the files, with their times, as they are."""
    update_checkout(origin.url, folder)
    before = {path: path.stat().st_mtime_ns for path in folder.glob("_*/*")}
    steps = Steps()
    checkout = update_checkout(origin.url, folder, progress=steps)
    assert (checkout.changed, checkout.commit) == (False, origin.head)
    assert not {step for step, _, _ in steps.seen} & {"downloading", "writing"}
    assert {path: path.stat().st_mtime_ns for path in folder.glob("_*/*")} == before


def test_only_the_difference_is_fetched(origin: Origin, folder: Path) -> None:
    """Records changed, added and removed over there are so here, and the others are left alone."""
    update_checkout(origin.url, folder)
    kept, changed, removed, *_ = origin.records
    times = (folder / "_figures" / kept.name).stat().st_mtime_ns
    changed.write_text(changed.read_text() + "\nMore.\n")
    removed.unlink()
    (origin.path / "_figures" / "PMC1__new.md").write_text(kept.read_text())
    (origin.path / "_figures" / "PMC1__newer.md").write_text("---\nfigid: PMC1__newer\n---\n")
    head = origin.commit()
    steps = Steps()
    checkout = update_checkout(origin.url, folder, progress=steps)
    assert (checkout.changed, checkout.commit) == (True, head)
    assert files_of(folder) == files_of(origin.path)
    assert steps.last("downloading") == (2, 2)  # the copy of a record is here already
    assert (folder / "_figures" / kept.name).stat().st_mtime_ns == times


def test_a_rewritten_history_is_followed(origin: Origin, folder: Path) -> None:
    """A branch that was replaced by another without a common commit is taken as it is now."""
    update_checkout(origin.url, folder)
    origin.git("checkout", "--quiet", "--orphan", "anew")
    origin.records[0].unlink()
    origin.commit("From nothing")
    origin.git("branch", "--force", "main")
    origin.git("checkout", "--quiet", "main")
    origin.git("branch", "-D", "anew")
    assert update_checkout(origin.url, folder).commit == origin.head
    assert files_of(folder) == files_of(origin.path)
    assert origin.head in (folder / ".git" / "shallow").read_text().split()  # one commit, not its history


def test_a_folder_named_by_its_path_will_do(origin: Origin, folder: Path) -> None:
    """A plain local path is a repository too, a server that cannot filter sends all, and the address may change."""
    origin.git("config", "uploadpack.allowFilter", "false")
    update_checkout(str(origin.path), folder)
    assert files_of(folder) == files_of(origin.path)
    assert update_checkout(origin.url, folder).repo == origin.url


def test_the_copy_lies_in_the_users_data_folder(origin: Origin, tmp_path: Path) -> None:
    """Without a folder the user's data folder is taken, and said where it is."""
    checkout = update_checkout(origin.url)
    assert checkout.folder == default_checkout() == tmp_path / "home" / "data" / "pfocr-chat" / "pfocr-database"
    assert (checkout.folder / "_figures").is_dir()


# Interrupted


@pytest.mark.parametrize(("step", "after"), [("fetching", 0), ("downloading", 5), ("downloading", 10)])
def test_an_interrupted_run_goes_on_where_it_was(origin: Origin, folder: Path, step: str, after: int) -> None:
    """What has arrived is not fetched again; the next run needs nothing done by hand."""
    with pytest.raises(KeyboardInterrupt):
        update_checkout(origin.url, folder, progress=Steps(step, after), lot=5)
    steps = Steps()
    update_checkout(origin.url, folder, progress=steps)
    assert files_of(folder) == files_of(origin.path)
    whole = len(set(files_of(origin.path).values()))
    assert steps.last("downloading")[1] <= whole - (after - 5 if after else 0)


@pytest.mark.parametrize("step", ["fetching", "downloading"])
def test_a_killed_run_goes_on_where_it_was(origin: Origin, folder: Path, step: str) -> None:
    """Even kill -9, which leaves git's locks, is followed by a run that completes the copy."""
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom pfocr_chat.sync import update_checkout\n"
        f"kill = lambda step, done, total: os.kill(os.getpid(), signal.SIGKILL) if step == {step!r} else None\n"
        f"update_checkout({origin.url!r}, Path({str(folder)!r}), progress=kill, lot=5)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    for name in ("index.lock", "shallow.lock", "config.lock", "refs/pfocr-chat/latest.lock"):
        (folder / ".git" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / ".git" / name).touch()
    _wait_until_free(folder)
    update_checkout(origin.url, folder)
    assert files_of(folder) == files_of(origin.path)


def _wait_until_free(folder: Path) -> None:
    """A git that a killed run left behind holds the lock until it ends."""
    with (folder / ".git" / "syncing").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)


def test_files_half_written_are_written_again(origin: Origin, folder: Path) -> None:
    """A run that was stopped while it wrote files, old ones and new ones mixed, is completed by the next."""
    update_checkout(origin.url, folder)
    before = origin.head
    origin.records[0].write_text("changed")
    origin.records[1].write_text("changed too")
    head = origin.commit()
    state = folder / ".git" / STATE
    state.write_text(json.dumps({"commit": before, "writing": head}))
    (folder / "_figures" / origin.records[0].name).write_text("chan")
    (folder / "_figures" / origin.records[1].name).unlink()
    update_checkout(origin.url, folder)
    assert files_of(folder) == files_of(origin.path)
    assert json.loads(state.read_text()) == {"commit": head, "writing": ""}


# The user's own files


def test_records_of_the_user_stay(origin: Origin, folder: Path) -> None:
    """A record put beside those of the database is neither removed nor changed; one that was deleted comes back."""
    update_checkout(origin.url, folder)
    own = folder / "_figures" / "PMC5__own.md"
    own.write_text("mine")
    deleted = folder / "_figures" / origin.records[0].name
    deleted.unlink()
    (origin.path / "_figures" / "PMC6__new.md").write_text("---\nfigid: PMC6__new\n---\n")
    origin.commit()
    update_checkout(origin.url, folder)
    assert own.read_text() == "mine"
    assert files_of(folder) == files_of(origin.path) | {"_figures/PMC5__own.md": b"mine"}


def test_changes_by_hand_are_not_overwritten(origin: Origin, folder: Path) -> None:
    """A changed record, or an own one with the name of a new one, stops the run before a file is written."""
    update_checkout(origin.url, folder)
    edited = folder / "_figures" / origin.records[0].name
    edited.write_text("my correction")
    mine = folder / "_figures" / "PMC7__new.md"
    mine.write_text("mine")
    (origin.path / "_figures" / "PMC7__new.md").write_text("theirs")
    origin.commit()
    with pytest.raises(SyncError, match=r" and 1 more in .* was changed by hand, and would be overwritten\. Move"):
        update_checkout(origin.url, folder)
    assert (edited.read_text(), mine.read_text()) == ("my correction", "mine")
    edited.unlink()
    mine.unlink()
    update_checkout(origin.url, folder)
    assert files_of(folder) == files_of(origin.path)


@pytest.mark.parametrize("what", ["files", "a repository", "a file"])
def test_another_folder_is_refused(origin: Origin, folder: Path, what: str) -> None:
    """A folder that `sync` did not make is left as it is."""
    if what == "a file":
        folder.parent.mkdir()
        folder.write_text("mine")
    else:
        folder.mkdir(parents=True)
        (folder / "thesis.txt").write_text("mine")
        if what == "a repository":
            subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    with pytest.raises(SyncError, match="is not a copy that `sync` made, and is left alone"):
        update_checkout(origin.url, folder)
    assert (folder if what == "a file" else folder / "thesis.txt").read_text() == "mine"


def test_one_run_at_a_time(origin: Origin, folder: Path) -> None:
    """A second run in the same folder is told to wait."""
    update_checkout(origin.url, folder)
    with (folder / ".git" / "syncing").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(SyncError, match="Another process is synchronising"):
            update_checkout(origin.url, folder)


# Repositories that are wrong or mean harm


@pytest.mark.parametrize(
    ("repo", "error"),
    [
        ("--upload-pack=touch pwned", "is not the address of a repository"),
        ("", "is not the address of a repository"),
        ("ext::sh -c 'touch pwned'", "is not the address of a repository"),
        ("https://example.org/a\nb", "is not the address of a repository"),
        ("http://example.org/x.git", "An address with http:// is not fetched from"),
        ("git://example.org/x.git", "An address with git:// is not fetched from"),
        ("nowhere", "There is no folder nowhere"),
        ("file:///nowhere/at/all", "There is no git repository at file:///nowhere/at/all"),
        ("https://127.0.0.1:9/x.git", "cannot be reached: unable to access"),
        ("https://someone:secret@127.0.0.1:9/x.git", "https://127.0.0.1:9/x.git cannot be reached"),
    ],
)
def test_an_address_that_will_not_do(repo: str, error: str, folder: Path, tmp_path: Path) -> None:
    """One sentence says what is wrong with it; no command in it is run, and no password is shown."""
    with pytest.raises(SyncError) as caught:
        update_checkout(repo, folder)
    assert error in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.rglob("pwned"))


def test_another_repository_is_refused(origin: Origin, folder: Path, tmp_path: Path) -> None:
    """A repository without figure records, or without a commit, changes nothing, and the right one works afterwards."""
    other = make_repository(tmp_path / "served" / "other")
    with pytest.raises(SyncError, match=r"/other is empty\."):
        update_checkout(other.url, folder)
    (other.path / "_figures").mkdir()
    (other.path / "_figures" / "cats.md").write_text("Cats")
    other.commit()
    update_checkout(origin.url, folder)
    with pytest.raises(SyncError, match=r"/other is not a PFOCR database: it has no figure records"):
        update_checkout(other.url, folder)
    assert files_of(folder) == files_of(origin.path)
    assert update_checkout(origin.url, folder).changed is False


def test_a_repository_runs_nothing_and_leads_nowhere(origin: Origin, folder: Path, tmp_path: Path) -> None:
    """Links come as text, and neither filters named in its attributes nor a user's template of hooks are run."""
    secret = tmp_path / "secret.md"
    secret.write_text("figid: PMC1__secret")
    (origin.path / "_figures" / "PMC9__link.md").symlink_to(secret)
    (origin.path / ".gitattributes").write_text("*.md filter=evil eol=crlf\n")
    origin.commit()
    hooks = tmp_path / "home" / "hooks"
    hooks.mkdir(parents=True)
    hook = hooks / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/pwned\n")
    hook.chmod(0o755)
    (tmp_path / "home" / ".gitconfig").write_text(
        f'[core]\n\thooksPath = {hooks}\n[filter "evil"]\n\tsmudge = touch {tmp_path}/pwned\n\trequired = true\n'
    )
    update_checkout(origin.url, folder)
    assert not (tmp_path / "pwned").exists()
    assert not (folder / "_figures" / "PMC9__link.md").is_symlink()
    assert (folder / "_figures" / "PMC9__link.md").read_text() == str(secret)
    name = origin.records[0].name
    assert (folder / "_figures" / name).read_bytes() == origin.records[0].read_bytes()


def test_no_other_repository_is_touched(origin: Origin, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that name another repository, as hooks of git have them, are not followed."""
    head = origin.head
    monkeypatch.setenv("GIT_DIR", str(origin.path / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(origin.path))
    update_checkout(str(origin.path), folder)
    monkeypatch.undo()
    assert origin.head == head
    assert origin.git("status", "--porcelain") == ""
    assert files_of(folder) == files_of(origin.path)


def test_without_git_or_with_an_old_one(
    origin: Origin, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said that git is needed, and from which version on; no folder is made."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    with pytest.raises(SyncError, match="git is not installed"):
        update_checkout(origin.url, folder)
    old = programs / "git"
    old.write_text("#!/bin/sh\necho git version 2.7.4\n")
    old.chmod(0o755)
    with pytest.raises(SyncError, match=r"git is 2\.7, and `sync` needs 2\.30 or newer"):
        update_checkout(origin.url, folder)
    assert not folder.exists()


def test_a_damaged_copy_is_named(origin: Origin, folder: Path) -> None:
    """A copy whose objects were cut short says so and what to do."""
    update_checkout(origin.url, folder)
    for pack in (folder / ".git" / "objects" / "pack").glob("*.pack"):
        pack.chmod(0o644)
        pack.write_bytes(pack.read_bytes()[:40])
    with pytest.raises(SyncError, match=rf"The copy in {folder} is damaged .* Remove that folder and run it again"):
        update_checkout(origin.url, folder)


UNSHARED = ("unshare", "--mount", "--map-root-user")
ON_A_SMALL_DISK = """
import subprocess, sys
from pathlib import Path
from gitserving import files_of
from pfocr_chat.errors import SyncError
from pfocr_chat.sync import update_checkout

disk, origin, url = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], check=True)
try:
    update_checkout(url, disk / "copy")
except SyncError as exc:
    print(exc)
subprocess.run(["mount", "-o", "remount,size=50m", str(disk)], check=True)
update_checkout(url, disk / "copy")
print(files_of(disk / "copy") == files_of(origin))
"""


def test_a_full_disk_is_said_and_survived(origin: Origin, tmp_path: Path) -> None:
    """Where there is no room for more, one sentence says so, and a run with room completes the copy."""
    disk = tmp_path / "disk"
    disk.mkdir()
    probe = [*UNSHARED, "mount", "-t", "tmpfs", "tmpfs", str(disk)]
    if not shutil.which("unshare") or subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted by this user")
    (origin.path / "_data" / "PMC1__big-genes.tsv").write_bytes(os.urandom(3_000_000))
    origin.commit()
    command = [*UNSHARED, sys.executable, "-c", ON_A_SMALL_DISK, str(disk), str(origin.path), origin.url]
    search = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    environ = os.environ | {"PYTHONPATH": search}
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    assert ended.stdout.splitlines() == [
        f"The disk is full: there is no room for more of {origin.url} in {disk}/copy. Make room and run it again;"
        " it goes on where it was.",
        "True",
    ], ended.stderr


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (
            "error: unable to write file x: No space left on device\nfatal: cannot",
            "The disk is full: there is no room for more of URL in DIR. Make room and run it again; it goes on where"
            " it was.",
        ),
        (
            "fatal: could not read Username for 'URL': terminal prompts disabled",
            "URL asks for a login, or does not exist: could not read Username for 'URL': terminal prompts disabled.",
        ),
        (
            "fatal: unable to access 'URL': Could not resolve host: github.com",
            "URL cannot be reached: unable to access 'URL': Could not resolve host: github.com. Try again later; what"
            " has arrived is kept.",
        ),
        ("fatal: it is Monday", "URL could not be fetched: it is Monday."),
        ("", "URL could not be fetched: it ended without a word."),
    ],
)
def test_what_git_says_becomes_one_sentence(said: str, sentence: str) -> None:
    """The cause is named with what to do, whatever else git wrote."""
    url = "https://example.org/x.git"
    failure = GitFailureError(said.replace("URL", url))
    assert explain(failure, url, Path("DIR")) == sentence.replace("URL", url)


# Over the network


@pytest.fixture
def server(origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    if not HTTP_BACKEND.exists() or not shutil.which("openssl"):
        pytest.skip("git's http-backend and openssl make the server, and one of them is not installed")
    with serving(origin.path.parent, tmp_path) as server:
        monkeypatch.setenv("GIT_SSL_CAINFO", str(server.certificate))
        yield server


def test_a_copy_over_https(origin: Origin, folder: Path, server: Server) -> None:
    """First copy, nothing new, and a difference, from a real server."""
    url = f"{server.url}/pfocr-database"
    update_checkout(url, folder, lot=5)
    assert files_of(folder) == files_of(origin.path)
    server.requests = 0
    update_checkout(url, folder)
    assert server.requests <= 3
    origin.records[0].unlink()
    origin.commit()
    assert update_checkout(url, folder).commit == origin.head
    assert files_of(folder) == files_of(origin.path)


def test_a_server_that_hangs_up_is_asked_again(origin: Origin, folder: Path, server: Server) -> None:
    """A connection cut in the middle of an answer is one sentence; the next run completes the copy."""
    server.cut_after = 1_000
    with pytest.raises(SyncError, match=r"cannot be reached: .*\. Try again later; what has arrived is kept"):
        update_checkout(f"{server.url}/pfocr-database", folder)
    server.cut_after = None
    update_checkout(f"{server.url}/pfocr-database", folder)
    assert files_of(folder) == files_of(origin.path)


def test_a_certificate_that_is_not_trusted_is_refused(
    folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is fetched from a server that cannot show who it is."""
    monkeypatch.delenv("GIT_SSL_CAINFO")
    with pytest.raises(SyncError, match=r"cannot be reached: .*certificate"):
        update_checkout(f"{server.url}/pfocr-database", folder)


def test_an_address_where_nothing_is(server: Server, folder: Path) -> None:
    """A server that has no such repository is told from one that cannot be reached."""
    with pytest.raises(SyncError, match="There is no git repository at https://localhost"):
        update_checkout(f"{server.url}/nothing", folder)


# The index and where it came from


def test_the_commit_belongs_to_one_generation(tmp_path: Path) -> None:
    """An index that another command has made anew since is not said to come from the commit."""
    checkout = Checkout(tmp_path, "https://example.org/x.git", "a" * 40, "2026-01-02T03:04:05+00:00", 3, True)
    assert read_source(tmp_path, "g000001") is None
    write_source(tmp_path, checkout, "g000001")
    assert str(read_source(tmp_path, "g000001")) == (
        "https://example.org/x.git at aaaaaaaaaaaa of 2026-01-02T03:04:05+00:00"
    )
    assert read_source(tmp_path, "g000002") is None
    with pytest.raises(SyncError, match="cannot be written"):
        write_source(tmp_path / "missing", checkout, "g000001")


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    status = main([str(argument) for argument in arguments])
    return status, *capsys.readouterr()


def test_sync_makes_the_index_agree(
    origin: Origin, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`pfocr-chat sync` indexes the copy, then the difference; status names the commit; a failure leaves the index."""
    vectorstore = tmp_path / "vectorstore"
    where = ("--vectorstore", vectorstore, "--checkout", folder)
    status, out, _ = run(capsys, "sync", "--repo", origin.url, *where)
    assert status == 0
    assert out.startswith(f"{origin.url} at {origin.head[:12]} of 20")
    assert "12 of 12 figures indexed (12 added, 0 changed, 0 deleted, 0 unchanged, 0 unreadable)" in out
    origin.records[0].unlink()
    origin.records[1].write_text(origin.records[1].read_text().replace("figtitle:", "figtitle: New ", 1))
    origin.commit()
    status, out, _ = run(capsys, "sync", "--repo", origin.url, *where)
    assert status == 0
    assert "11 of 11 figures indexed (0 added, 1 changed, 1 deleted, 10 unchanged, 0 unreadable)" in out
    manifest = (vectorstore / "manifest.json").read_bytes()
    status, out, err = run(capsys, "sync", "--repo", "file:///nowhere", *where)
    assert (status, out, err) == (1, "", "pfocr-chat: There is no git repository at file:///nowhere.\n")
    assert (vectorstore / "manifest.json").read_bytes() == manifest
    status, out, _ = run(capsys, "status", "--vectorstore", vectorstore, "--llm", "none")
    assert f"\nsource     {origin.url} at {origin.head[:12]} of 20" in out
    status, out, _ = run(capsys, "status", "--vectorstore", vectorstore, "--llm", "none", "--json")
    assert json.loads(out)["source"]["commit"] == origin.head
