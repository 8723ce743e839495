"""Forgetting visitors that have gone: Gradio keeps what their page showed, some hundred kB, until others need room."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from gradio.state_holder import StateHolder

KEPT = timedelta(minutes=15)
"""After a tab was closed, or lost its connection; what it shows is in the browser's own store as well."""
LOOK_EVERY = 60.0
"""Seconds."""


def forget_closed(holder: StateHolder, now: datetime) -> int:
    """Forget the sessions whose tab was closed and that nothing has used for ``KEPT``; returns how many.

    ``now`` is local time, as Gradio has it.
    """
    with holder.lock:
        gone = [
            session
            for session, state in holder.session_data.items()
            if state.is_closed and now - holder.time_last_used.get(session, datetime.min) > KEPT
        ]
        for session in gone:
            del holder.session_data[session]
            holder.time_last_used.pop(session, None)
    return len(gone)


@asynccontextmanager
async def forgetting(holder: StateHolder) -> AsyncIterator[None]:
    """While this lasts, do so again and again."""

    async def look() -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            forget_closed(holder, datetime.now())

    task = asyncio.create_task(look())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
