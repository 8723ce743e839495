"""Where the shipped data lies: prompt files and starter records.

A wheel carries them inside the package under ``_data/``; a checkout has them at its top level.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def data_folder(name: str) -> Path:
    """The folder of shipped data called ``name`` (``"prompts"`` or ``"seeds"``)."""
    packed = _PACKAGE / "_data" / name
    return packed if packed.is_dir() else _PACKAGE.parent / name
