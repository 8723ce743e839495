"""Corpora of any size made of the records of a given one."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from pathlib import Path

from pfocr_chat.corpus import find_records

SEED = 4
_TITLE = re.compile(rb"(?ms)^figtitle: .*?\n(?=\w)")
NEW_PAPER = 0.7
"""Chance that a figure is of another paper than the one before it, about that of PFOCR."""


def write_corpus(source: Path, folder: Path, figures: int) -> Path:
    """Write ``figures`` records into ``folder``: text, title and tables of three others, and a figid of their own.

    So hardly a passage stands there twice, which would be embedded once only. The same each time; where the folder
    exists it is taken to hold them.
    """
    if folder.exists():
        return folder
    (folder / "_figures").mkdir(parents=True)
    (folder / "_data").mkdir()
    found = find_records(source)
    texts = [files.path.read_bytes() for files in found]
    titles = [title[0] for text in texts if (title := _TITLE.search(text))] or [b""]
    tables = defaultdict(list)
    for place, files in enumerate(found):
        tables[place] = [(path.stem.rpartition("-")[2], path.read_bytes()) for _, path in files.tables]
    chance = random.Random(SEED)  # noqa: S311 - no secret
    paper = 90_000_000
    for number in range(figures):
        paper += chance.random() < NEW_PAPER
        pmcid, figid = f"PMC{paper}", f"PMC{paper}__synthetic-f{number}"
        title, text = chance.choice(titles), chance.choice(texts)
        if old := _TITLE.search(text):
            text = text.replace(old[0], title, 1)
        for field, value in (("figid", figid), ("pmcid", pmcid), ("figid_alias", f"{pmcid}__F{number}")):
            text = re.sub(rb"(?m)^%s: .*$" % field.encode(), f"{field}: {value}".encode(), text, count=1)
        (folder / "_figures" / f"{figid}.md").write_bytes(text)
        for kind, content in tables[chance.randrange(len(found))]:
            (folder / "_data" / f"{figid}-{kind}.tsv").write_bytes(content)
    return folder


def change(corpus: Path, share: float) -> int:
    """Change the caption of a share of the records; how many."""
    found = find_records(corpus)
    chosen = random.Random(SEED).sample(found, max(1, round(share * len(found))))  # noqa: S311 - no secret
    for files in chosen:
        text = files.path.read_text(encoding="utf-8")
        mark = f"\\g<0>Revision {random.getrandbits(32):08x} of this legend. "
        # Captions in blocks of lines (">") are left as they are, with a changed title instead.
        begin = r"(?m)^(?:caption|figtitle): ['\"]?(?=[A-Za-z0-9])"
        files.path.write_text(re.sub(begin, mark, text, count=1), encoding="utf-8")
    return len(chosen)
