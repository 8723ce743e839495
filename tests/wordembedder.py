"""A small real embedder and a folder of records that can be changed, for tests of indexing."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pfocr_chat.lexicon import atoms

GENE_HEADER = "organism_id\torganism_name\torganism_group\tword\tmatch\tncbigene_symbol\tncbigene_id\tsource\n"


class WordEmbedder:
    """A real, small embedder: words hashed into a vector, so that texts that share words are near.

    A little of the whole text's hash keeps different texts apart. It remembers in ``embedded`` the
    texts that it was given.
    """

    dimension = 64
    window = 40

    def __init__(self, name: str = "words") -> None:
        self.name = name
        self.embedded: list[str] = []

    @property
    def fingerprint(self) -> str:
        return f"{self.name}:{self.dimension}"

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        self.embedded.extend(texts)
        return np.array([self.embed_query(text) for text in texts], dtype=np.float32).reshape(-1, self.dimension)

    def embed_query(self, text: str) -> list[float]:
        vector = np.random.default_rng(zlib.crc32(text.encode())).normal(scale=0.1, size=self.dimension)
        for atom in atoms(text):
            vector[zlib.crc32(atom.encode()) % self.dimension] += 1
        return list(vector / max(float(np.linalg.norm(vector)), 1e-9))


class Corpus:
    """A folder of records in the PFOCR layout that can be changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "_figures").mkdir(parents=True)
        (folder / "_data").mkdir()

    def write(self, name: str, caption: str = "", *, figid: str | None = None, more: str = "") -> Path:
        path = self.folder / "_figures" / f"{name}.md"
        title = f"figtitle: About {name.partition('__')[2]}"
        path.write_text(f"---\nfigid: {figid or name}\n{title}\ncaption: '{caption}'\n{more}\n---\n")
        return path

    def write_genes(self, name: str, *symbols: str) -> Path:
        path = self.folder / "_data" / f"{name}-genes.tsv"
        rows = [f"9606\tHomo sapiens\tP\t{s}\t{s}\t{s}\t{n}\tncbigene_symbol\n" for n, s in enumerate(symbols, 1)]
        path.write_text(GENE_HEADER + "".join(rows))
        return path
