"""Forgetting visitors that have gone: Gradio keeps what their page showed, some hundred kB, until others need room."""

from __future__ import annotations

import asyncio
import ctypes
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from gradio.state_holder import StateHolder

KEPT = timedelta(minutes=15)
"""After a tab was closed, or lost its connection; what it shows is in the browser's own store as well."""
MOST = 100
"""Closed tabs of which that is kept, the latest."""
LOOK_EVERY = 15.0
"""Seconds."""

_trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None


def forget_closed(holder: StateHolder, now: datetime) -> int:
    """Forget the sessions whose tab was closed, but for the latest, used within ``KEPT``; returns how many.

    ``now`` is local time, as Gradio has it.
    """
    with holder.lock:
        closed = [session for session, state in list(holder.session_data.items()) if state.is_closed]
        used = {session: holder.time_last_used.get(session, datetime.min) for session in closed}
        latest = sorted(closed, key=used.__getitem__)[-MOST:]
        kept = {session for session in latest if now - used[session] <= KEPT}
        gone = [session for session in closed if session not in kept]
        for session in gone:
            del holder.session_data[session]
            holder.time_last_used.pop(session, None)
    return len(gone)


def give_back() -> None:
    """Give memory that is free back to the system; the C library of Linux keeps it, in pieces, for each thread."""
    if _trim:
        _trim(0)


@asynccontextmanager
async def forgetting(holder: StateHolder) -> AsyncIterator[None]:
    """While this lasts, do so again and again."""

    async def look() -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            forget_closed(holder, datetime.now())
            await asyncio.to_thread(give_back)

    task = asyncio.create_task(look())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
