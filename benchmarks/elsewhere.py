"""What lies outside of one process: a copy of the database by git, and vectors in a Chroma server."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from corpora import change

from pfocr_chat.chromaserver import ChromaServer
from pfocr_chat.errors import ChromaServerError
from pfocr_chat.generations import generation_folder, read_manifest
from pfocr_chat.sync import update_checkout
from pfocr_chat.uploading import upload_vectors


def syncing(corpus: Path, folder: Path) -> dict[str, float]:
    """A first copy of a repository on the same disk, a look where nothing is new, and 1% changed."""
    source = folder / "database"
    subprocess.run(["cp", "--recursive", "--reflink=auto", str(corpus), str(source)], check=True)  # noqa: S603, S607  # nosec B603 B607
    _git(source, "init", "--quiet", "--initial-branch=main")
    _git(source, "config", "uploadpack.allowFilter", "true")
    _commit(source)
    taken = []
    for step in ("first copy", "nothing new", "1% changed"):
        if step == "1% changed":
            change(source, 0.01)
            _commit(source)
        begun = time.perf_counter()
        update_checkout(source.as_uri(), folder / "checkout")
        taken.append((f"sync, {step} (s)", time.perf_counter() - begun))
    return dict(taken)


def _commit(source: Path) -> None:
    _git(source, "add", "--all")
    _git(source, "-c", "user.name=Bench", "-c", "user.email=bench@example.org", "commit", "--quiet", "-m", "Records")


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True)  # noqa: S603, S607 - git, and our own words  # nosec B603 B607


@contextmanager
def chroma_server(folder: Path) -> Iterator[str]:
    """The address of a Chroma server at this machine that keeps its data in ``folder``."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("chroma")), "run", "--path", str(folder), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:  # noqa: S603  # nosec B603
        try:
            yield _when_up(f"http://127.0.0.1:{port}")
        finally:
            server.terminate()


def _when_up(url: str) -> str:
    for _ in range(300):
        try:
            ChromaServer(url).close()
        except ChromaServerError:
            time.sleep(0.1)
        else:
            return url
    raise TimeoutError(f"no Chroma server at {url}")


def uploading(store: Path, url: str) -> dict[str, float]:
    """Sending all vectors of an index to a server."""
    begun = time.perf_counter()
    with ChromaServer(url) as server:
        upload_vectors(store, generation_folder(store, read_manifest(store).generation), server)
    return {"all vectors to a Chroma server (s)": time.perf_counter() - begun}
