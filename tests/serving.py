"""The application served on a free port of this machine, in a thread, by uvicorn as it is in earnest."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import uvicorn

from pfocr_chat import Assistant
from pfocr_chat.ui.server import Serving, to_config


@contextmanager
def served(assistant: Assistant, serving: Serving | None = None) -> Iterator[str]:
    """The address at which the page and the API answer."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener, ThreadPoolExecutor(1) as thread:
        ready: Future[uvicorn.Server] = Future()
        done = thread.submit(asyncio.run, _serve(assistant, serving or Serving(), listener, ready))
        try:
            server = ready.result(60)
            while not server.started and not done.done():
                time.sleep(0.05)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            done.result(60)


async def _serve(
    assistant: Assistant, serving: Serving, listener: socket.socket, ready: Future[uvicorn.Server]
) -> None:
    # Outside of a running event loop, Gradio makes three of its own and leaves them open.
    server = uvicorn.Server(to_config(assistant, serving))
    ready.set_result(server)
    await server.serve(sockets=[listener])
