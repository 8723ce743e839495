"""Repositories for tests of `sync`: made of starter records, and served over https at the loopback address."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from pfocr_chat.resources import data_folder

EXEC_PATH = Path(subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True).stdout.strip())
HTTP_BACKEND = EXEC_PATH / "git-http-backend"


@dataclass(frozen=True)
class Origin:
    """A repository in the layout of the PFOCR database, that answers as public servers do."""

    path: Path

    @property
    def url(self) -> str:
        return self.path.as_uri()

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    @property
    def records(self) -> list[Path]:
        return sorted((self.path / "_figures").glob("*.md"))

    def git(self, *arguments: str) -> str:
        who = ("-c", "user.name=Curator", "-c", "user.email=curator@example.org", "-c", "core.autocrlf=false")
        command = ["git", "-C", str(self.path), *who, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def commit(self, message: str = "Records") -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", message)
        return self.head


def make_repository(path: Path) -> Origin:
    """An empty repository whose branch is main, as at the database's own host."""
    path.mkdir(parents=True)
    origin = Origin(path)
    origin.git("init", "--quiet", "--initial-branch=main")
    origin.git("config", "uploadpack.allowFilter", "true")
    return origin


def make_origin(path: Path, records: int = 12) -> Origin:
    """A database of starter records with their tables, and a site around them that nobody needs."""
    origin = make_repository(path)
    seeds = data_folder("seeds")
    for name in ("_figures", "_data", "assets"):
        (path / name).mkdir()
    for record in sorted((seeds / "_figures").glob("*.md"))[:records]:
        shutil.copy(record, path / "_figures")
        for table in (seeds / "_data").glob(f"{record.stem}-*.tsv"):
            shutil.copy(table, path / "_data")
    (path / "assets" / "site.css").write_text("body {}\n" * 1000)
    (path / "README.md").write_text("# A database\n")
    origin.commit()
    return origin


def files_of(folder: Path) -> dict[str, bytes]:
    """The records and tables in a folder, by path."""
    paths = [path for name in ("_figures", "_data") for path in (folder / name).glob("*")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@dataclass
class Server:
    """An https server of the repositories in a folder; ``cut_after`` bytes of an answer are sent, then it hangs up."""

    url: str
    certificate: Path
    requests: int = 0
    cut_after: int | None = None


@contextmanager
def serving(folder: Path, scratch: Path) -> Iterator[Server]:
    """Serve ``folder`` through git's own http-backend."""
    certificate, key = scratch / "cert.pem", scratch / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate]  # noqa: RUF005
        + ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        capture_output=True,
        check=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    http = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server = Server(f"https://localhost:{http.server_address[1]}", certificate)
    http.RequestHandlerClass = _handler(folder, server)
    http.socket = context.wrap_socket(http.socket, server_side=True)
    thread = threading.Thread(target=http.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


def _handler(folder: Path, server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

        def _answer(self) -> None:
            server.requests += 1
            path, _, query = self.path.partition("?")
            told = os.environ | {
                "GIT_PROJECT_ROOT": str(folder),
                "GIT_HTTP_EXPORT_ALL": "1",
                "REQUEST_METHOD": self.command,
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "CONTENT_LENGTH": self.headers.get("Content-Length", "0"),
            }
            body = self._body()
            told["CONTENT_LENGTH"] = str(len(body))
            out = subprocess.run([str(HTTP_BACKEND)], input=body, env=told, capture_output=True, check=False).stdout
            head, _, content = out.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
            self.send_response(int(headers.pop("Status", "200").split()[0]))
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if server.cut_after is not None and len(content) > server.cut_after:
                content = content[: server.cut_after]
                self.close_connection = True
            self.wfile.write(content)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", "0")))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

    return Handler
