"""``python -m pfocr_chat``."""

import sys

from pfocr_chat.cli import main

sys.exit(main())
