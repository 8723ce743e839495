"""Files: records and their tables, prompts, manifests, evaluation questions, feedback."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fuzzing.chance import (
    any_json,
    changed,
    changed_json,
    json_bytes,
    one_of,
    storable,
    text,
)
from fuzzing.targets import SECRET, Opened, Place
from fuzzing.watch import expect, refusing
from pfocr_chat.catalogwriter import open_catalog_writer
from pfocr_chat.corpus import find_records, read_record
from pfocr_chat.errors import RecordError
from pfocr_chat.evaluation import read_cases
from pfocr_chat.evaluation.cases import CaseType
from pfocr_chat.exports import Format, render
from pfocr_chat.feedback import Feedback, FeedbackStore, to_cases
from pfocr_chat.generations import check_files, read_manifest
from pfocr_chat.minilm import WINDOW, count_tokens
from pfocr_chat.passages import to_passages
from pfocr_chat.prompting import load_prompt
from pfocr_chat.queries import Hit
from pfocr_chat.records import FigureRecord
from pfocr_chat.resources import data_folder
from pfocr_chat.serving import check_index
from pfocr_chat.slack.blocks import render_figures
from pfocr_chat.sync import SOURCE, _read_state, read_source
from pfocr_chat.ui.cards import render_picture
from pfocr_chat.ui.pictures import find_picture, picture_addresses

FIELDS = (
    *("figid", "pmcid", "filename", "figlink", "number", "figtitle", "papertitle", "caption", "figid_alias", "figtype"),
    *("reftext", "year", "doi", "journal_title", "keywords", "organisms", "organisms_ner", "genes", "chemicals"),
    *("diseases", "annotations", "wpid", "ndex", "schema-jsonld", "caption_source"),
)
VALUES = (
    *(
        "PMC1__a",
        "PMC1__../../x",
        "PMC1__" + "a" * 400,
        "../../../etc/passwd",
        "PMC1",
        "PMC1/../..",
        "x.jpg",
        "..",
        ".",
    ),
    *("../../outside/secret.jpg", "/etc/passwd", "/pmc/articles/PMC1/figure/F1/", "/pmc/articles/PMC1/figure/../F1/"),
    *("2020", "2020-13-45", "20200", "9" * 400, "0x7E4", "1_000", "NO", "on", "~", "12:30:45", "2001-01-01T00:00:00Z"),
    *(
        "10.1234/x",
        "10.1234/<script>",
        "[a, b]",
        "{a: b}",
        "|\n  TNF-α (tumor necrosis factor)\n  IL6.",
        ">-\n  a\n\n  b",
    ),
    *('"\\0\\e[31m\\u202e"', '"\\ud800"', "!!python/object/apply:os.system [id]", "!!binary aGk=", "!!timestamp 2001"),
    *("- word: TP53\n  symbol: TP53\n  entrez: 7157", "[{word: A, symbol: B}, 1, [x], {}]", "&a [x]", "*a", "<<: *a"),
    *("@context", "%YAML 9.9", "? {a: b}\n: c", "'", '"', "{", "[" * 20, "- " * 20, "-", "--- ", "...", "#"),
)


def _field(rng: random.Random) -> str:
    name = rng.choice(FIELDS) if rng.random() < 0.93 else storable(text(rng, longest=1))
    value = rng.choice(VALUES) if rng.random() < 0.7 else storable(text(rng))
    return f"{name}: {value}"


def _fields(rng: random.Random) -> bytes:
    """A record made of some fields, with good and bad values."""
    lines = [_field(rng) for _ in range(rng.randint(0, 12))]
    figid = rng.choice(("figid: PMC1__a", "figid: PMC1__a", "figid: PMC1__a", "figid: " + rng.choice(VALUES), ""))
    return ("---\n" + "\n".join([figid, *lines]) + "\n---\n" + rng.choice(("", "prose", "---\n"))).encode()


def _bomb(rng: random.Random) -> bytes:
    """A record made to exhaust its reader."""
    size = rng.choice((10, 1_000, 30_000, 200_000))
    few = min(size, 1_000)
    match rng.randint(0, 13):
        case 0:
            levels = rng.randint(2, 12)
            body = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, levels))
        case 1:
            levels = rng.randint(2, 9)
            body = "a0: &a0 {x: y}\n" + "".join(
                f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, levels)
            )
        case 2:
            body = "caption: " + "[" * size + rng.choice(("", "]" * size))
        case 3:
            body = "caption: " + "{a: " * size
        case 4:
            body = "caption:\n" + "".join(f"{' ' * n}- \n" for n in range(few))
        case 5:
            body = "keywords: [" + "a," * size + "]"
        case 6:
            body = "genes:\n" + "- {word: A, symbol: B}\n" * (size // 10)
        case 7:
            body = (
                "caption: " + rng.choice(("x", "x ", "é ", "人", "A. ", "(AB) ", "a-", "α", "1. ", "(", "e.g. ")) * size
            )
        case 8:
            body = f"figtitle: {'x ' * few}\n" * 2
        case 9:
            body = "".join(f"k{n}: v\n" for n in range(few * 10))
        case 10:
            body = 'caption: "' + rng.choice(("\\n", "\\t", "\\x00", "\\U0001F600", "\n\n", "\\\n")) * size + '"'
        case 11:
            body = "? " * few + "a"
        case 12:
            body = "caption: !<" + "t" * few + "> x\n" + "%TAG ! tag:x,2000:\n" * 3
        case _:
            body = "organisms: " + "|".join(f"o{n}" for n in range(few)) + "\nkeywords: " + "|" * size
    return f"---\nfigid: PMC1__a\n{body}\n---\n".encode()


def _noise(rng: random.Random) -> bytes:
    parts = (
        b"---\n",
        b"figid: PMC1__a\n",
        b"\xff\xfe",
        b"\x00",
        b"\xef\xbb\xbf",
        b": ",
        b"- ",
        b"\n",
        b"&a ",
        b"*a ",
        b"!!x ",
    )
    return b"".join(rng.choice(parts) for _ in range(rng.randint(0, 40)))


@contextmanager
def records(place: Place) -> Iterator[Opened]:
    seeds = [path.read_bytes() for path in sorted((data_folder("seeds") / "_figures").glob("*.md"))[:40]]
    older = b"---\nfigid: PMC1__a\ngenes:\n- {word: TP53, symbol: TP53, source: hgnc_symbol, entrez: '7157'}\n---\n"
    pieces = tuple(value.encode("utf-8", "replace") for value in (*VALUES, *(f"\n{field}: " for field in FIELDS)))

    def of_seed(rng: random.Random) -> bytes:
        return changed(rng, rng.choice((*seeds, older)), pieces)

    bodies = one_of((40, of_seed), (40, _fields), (8, _bomb), (4, _noise))

    def make(rng: random.Random) -> dict[str, Any]:
        chance = rng.random()
        link = rng.choice(("record", "table", "figures", "data", "chain", "circle")) if chance < 0.02 else ""
        name = (
            rng.choice(("PMC1__x", "PMC1__x", "x y", "ü", "a" * 200, "\udcff", "x\ny", "-rf", ".x"))
            if chance > 0.9
            else "PMC1__x"
        )
        return {"name": name, "link": link, "body": bodies(rng)}

    with _reading_records(place) as read:
        yield make, read


@contextmanager
def _reading_records(place: Place) -> Iterator[Any]:
    corpus, images = place.inside / "corpus", place.inside / "images"
    images.mkdir(parents=True)
    catalog = place.inside / "catalog.sqlite"
    with open_catalog_writer(catalog) as writer:

        def read(value: dict[str, Any]) -> None:
            _lay_out(corpus, value, place.outside)
            try:
                with refusing():
                    for files in find_records(corpus):
                        with refusing():
                            files.stamp()
                            files.digest()
                            record, problems = read_record(files)
                            expect(
                                all(isinstance(p, RecordError) and p.reason for p in problems),
                                "a problem without reason",
                            )
                            use_record(record, writer, images)
            finally:
                shutil.rmtree(corpus)

        yield read


def _lay_out(corpus: Path, value: dict[str, Any], outside: Path) -> None:
    figures, data = corpus / "_figures", corpus / "_data"
    corpus.mkdir()
    link, name = value.get("link"), value.get("name", "PMC1__x")
    if link == "figures":
        figures.symlink_to(outside / "_figures")
        return
    figures.mkdir()
    if link == "data":
        data.symlink_to(outside / "_data")
    else:
        data.mkdir()
    if link == "table":
        (data / f"{name}-genes.tsv").symlink_to(outside / "secret.tsv")
    elif "table" in value:
        (data / f"{name}-{value['plural']}.tsv").write_bytes(value["table"])
    path = figures / f"{name}.md"
    match link:
        case "record":
            path.symlink_to(outside / "secret.md")
        case "chain":
            (corpus / "hop").symlink_to(outside)
            path.symlink_to(corpus / "hop" / "secret.md")
        case "circle":
            path.symlink_to(path)
        case _:
            path.write_bytes(value["body"])


def use_record(record: FigureRecord, writer: Any, images: Path) -> None:
    """Do with a record what indexing, the page, Slack and the exports do with it."""
    told = json.dumps(record.to_dict(), ensure_ascii=False)
    expect(SECRET not in told, "a file outside of the folder was read")
    expect(not any(c in told for c in "\x1b\x00\u202e\x9b"), "a control character was kept")
    expect(len(record.figid) < 230 and "/" not in record.figid, "a figid that is no name of a file")
    passages = to_passages(record, window=WINDOW, count_tokens=count_tokens)
    expect(passages, "a record without a passage")
    writer.put(record, passages, source="x", digest="x")
    writer.delete(record.figid)
    hit = Hit(record.figid, 0.0, record)
    for form in Format:
        render([hit], form, question="?").encode()
    render_picture(record)
    render_figures([hit], 0, 1, "token", question="?")
    find_picture(images, record)
    for address in picture_addresses(record):
        expect(".." not in address.split("/"), "an address that leads elsewhere")


COLUMNS = ("word", "ncbigene_symbol", "ncbigene_id", "source", "organism_name", "match", "name", "mesh", "value", "")


def _table(rng: random.Random) -> bytes:
    columns = [rng.choice(COLUMNS) for _ in range(rng.randint(0, 8))]
    if rng.random() < 0.8:
        columns.insert(rng.randint(0, len(columns)), "word")
    rows = [
        "\t".join(storable(text(rng, longest=2)) for _ in range(max(0, len(columns) + rng.randint(-1, 1))))
        for _ in range(rng.randint(0, 8))
    ]
    return rng.choice(("\n", "\r\n", "\r")).join(["\t".join(columns), *rows]).encode()


def _table_bomb(rng: random.Random) -> bytes:
    size = rng.choice((100, 5_000, 50_000, 400_000))
    match rng.randint(0, 6):
        case 0:
            return b"word\tncbigene_symbol\n" + b"".join(b"w%d\ts%d\n" % (n, n) for n in range(size))
        case 1:
            return b"word\n" + b"a\n" * size
        case 2:
            return b"word\t" + b"\t".join(b"c%d" % n for n in range(size)) + b"\n" + b"a\n" * 1_000
        case 3:
            return b"word\n" + b"x" * size + b"\n"
        case 4:
            return b"word\n" + b"\t" * size + b"\n"
        case 5:
            return b"word\n" + rng.choice((b"(", b"CDK4/6", b"a-", b"\xce\xb1", b" ", b"1")) * size + b"\n"
        case _:
            return b"\n" * size


@contextmanager
def tables(place: Place) -> Iterator[Opened]:
    seeds = [path.read_bytes() for path in sorted((data_folder("seeds") / "_data").glob("*.tsv"))[:60]]
    pieces = (b"\t", b"\n", b"\r", b'"', b"\x00", b"word", b"NA", b"\xff")
    bodies = one_of((60, lambda rng: changed(rng, rng.choice(seeds), pieces)), (35, _table), (2, _table_bomb))

    def make(rng: random.Random) -> dict[str, Any]:
        plural = rng.choice(("genes", "chemicals", "diseases"))
        return {"body": b"---\nfigid: PMC1__x\nfigtitle: T\n---\n", "plural": plural, "table": bodies(rng)}

    with _reading_records(place) as read:
        yield make, read


PROMPT = b"---\nvariables: [question, evidence]\nsystem: |\n  You answer.\n---\nQuestion: {question}\n\n{evidence}\n"


@contextmanager
def prompts(place: Place) -> Iterator[Opened]:
    pieces = tuple(
        piece.encode()
        for piece in (
            *(
                "{question}",
                "{",
                "}",
                "{{",
                "}}",
                "{question!r}",
                "{question:>999999999}",
                "{question:{evidence}}",
                "{0}",
            ),
            *(
                "{}",
                "{question.__class__.__mro__}",
                "{question[0]}",
                "variables: [a]\n",
                "system: 1\n",
                "---\n",
                "&a [*a]",
            ),
            *(
                "variables: &a [question, *a]\n",
                "!!python/name:os.system ",
                "system: 2020-13-45\n",
                "<<: {system: x}\n",
            ),
        )
    )
    shipped = [path.read_bytes() for path in sorted(data_folder("prompts").glob("*.md"))]
    make = one_of(
        (85, lambda rng: changed(rng, rng.choice((PROMPT, PROMPT, *shipped)), pieces)), (10, _bomb), (5, _noise)
    )

    def read(value: bytes) -> None:
        (place.inside / "p.md").write_bytes(value)
        with refusing():
            prompt = load_prompt("p", frozenset({"question", "evidence"}), folder=place.inside)
            system, user = prompt.render(question="{x}" * 100, evidence="e" * 1_000)
            expect(len(system) + len(user) < 200_000, "a prompt that blows up what is put into it")

    yield make, read


@contextmanager
def manifests(place: Place) -> Iterator[Opened]:
    index = place.index()
    real = json.loads((index / "manifest.json").read_text())
    names = (
        "../../outside/secret",
        "/etc/passwd",
        "a\x00b",
        "..",
        "",
        "x" * 5_000,
        "catalog.sqlite/../../../outside/secret",
    )

    def make(rng: random.Random) -> bytes:
        manifest = json.loads(json.dumps(real))
        if rng.random() < 0.3:
            manifest["files"][rng.choice(names)] = rng.choice((0, 1, 10**30, -1))
        if rng.random() < 0.1:
            manifest["generation"] = rng.choice(("../../outside", "g١٢٣٤٥٦", "g000001/../..", "", "g1", "/etc"))
        return json_bytes(rng, changed_json(rng, manifest) if rng.random() < 0.8 else manifest)

    def read(value: bytes) -> None:
        (place.inside / "manifest.json").write_bytes(value)
        with refusing():
            manifest = read_manifest(place.inside)
            repr(manifest)
            check_files(index, manifest)
            check_index(index, manifest)

    yield make, read


@contextmanager
def sources(place: Place) -> Iterator[Opened]:
    real = {"repo": "https://x/y.git", "commit": "a" * 40, "committed": "2026-01-01T00:00:00Z", "generation": "g000001"}
    state = {"commit": "a" * 40, "writing": ""}

    def make(rng: random.Random) -> tuple[bool, bytes]:
        is_state = rng.random() < 0.4
        return is_state, json_bytes(rng, changed_json(rng, state if is_state else real) if rng.random() < 0.9 else real)

    def read(value: tuple[bool, bytes]) -> None:
        is_state, content = value
        (place.inside / ("pfocr-chat.json" if is_state else SOURCE)).write_bytes(content)
        if is_state:
            told = _read_state(place.inside)
            expect(all(isinstance(v, str) for v in asdict(told).values()), "a state that is no text")
        elif source := read_source(place.inside, "g000001"):
            str(source).encode()
            json.dumps(source.to_dict()).encode()

    yield make, read


CASES: tuple[dict[str, Any], ...] = (
    {"qid": "1", "type": "known", "question": "q", "gold": ["PMC1__a"]},
    {"qid": "2", "type": "listing", "question": "q", "grades": {"PMC1__a": 2}, "judged": ["PMC1__a"]},
    {"qid": "3", "type": "genepair", "question": "q", "gold": ["PMC1__a"], "kind": "x"},
    {"qid": "4", "type": "metadata", "question": "q", "filter": {"year": 2010, "organism": "M. musculus"}, "gold": []},
    {"qid": "5", "type": "lookup", "question": "q", "gold": ["PMC1__a"], "must": ["TP53"]},
    {"qid": "6", "type": "unanswerable", "question": "q"},
    {
        "qid": "7",
        "type": "followup",
        "question": "q",
        "turns": [{"question": "a", "gold": []}, {"question": "b", "gold": ["PMC1__a"], "must": ["x"]}],
    },
)


@contextmanager
def cases(place: Place) -> Iterator[Opened]:
    record = FigureRecord("PMC1__a", year=2010, organisms=("Mus musculus",), journal="Cells", pmcid="PMC1")

    def line(rng: random.Random) -> bytes:
        case = rng.choice(CASES)
        if rng.random() < 0.1:
            case = case | {"type": rng.choice([*CaseType])}
        return json_bytes(rng, changed_json(rng, case) if rng.random() < 0.7 else case)

    def make(rng: random.Random) -> bytes:
        return rng.choice((b"\n", b"\n", b"\r\n", b"\xe2\x80\xa8")).join(line(rng) for _ in range(rng.randint(0, 3)))

    def read(value: bytes) -> None:
        path = place.inside / "questions.jsonl"
        path.write_bytes(value)
        with refusing():
            for case in read_cases(path):
                repr(case).encode()
                "\n".join([case.qid, *case.questions, *case.wanted, *case.must, case.kind or ""]).encode()
                case.filter.admits(record)

    yield make, read


SAID: dict[str, Any] = {
    "kind": "useful",
    "question": "q",
    "figids": '["PMC1__a"]',
    "comment": "see PMC2__b.html",
    "source": "page",
    "generation": "g000001",
    "given": "2026-01-01T00:00:00+00:00",
    "filters": "",
    "standalone": "",
}


@contextmanager
def feedback(place: Place) -> Iterator[Opened]:
    path, cases = place.inside / "feedback.sqlite", place.inside / "cases.jsonl"

    def value_of(rng: random.Random) -> Any:
        made = any_json(rng, 1)
        if isinstance(made, dict | list):
            return json.dumps(made)
        return storable(made) if isinstance(made, str) else made if not isinstance(made, int) else made % 2**31

    def make(rng: random.Random) -> tuple[str, Any]:
        if rng.random() < 0.15:
            return "said", changed_json(rng, SAID | {"figids": ["PMC1__a"], "comment": text(rng)})
        if rng.random() < 0.05:
            return "file", changed(rng, b"SQLite format 3\x00" + b"\x00" * 200)
        rows = []
        for _ in range(rng.randint(1, 3)):
            row = SAID | {
                "kind": rng.choice(("useful", "wrong citation", "missed figure")),
                "comment": storable(text(rng)),
            }
            for _ in range(rng.randint(0, 2)):
                row[rng.choice([*SAID])] = rng.choice(
                    (value_of(rng), b"\xff", json_bytes(rng, any_json(rng)).decode("utf-8", "replace"))
                )
            rows.append(row)
        return "rows", rows

    def read(value: tuple[str, Any]) -> None:
        kind, content = value
        for old in place.inside.glob("feedback.sqlite*"):
            old.unlink()
        if kind == "file":
            path.write_bytes(content)
        # A value of another kind in Python code is that code's mistake; one in a file is not.
        with closing(FeedbackStore(path)) as store, refusing(), suppress(ValueError, TypeError):
            if kind == "said":
                store.add(Feedback(**content))
            elif kind == "rows":
                store.add(Feedback(**(SAID | {"figids": ("PMC1__a",)})))
                _insert(path, content)
        with closing(FeedbackStore(path)) as store, refusing():
            said = store.all()
            for each in said:
                json.dumps(each.to_dict(), ensure_ascii=False).encode()
            if lines := to_cases(said):
                cases.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
                expect(len(read_cases(cases)) == len(lines), "a case of feedback was lost")

    yield make, read


def _insert(path: Path, rows: list[dict[str, Any]]) -> None:
    columns = ", ".join(SAID)
    with closing(sqlite3.connect(path)) as db, db:
        for row in rows:
            values = [json.dumps(v) if isinstance(v, dict | list) else v for v in row.values()][: len(SAID)]
            marks = ", ".join("?" * len(SAID))
            try:
                db.execute(f"INSERT INTO feedback ({columns}) VALUES ({marks})", values)  # noqa: S608 - own names
            except (sqlite3.Error, OverflowError, UnicodeEncodeError):
                continue
