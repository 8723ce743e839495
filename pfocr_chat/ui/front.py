"""What the page says of the index around the conversation, computed for each generation of it once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from pfocr_chat.errors import PfocrChatError
from pfocr_chat.ui import render
from pfocr_chat.ui.overview import NOTHING, Overview, overview_of
from pfocr_chat.ui.welcome import render_welcome

if TYPE_CHECKING:
    from pfocr_chat.assistant import Assistant


class Front:
    """Header, welcome and choices for the generation that answers now; for any number of threads.

    Nothing is raised: of an index that cannot be read, the header says so, and the rest stays as it was.
    """

    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self._lock = threading.Lock()
        self._made_for: tuple[str, str] | None = None
        self._overview = NOTHING

    def header(self) -> str:
        """The header as HTML."""
        try:
            return render.render_header(self._assistant.status())
        except PfocrChatError as error:
            return render.render_broken_header(str(error))

    def overview(self) -> Overview:
        """What the index holds."""
        with self._lock:
            try:
                status = self._assistant.status()
                if self._made_for != (status.generation, status.built):
                    self._overview = overview_of(self._assistant)
                    self._made_for = (status.generation, status.built)
            except PfocrChatError:
                pass  # the header tells of it
            return self._overview

    def welcome(self) -> str:
        """What stands beside the chat before the first question, as HTML."""
        try:
            return render_welcome(self._assistant.status(), self.overview())
        except PfocrChatError as error:
            return render.render_error(str(error))
