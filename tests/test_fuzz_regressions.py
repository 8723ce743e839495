"""What fuzzing found, each as small as it can be said."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from fake_slack import BOT_USER, SIGNING_SECRET, TEAM, FakeSlack
from serving import served
from slack_running import running
from timing import PATIENCE

from pfocr_chat import Assistant
from pfocr_chat.corpus import MAX_CAPTION, MAX_COLUMNS, MAX_ROWS, find_records, read_record
from pfocr_chat.errors import (
    CorpusError,
    CorruptIndexError,
    EvaluationError,
    FeedbackError,
    PromptError,
    QuestionError,
    RecordError,
)
from pfocr_chat.evaluation import read_cases
from pfocr_chat.feedback import Feedback, FeedbackKind, FeedbackStore
from pfocr_chat.generations import read_manifest
from pfocr_chat.prompting import load_prompt
from pfocr_chat.queries import Filters
from pfocr_chat.records import FigureRecord
from pfocr_chat.slack.actions import press_of
from pfocr_chat.slack.events import Identity, message_asked
from pfocr_chat.slack.settings import Allowed
from pfocr_chat.sync import read_source
from pfocr_chat.ui import Accounts, Serving
from pfocr_chat.ui.controls import filters_of
from pfocr_chat.ui.pictures import find_picture
from pfocr_chat.untrusted import MAX_NODES, parse_front_matter, parse_json

# Gradio's queue counts its events in ways that newer versions of pandas deprecate.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

# Records


def write(folder: Path, fields: str, table: str | None = None) -> Path:
    """A corpus of one record."""
    for name in ("_figures", "_data"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "_figures" / "PMC1__a.md").write_text(f"---\nfigid: PMC1__a\n{fields}\n---\n", encoding="utf-8")
    if table is not None:
        (folder / "_data" / "PMC1__a-genes.tsv").write_text(table, encoding="utf-8")
    return folder


def read(folder: Path) -> tuple[FigureRecord, list[str]]:
    """The one record of a corpus, and what could not be read of its tables."""
    (files,) = find_records(folder)
    record, problems = read_record(files)
    return record, [problem.reason for problem in problems]


def test_links_out_of_the_corpus_are_not_followed(tmp_path: Path) -> None:
    """A record or table that is a link to a file elsewhere is not opened, not even for its hash; others are read."""
    write(tmp_path / "elsewhere", "figtitle: secret", "word\nSECRET\n")
    corpus = write(tmp_path / "corpus", "figtitle: own")
    (corpus / "_data" / "PMC1__a-genes.tsv").symlink_to(tmp_path / "elsewhere" / "_data" / "PMC1__a-genes.tsv")
    assert read(corpus)[1] == ["a link that leads out of the folder"]
    (files,) = find_records(corpus)
    assert (read(corpus)[0].mentions, files.stamp()) == ((), b"")
    (corpus / "_figures" / "PMC1__a.md").unlink()
    (corpus / "_figures" / "PMC1__a.md").symlink_to(tmp_path / "elsewhere" / "_figures" / "PMC1__a.md")
    (files,) = find_records(corpus)
    for look in (files.digest, lambda: read_record(files)):
        with pytest.raises(RecordError, match="a link that leads out of the folder"):
            look()


def test_a_folder_of_the_corpus_is_no_link(tmp_path: Path) -> None:
    """``_figures`` that leads out of the folder is refused; links within it, and a link to all of it, are followed."""
    write(tmp_path / "elsewhere", "figtitle: T")
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "_figures").symlink_to(tmp_path / "elsewhere" / "_figures")
    with pytest.raises(CorpusError, match=r"_figures is a link that leads out of its folder"):
        find_records(tmp_path / "corpus")
    (tmp_path / "all").symlink_to(tmp_path / "elsewhere")
    assert read(tmp_path / "all")[0].title == "T"
    (tmp_path / "elsewhere" / "other.md").symlink_to(tmp_path / "elsewhere" / "_figures" / "PMC1__a.md")
    assert len([read_record(files) for files in find_records(tmp_path / "elsewhere")]) == 2


def test_what_a_terminal_would_obey_is_dropped(tmp_path: Path) -> None:
    """Escapes in YAML and in tables can put control characters and turned directions into a title or a word."""
    fields = 'figtitle: "red\\e[31m\\0 \\u202eturned\\a"\nkeywords: "a\\x9bb|c"'
    record, _ = read(write(tmp_path, fields, "word\tncbigene_symbol\nTP\x1b53\tT\x00P53\n"))
    assert (record.title, record.keywords) == ("red[31m turned", ("ab", "c"))
    assert [(m.word, m.name) for m in record.mentions] == [("TP53", "TP53")]


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("word\n" + "a\n" * (MAX_ROWS + 1), "more than 5,000 rows"),
        ("word" + "".join(f"\tc{n}" for n in range(MAX_COLUMNS)) + "\n" + "a\n" * 100, "more than 100 columns"),
        ("word\n" + "x" * 6_000 + "\n", "a cell of more than 5,000 characters"),
    ],
)
def test_a_table_beyond_all_measure_is_reported(table: str, reason: str, tmp_path: Path) -> None:
    """Rows times columns cost minutes and gigabytes; the record is read without it."""
    record, problems = read(write(tmp_path, "figtitle: T", table))
    assert (record.title, len(problems)) == ("T", 1)
    assert reason in problems[0]


@pytest.mark.parametrize(
    "fields",
    [
        f"caption: {'x ' * MAX_CAPTION}",
        f"figtitle: {'x' * 6_000}",
        f"keywords: [{'a,' * 2_000}]",
        f"organisms: {'|'.join('abc')}|{'x' * 6_000}",
        "genes:\n" + "- {word: A}\n" * (MAX_ROWS + 1),
        f"schema-jsonld: {{caption: a}}\ncaption: {'x' * 40_000}",
    ],
)
def test_a_field_beyond_all_measure_is_refused(fields: str, tmp_path: Path) -> None:
    """Every question that finds such a record would take seconds."""
    with pytest.raises(RecordError, match=r"the field '\w+' has"):
        read(write(tmp_path, fields))


def test_names_that_no_file_has_are_none(tmp_path: Path) -> None:
    """A file name is short and leads nowhere; digits are those of ASCII."""
    for name in ("..", ".x.jpg", "x" * 300, "a/b.jpg"):
        assert read(write(tmp_path, f"filename: {name}"))[0].filename is None
    assert read(write(tmp_path, "pmcid: PMC١٢"))[0].pmcid == "PMC1"
    for figid in ("PMC1__" + "a" * 300, "PMC١__a", "PMC" + "1" * 50 + "__a"):
        with pytest.raises(ValueError, match="not a figid"):
            FigureRecord(figid)


def test_a_picture_whose_name_is_too_long_is_not_there(tmp_path: Path) -> None:
    """An older index may hold such names; the system's complaint about them is no error."""
    record = FigureRecord("PMC1__a", pmcid="PMC1", filename="x" * 5_000 + ".jpg")
    assert find_picture(tmp_path, record) is None


# Front matter and JSON


def test_front_matter_of_too_many_values_is_refused_soon() -> None:
    """Before anything is built of them."""
    began = time.perf_counter()
    with pytest.raises(ValueError, match="more than 100,000 values"):
        parse_front_matter("---\na: [" + "b," * (MAX_NODES * 5) + "]\n---\n")
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 5_000, '"\\ud800"', b'["\\udfff x"]', b'"\xed\xa0\x80"', "1" * 5_000, "{"]
)
def test_json_that_cannot_be_held_is_a_value_error(text: str | bytes) -> None:
    """Nesting without end, halves of characters, and numbers of thousands of digits."""
    with pytest.raises(ValueError, match=r"."):
        parse_json(text)


@pytest.mark.parametrize(
    ("front", "body", "reason"),
    [
        ("a: &a [x]\nb: *a", "{q}", "YAML aliases"),
        ("a: " + "[" * 50_000, "{q}", "nested more than"),
        ("system: s\nvariables: [q]", "{q:>999999999}", "more than a name"),
        ("system: s\nvariables: [q]", "{q!r}", "more than a name"),
        ("system: s\nvariables: [q]", "{q.__class__}", "uses the variables"),
        ("system: s\nvariables: [q]", "x" * 200_000, "more than 100,000 characters"),
        (
            "system: s\nvariables: [" + "a" * 9_000 + "]",
            "{q}",
            r"declares the variables \['a{200,300}…, not \['q'\]\.$",
        ),
        ("system: 2020-13-45\nvariables: q", "{q}", "needs `system` and `variables`"),
    ],
)
def test_prompt_files_blow_nothing_up(front: str, body: str, reason: str, tmp_path: Path) -> None:
    """The same reader as for records, and a place in a prompt is its variable's name and nothing else."""
    (tmp_path / "p.md").write_text(f"---\n{front}\n---\n{body}\n")
    with pytest.raises(PromptError, match=reason):
        load_prompt("p", frozenset({"q"}), folder=tmp_path)


MANIFEST: dict[str, Any] = {
    **{"generation": "g000001", "format": 3, "passage_format": 1, "embedder": "e", "embedder_fingerprint": "f"},
    **{"dimension": 384, "figures": 1, "passages": 1, "built": "2026", "corpus": "c", "files": {}, "vectors": 1},
}


@pytest.mark.parametrize(
    "changed",
    [
        {"files": {"a\x00b": 1}},
        {"files": {"../../x": 1}},
        {"files": {"/etc/passwd": 1}},
        {"dimension": "384"},
        {"figures": True},
        {"built": {}},
        {"embedder": "e" * 5_000},
        {"generation": "g١٢٣٤٥٦"},
    ],
)
def test_a_manifest_of_other_values_is_damaged(changed: dict[str, Any], tmp_path: Path) -> None:
    """No file outside of the generation is looked at, and nothing of another type goes on to whoever shows it."""
    (tmp_path / "manifest.json").write_text(json.dumps(MANIFEST | changed))
    with pytest.raises(CorruptIndexError, match=f"its value of {next(iter(changed))} is none"):
        read_manifest(tmp_path)


def test_a_manifest_nested_too_deeply_is_damaged(tmp_path: Path) -> None:
    """Python's reader raises RecursionError, which is no ValueError."""
    (tmp_path / "manifest.json").write_text("[" * 100_000)
    with pytest.raises(CorruptIndexError, match="it cannot be read"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("content", ["[" * 100_000, '{"repo": 1, "commit": [], "committed": "", "generation": "g1"}'])
def test_a_source_of_other_values_is_none(content: str, tmp_path: Path) -> None:
    """An index whose origin cannot be read is one without."""
    (tmp_path / "source.json").write_text(content)
    assert read_source(tmp_path, "g1") is None


def test_questions_with_half_a_character_are_refused(tmp_path: Path) -> None:
    """The report on them could not be written, minutes later."""
    (tmp_path / "q.jsonl").write_text('{"qid": "\\ud800", "type": "unanswerable", "question": "q"}\n')
    with pytest.raises(EvaluationError, match=r"line 1: JSON with half of a character"):
        read_cases(tmp_path / "q.jsonl")


def test_what_is_wrong_with_a_question_is_short(tmp_path: Path) -> None:
    """A line may hold anything, and is not repeated in full."""
    (tmp_path / "q.jsonl").write_text(json.dumps({"qid": "1", "type": "x" * 9_000, "question": "q"}))
    with pytest.raises(EvaluationError, match=r"unknown type 'xxx") as caught:
        read_cases(tmp_path / "q.jsonl")
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize("figids", ["5", "[1]", "[" * 100_000, b"\xff", 7])
def test_feedback_of_other_values_cannot_be_read(figids: object, tmp_path: Path) -> None:
    """A file that another program wrote is told of in a sentence."""
    with closing(FeedbackStore(tmp_path / "f.sqlite")) as store:
        store.add(Feedback(FeedbackKind.USEFUL, "q"))
        with closing(sqlite3.connect(tmp_path / "f.sqlite")) as db, db:
            db.execute("UPDATE feedback SET figids = ?", (figids,))
        with pytest.raises(FeedbackError, match="cannot be read"):
            store.all()


# HTTP


@pytest.fixture(scope="module")
def address(quoting: Assistant) -> Iterator[str]:
    with served(quoting) as address:
        yield address


JOIN = {"data": ["q"], "fn_index": 0, "session_hash": "x"}
RPC = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("path", "content", "status"),
    [
        ("queue/join", json.dumps(JOIN | {"fn_index": 10**9}).encode(), 404),
        ("queue/join", json.dumps(JOIN | {"fn_index": "0"}).encode(), 404),
        ("queue/join", json.dumps(JOIN).encode(), 400),
        ("queue/join", b"[]", 404),
        ("run/predict", b'{"data": [], "fn_index": 10000}', 404),
        ("call/v2/ask", b'{"data": ["TNF"]}', 400),
        ("call/v2/ask", b"{}", 400),
        ("call/v2/nothing", b'{"question": "TNF"}', 404),
        ("mcp/", gzip.compress(b"{}"), 400),
        ("mcp/", b"\xff\xfe", 400),
        ("mcp/", b"[" * 100_000, 400),
        ("run/find_figures", b'{"data": ["\\ud800"]}', 400),
        ("run/ask", b'{"data": ' + b"[" * 900 + b"]" * 900 + b"}", 400),
    ],
)
def test_what_is_posted_is_refused_not_failed(path: str, content: bytes, status: int, address: str) -> None:
    """Gradio and MCP would end in 500 and a traceback in the log."""
    answered = httpx.post(f"{address}/gradio_api/{path}", content=content, headers=RPC)
    assert answered.status_code == status
    assert answered.json()["error"].endswith(".")


def test_the_events_of_an_unknown_session_are_none(address: str, caplog: pytest.LogCaptureFixture) -> None:
    """Gradio begins to answer, then finds out that there is nothing to tell, and fails."""
    told = httpx.get(f"{address}/gradio_api/queue/data?session_hash=nobody", timeout=PATIENCE)
    assert told.status_code == 200
    assert told.content == b"" or b"session_not_found" in told.content
    assert not [record for record in caplog.records if record.exc_info]


def test_a_call_by_names_is_taken(address: str) -> None:
    """What is left out takes its default there, too."""
    made = httpx.post(f"{address}/gradio_api/call/v2/figure", json={"figid": "PMC9000001__fak.g001"})
    assert "event_id" in made.json()


def test_anybodys_word_on_where_they_come_from_does_not_count(address: str) -> None:
    """Gradio would make addresses of ``X-Forwarded-Host``, and fail where it is no name of a host."""
    body = {"data": ["PMC9000001__fak.g001"]}
    for host in (b"\xb2", b"evil.example"):
        headers = [(b"x-forwarded-host", host), (b"x-gradio-server", host), (b"x-forwarded-proto", b"https")]
        answered = httpx.post(f"{address}/gradio_api/run/figure", json=body, headers=headers)
        assert answered.status_code == 200
        assert "evil" not in httpx.get(f"{address}/config", headers=headers).text


@pytest.mark.parametrize(
    "given", [b"Basic \xe9", b"Basic \xff\xfe", b"Basic " + base64.b64encode(b"\xff:\xff"), b"Basic ="]
)
def test_a_login_of_no_base64_is_a_wrong_one(given: bytes, quoting: Assistant) -> None:
    """Letters that are not ASCII made Python's decoder raise another error than it does for bad padding."""
    with served(quoting, Serving(accounts=Accounts({"ada": "horse"}))) as address:
        assert httpx.get(address, headers=[(b"authorization", given)]).status_code == 401


def test_a_figid_of_no_address_and_half_a_character_is_not_there(address: str, quoting: Assistant) -> None:
    """Neither Python's reader of addresses nor SQLite takes what a caller may send."""
    for figid in ("http://[::1", "//[x/", "https://[/figures/PMC1__a.html"):
        answered = httpx.post(f"{address}/gradio_api/run/figure", json={"data": [figid]})
        assert (answered.status_code, "The index has no figure" in answered.json()["error"]) == (400, True)
    assert quoting.record("PMC1__\ud800") is None
    with pytest.raises(QuestionError, match="has no gene"):
        quoting.ask("TNF?", filters=Filters(genes_all=("\ud800",)))


def test_a_name_that_is_not_known_is_repeated_in_part(quoting: Assistant) -> None:
    """The sentence on it is one to be read."""
    for filters in (Filters(genes_any=("x" * 9_000,)), Filters(journals=("y" * 9_000,))):
        with pytest.raises(QuestionError, match="The index has no") as caught:
            quoting.ask("TNF?", filters=filters)
        assert len(str(caught.value)) < 400
    with pytest.raises(QuestionError, match="is no year") as caught:
        filters_of([], "9" * 9_000, "", "", "")
    assert len(str(caught.value)) < 200


def test_a_question_of_megabytes_is_refused(quoting: Assistant) -> None:
    """It is measured before it is looked at letter by letter."""
    began = time.process_time()
    with pytest.raises(QuestionError, match=r"The question has 50,000,000 characters"):
        quoting.ask("9" * 50_000_000)
    assert time.process_time() - began < 2


def test_a_gene_list_of_megabytes_is_refused(quoting: Assistant) -> None:
    """What is pasted is counted before it is read."""
    began = time.process_time()
    with pytest.raises(QuestionError, match=r"The list has 6,000,000 characters"):
        quoting.gene_list("TP53, " * 1_000_000)
    assert time.process_time() - began < 2


# Slack


@pytest.fixture(scope="module")
def slack() -> Iterator[FakeSlack]:
    with FakeSlack() as fake:
        yield fake


@pytest.fixture(scope="module")
def events(slack: FakeSlack, quoting: Assistant, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The bot over HTTP; its address."""
    with running(quoting, slack, tmp_path_factory.mktemp("slack"), http=True) as said:
        yield said.split()[6]


def signed(content: bytes, kind: str = "application/json") -> dict[str, str]:
    """The headers with which Slack would send it."""
    stamp = str(int(time.time()))
    mac = hmac.new(SIGNING_SECRET.encode(), b"v0:" + stamp.encode() + b":" + content, hashlib.sha256)
    return {"Content-Type": kind, "X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={mac.hexdigest()}"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Slack-Request-Timestamp": "abc", "X-Slack-Signature": "v0=0"},
        {"X-Slack-Request-Timestamp": "9" * 5_000, "X-Slack-Signature": "v0=0"},
        {"X-Slack-Request-Timestamp": str(int(time.time())), "X-Slack-Signature": b"v0=\xe9"},
    ],
)
@pytest.mark.parametrize("content", [b"{", b"[]", b"payload=x", b'{"authorizations": [1]}', b"\xff"])
def test_nothing_unsigned_is_read(content: bytes, headers: dict[str, Any], events: str) -> None:
    """Bolt reads a body before it looks at its signature, and fails in both where they are odd."""
    answered = httpx.post(events, content=content, headers=headers, timeout=PATIENCE)
    assert answered.status_code == 401


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b'{"type": "event_callback", "event": 1.5}',
        b'{"type": "block_actions", "actions": []}',
        b'{"type": "event_callback", "authorizations": [1], "event": {}}',
        b"[" * 100_000,
    ],
)
def test_what_is_signed_and_not_slacks_is_refused(content: bytes, events: str) -> None:
    """It is no reason for Slack to tell of it again, as 500 would be."""
    answered = httpx.post(events, content=content, headers=signed(content), timeout=PATIENCE)
    assert answered.status_code == 400


def test_events_of_other_types_are_silent() -> None:
    """A subtype that is a list, and actions that are none, are nothing for the bot."""
    event = {"type": "message", "user": "U1", "text": "TNF", "ts": "1.2", "channel": "D1", "channel_type": "im"}

    def asked(**changed: Any) -> Any:
        body = {"team_id": TEAM, "event": event | changed}
        who = Identity(TEAM, BOT_USER)
        return message_asked(body, identity=who, allowed=Allowed(), is_known=lambda *_: True, limit=2_000)

    assert asked() is not None
    assert asked(subtype=["x"]) is None
    assert asked(subtype={}) is None
    half = asked(text="TNF \ud800 IL6")
    assert half.question == "TNF ? IL6"
    for actions in (5, [1], {}, [{"action_id": ["pfocr_more"]}], [{"action_id": "pfocr_more", "value": "\ud800"}]):
        assert press_of({"actions": actions}) is None
    pressed = press_of({"actions": [{"action_id": "pfocr_more", "value": "abc:10"}], "user": 5, "message": "x"})
    assert pressed is not None
    assert (pressed.user, pressed.thread) == ("", "")


def test_a_name_that_never_ends_takes_no_time() -> None:
    """The bot's name again and again, without its end, cost the square of its length."""
    text = f"<@{BOT_USER}|" * 80_000
    event = {"type": "message", "user": "U1", "text": text, "ts": "1.2", "channel": "C1", "channel_type": "channel"}
    began = time.perf_counter()
    message_asked(
        {"team_id": TEAM, "event": event},
        identity=Identity(TEAM, BOT_USER),
        allowed=Allowed(),
        is_known=lambda *_: False,
        limit=2_000,
    )
    assert time.perf_counter() - began < 5
