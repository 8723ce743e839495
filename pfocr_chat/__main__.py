"""``python -m pfocr_chat``."""

from pfocr_chat.cli import run

run()
