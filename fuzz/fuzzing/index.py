"""An index to ask: the starter records, and some records as large and as odd as are let in."""

from __future__ import annotations

import shutil
from pathlib import Path

from pfocr_chat.corpus import MAX_ROWS
from pfocr_chat.resources import data_folder

ODD = {
    "PMC7000001__words": "YAP1 binds TAZ and TEAD1 in cancer cells. " * 682,
    "PMC7000002__oneword": "integrin" + "a" * 27900,
    "PMC7000003__brackets": "(TNF (IL6 (AKT1 [EGFR " * 1240,
    "PMC7000004__lists": "TNF, IL6, AKT1, EGFR, KRAS, " * 992,
    "PMC7000005__dots": "a. b. c. TNF. (AB) " * 1488,
    "PMC7000006__keys": "[1] [2] [[3]] **bold** `x` TNF activates IL6 [1]. " * 558,
    "PMC7000007__numbers": "TNF 1,2 3.4 5-6 10^9 50% μM " * 930,
    "PMC7000008__negations": "TNF does not inhibit IL6, nor does IL6 not activate TNF, " * 496,
    "PMC7000009__greek": "TNFαβγδ NF-κB " * 1860,
}
"""Captions just within what may be indexed."""


def made_index(folder: Path) -> Path:
    """The folder of the index, which is made where it is missing."""
    if not (folder / "manifest.json").exists():
        from pfocr_chat.embedder import Embedder
        from pfocr_chat.indexing import build_index

        corpus = folder.with_name(f"{folder.name}-corpus")
        shutil.rmtree(corpus, ignore_errors=True)
        build_index(write_corpus(corpus), folder, Embedder())
    return folder


def write_corpus(corpus: Path) -> Path:
    """The starter records with the odd ones beside them."""
    shutil.copytree(data_folder("seeds"), corpus)
    for figid, caption in ODD.items():
        _write(corpus, figid, caption)
    rows = "".join(f"W{n}\tGENE{n}\t{n + 10**6}\tncbigene_symbol\n" for n in range(MAX_ROWS - 2))
    _write(corpus, "PMC7000010__genes", "Many genes.")
    (corpus / "_data" / "PMC7000010__genes-genes.tsv").write_text(
        f"word\tncbigene_symbol\tncbigene_id\tsource\n{rows}", encoding="utf-8"
    )
    return corpus


def _write(corpus: Path, figid: str, caption: str) -> None:
    text = f"---\nfigid: {figid}\nfigtitle: {figid} of TNF and YAP1\nyear: 2015\ncaption: |\n  {caption}\n---\n"
    (corpus / "_figures" / f"{figid}.md").write_text(text, encoding="utf-8")
