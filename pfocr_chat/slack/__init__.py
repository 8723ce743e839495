"""The Slack bot: answers in threads, direct messages and to ``/pfocr``, as good as the page's.

A front end shows an ``Answer`` and decides nothing about it. ``events`` says which messages are questions,
``store`` keeps each until it is answered, once; ``bot`` answers them off Slack's own threads, ``blocks`` and
``mrkdwn`` give an answer its form, ``actions`` is what buttons do, ``web`` the door to Slack's API, and
``service`` the wiring to Slack's Bolt, over Socket Mode or HTTP.
"""

from __future__ import annotations

from pfocr_chat.slack.service import serve
from pfocr_chat.slack.settings import SlackSettings, load_settings

__all__ = ["SlackSettings", "load_settings", "serve"]
