"""The web page: a chat beside the figures that its answers cite.

A front end shows an ``Answer`` and decides nothing. Nothing on the page is fetched from outside.
"""

from __future__ import annotations

import os

# Gradio reads this once, when it is imported; unset, it calls home at start.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

from pfocr_chat.ui.auth import Accounts
from pfocr_chat.ui.server import Serving, build_app, serve

__all__ = ["Accounts", "Serving", "build_app", "serve"]
