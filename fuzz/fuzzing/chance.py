"""Making inputs: pieces that have broken readers before, and changes to what is well-formed.

Everything is drawn from a ``random.Random``, so that a seed, Hypothesis or libFuzzer can stand behind it.
"""

from __future__ import annotations

import copy
import hashlib
import json
import random
from collections.abc import Callable, Sequence
from typing import Any

HOSTILE_TEXT = (
    *(
        "",
        " ",
        "\t",
        "\n",
        "\r\n",
        "\x00",
        "\x1b[31m",
        "\x7f",
        "\x85",
        "\u2028",
        "\u2029",
        "\ufeff",
        "\u200b",
        "\u00ad",
    ),
    *("\u202e", "\u2066", "\ue000", "\ufffe", "\ud800", "\udfff", "e\u0301", "\u0301" * 40, "ﬃ", "Ⅷ", "²", "١٢", "０"),
    *("İ", "ß", "Å", "𝔄𝕂𝕋", "👩‍🔬", "人" * 20, "שלום", "مرحبا", "%00", "%2e%2e%2f", "\\u0000"),
    *("../../outside/secret", "/etc/passwd", "..\\..\\x", "~root", "file:///etc/passwd", "C:\\x", "."),
    *("'", '"', "`", "<script>alert(1)</script>", "<!--", "]]>", "{{7*7}}", "${x}", "{question}", "{0.__class__}"),
    *("' OR 1=1 --", "NEAR(", '"*', "fulltext:", "=1+1", "@SUM(A1)", "-1", "|", "[1]", "[[", "](javascript:x)"),
    *("NaN", "Infinity", "-0", "1e999", "9" * 30, "9" * 5_000, "0x10", "null", "None", "true", "NA", "~"),
    *("A" * 300, "a-" * 100, "(" * 200, "α" * 100, "IL-6/" * 40, "!" * 200, "a" * 5_000, " and " * 50, "1 2 " * 100),
)
WORDS = (
    *("YAP1", "YAP", "TNF-α", "TNFalpha", "IL-6", "p38", "integrins", "NF-κB", "PI3K/AKT", "CDK4/6", "LPS", "H2O2"),
    *("quercetin", "cancer", "mouse", "Arabidopsis", "Homo sapiens", "figures", "which figures", "all", "how many"),
    *("since 2015", "before 1800", "in the last 99999 years", "2010-2015", "in Nature", "published in Cells"),
    *("not", "without", "and", "or", "the second one", "PMC11989024__ijms-26-03143-g003", "PMC1", "PMC999999999"),
    *("what about", "show", "by gene", "per year", "most like", "the same paper", "hello", "dose", "pathway"),
)


class ByteRandom(random.Random):
    """Chance that libFuzzer steers: drawn from its bytes while they last, then from what they hash to."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._after = random.Random(hashlib.sha256(data).digest())
        super().__init__(0)

    def random(self) -> float:
        return self.getrandbits(53) / (1 << 53)

    def getrandbits(self, k: int) -> int:
        size = -(-k // 8)
        if self._at + size > len(self._data):
            return self._after.getrandbits(k)
        piece = self._data[self._at : self._at + size]
        self._at += size
        return int.from_bytes(piece, "little") >> (8 * size - k)

    def seed(self, *_: object, **__: object) -> None:
        """Nothing to be set."""


def text(rng: random.Random, words: Sequence[str] = WORDS, *, longest: int = 12) -> str:
    """Some words with hostile pieces between them; now and then one piece again and again."""
    if rng.random() < 0.05:
        return rng.choice((*HOSTILE_TEXT, *words)) * rng.randint(1, 400)
    pieces = [
        rng.choice(words) if rng.random() < 0.7 else rng.choice(HOSTILE_TEXT) for _ in range(rng.randint(0, longest))
    ]
    return rng.choice((" ", " ", " ", "", ", ", "\n")).join(pieces)


def storable(value: str) -> str:
    """The text without halves of characters, which no file holds."""
    return value.encode("utf-8", "replace").decode()


def changed(rng: random.Random, data: bytes, pieces: Sequence[bytes] = (), *, longest: int = 50_000) -> bytes:
    """Well-formed bytes with some changes: pieces put in, taken out, said twice, exchanged, or cut off."""
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 6))):
        at, width = rng.randint(0, len(found)), rng.choice((1, 1, 2, 5, 20, 100))
        match rng.randint(0, 7):
            case 0:
                found[at : at + width] = b""
            case 1:
                found[at:at] = rng.choice(pieces) if pieces else b"\x00"
            case 2:
                found[at : at + width] = found[at : at + width] * rng.choice((2, 3, 50))
            case 3:
                found[at : at + 1] = bytes([rng.randint(0, 255)])
            case 4:
                found[at:at] = rng.choice(HOSTILE_TEXT).encode("utf-8", rng.choice(("surrogatepass", "replace")))
            case 5:
                other = rng.randint(0, len(found))
                found[at:at] = found[other : other + width]
            case 6 if rng.random() < 0.2:
                del found[at:]
            case _:
                found[at : at + width] = found[at : at + width].swapcase()
    return bytes(found[:longest])


def any_json(rng: random.Random, depth: int = 3) -> Any:
    """A JSON value of any kind."""
    kind = rng.randint(0, 9 if depth else 6)
    match kind:
        case 0:
            return None
        case 1:
            return rng.random() < 0.5
        case 2:
            return rng.choice((0, 1, -1, 2**31, 2**63, 10**30, -(10**18)))
        case 3:
            return rng.choice((0.0, -0.0, 1.5, 1e308, float("inf"), float("nan")))
        case 4 | 5:
            return text(rng, longest=4)
        case 6:
            return rng.choice(HOSTILE_TEXT)
        case 7:
            return {text(rng, longest=1): any_json(rng, depth - 1) for _ in range(rng.randint(0, 3))}
        case 8:
            nested: Any = rng.choice(([], {}))
            for _ in range(rng.choice((1, 5, 40))):
                nested = [nested] if rng.random() < 0.5 else {"a": nested}
            return nested
        case _:
            return [any_json(rng, depth - 1) for _ in range(rng.randint(0, 3))]


def changed_json(rng: random.Random, value: Any) -> Any:
    """A JSON value with another one in some of its places, or with places taken out, added, or called otherwise."""
    found = copy.deepcopy(value)
    for _ in range(rng.randint(1, 3)):
        found = _changed_somewhere(rng, found)
    return found


def _changed_somewhere(rng: random.Random, value: Any) -> Any:
    if not value or not isinstance(value, dict | list) or rng.random() < 0.1:
        return any_json(rng)
    place = rng.choice([*value]) if isinstance(value, dict) else rng.randrange(len(value))
    match rng.randint(0, 5):
        case 0:
            del value[place]
        case 1:
            value[place] = any_json(rng)
        case 2 if isinstance(value, dict):
            value[rng.choice((place, text(rng, longest=1)))] = any_json(rng)
        case 2:
            value.append(any_json(rng))
        case _:
            value[place] = _changed_somewhere(rng, value[place])
    return value


def json_bytes(rng: random.Random, value: Any) -> bytes:
    """A JSON value as a file, sometimes no longer JSON, in another encoding, or nested too deeply."""
    told = json.dumps(value, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")
    chance = rng.random()
    if chance < 0.03:
        depth = rng.choice((10, 500, 990, 1_100, 100_000))
        return b"[" * depth + told + b"]" * depth if rng.random() < 0.5 else b'{"a":' * depth + told + b"}" * depth
    if chance < 0.06:
        return rng.choice(
            (b"\xef\xbb\xbf" + told, told.decode("utf-8", "replace").encode("utf-16"), told + b"\x00", b"", told * 2)
        )
    if chance < 0.2:
        return changed(
            rng, told, (b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\u0000", b"\\ud800", b"NaN", b"1" * 5_000)
        )
    return told


def one_of(*makers: tuple[int, Callable[[random.Random], Any]]) -> Callable[[random.Random], Any]:
    """A maker that uses these as often as their weights say."""
    weights, choices = [weight for weight, _ in makers], [maker for _, maker in makers]

    def make(rng: random.Random) -> Any:
        at = rng.random() * sum(weights)
        for weight, maker in zip(weights, choices, strict=True):
            at -= weight
            if at < 0:
                return maker(rng)
        return choices[-1](rng)

    return make
