"""Ranking anew with a cross-encoder: what it scores, what order that gives, and what cannot be used for it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.cross_encoders import BaseCrossEncoder
from planted import BOTH, RECORDS, UNDATED, Planted
from sentence_transformers import CrossEncoder
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertForSequenceClassification,
    BertModel,
    BertTokenizerFast,
    LlamaForCausalLM,
    PreTrainedModel,
)

from pfocr_chat import Hit, open_assistant
from pfocr_chat.catalog import FILE_NAME, Catalog
from pfocr_chat.cli import main
from pfocr_chat.embedder import Embedder
from pfocr_chat.errors import RerankerError
from pfocr_chat.generations import generation_folder, read_manifest
from pfocr_chat.indexing import build_index
from pfocr_chat.minilm import find_weights
from pfocr_chat.passages import to_passages
from pfocr_chat.query import understand
from pfocr_chat.reranker import Reranker
from pfocr_chat.retriever import RERANKED, RERANKED_TEXT, Retriever
from pfocr_chat.vectorindex import FOLDER_NAME, VectorIndex

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
QUESTION = "How does FAK make YAP1 enter the nucleus?"


def save_model(folder: Path, kind: type[PreTrainedModel] = BertForSequenceClassification, *, labels: int = 1) -> Path:
    """A model of one layer with weights by chance, but the same each time, that reads letter by letter."""
    folder.mkdir(parents=True)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "yes", "no", *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    torch.manual_seed(7)
    config = kind.config_class(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=512,
        num_labels=labels,
        initializer_range=0.6,  # far apart, so that scores differ by more than arithmetic does
    )
    kind(config).save_pretrained(folder)
    BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny cross-encoder."""
    return save_model(tmp_path_factory.mktemp("models") / "encoder")


@pytest.fixture(scope="module")
def reranker(encoder: Path) -> Reranker:
    return Reranker(str(encoder))


# Scores

PAIRS = [
    ("what does FAK bind?", "Integrin binds FAK."),
    ("what does FAK bind?", ""),
    ("", "FAK " * 600),
    ("α–β \U0001f9ec", "‘quoted’\nlines"),
    *[("q", "longer and longer " * n) for n in range(9)],
]


def test_scores_are_those_of_the_model(encoder: Path, reranker: Reranker) -> None:
    """Each pair has the score that the model gives it alone, whatever stands beside it; long texts are cut."""
    model = AutoModelForSequenceClassification.from_pretrained(encoder)
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    expected = []
    for question, text in PAIRS:
        read = tokenizer([question], [text], truncation=True, max_length=512, return_tensors="pt")
        with torch.inference_mode():
            expected.append(float(torch.sigmoid(model(**read).logits)))
    assert reranker.score(PAIRS) == pytest.approx(expected, abs=1e-5)
    assert reranker.score(PAIRS[::-1]) == pytest.approx(expected[::-1], abs=1e-5)
    assert max(expected) - min(expected) > 0.01
    assert reranker.score([]) == []


def test_threads_share_a_reranker(reranker: Reranker) -> None:
    """Scores asked for at the same time do not mix."""
    parts = [PAIRS[n : n + 3] for n in range(10)] * 4
    alone = [reranker.score(part) for part in parts[:10]] * 4
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(reranker.score, parts)) == [pytest.approx(scores, abs=1e-5) for scores in alone]


def test_a_folder_as_sentence_transformers_saves_it(encoder: Path, reranker: Reranker, tmp_path: Path) -> None:
    """A cross-encoder with sentence-transformers' own files beside it is loaded as well."""
    CrossEncoder(str(encoder), local_files_only=True).save_pretrained(str(tmp_path / "saved"))
    assert (tmp_path / "saved" / "modules.json").exists()
    assert Reranker(str(tmp_path / "saved")).score(PAIRS) == pytest.approx(reranker.score(PAIRS), abs=1e-6)


def test_a_language_model_that_says_yes_or_no(tmp_path: Path) -> None:
    """A causal model is taken as sentence-transformers takes it: by how much likelier "yes" is than "no"."""
    scores = Reranker(str(save_model(tmp_path / "causal", LlamaForCausalLM))).score(PAIRS)
    assert len(scores) == len(PAIRS)
    assert max(scores) - min(scores) > 0.01


def test_the_users_home_may_be_written_short(encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """~ is expanded."""
    monkeypatch.setenv("HOME", str(encoder.parent))
    assert Reranker("~/encoder").score([("a", "b")]) == Reranker(str(encoder)).score([("a", "b")])


# What cannot be used


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def config_with(**changes: object) -> Callable[[Path], None]:
    """Saves a cross-encoder and changes its configuration."""

    def spoil(folder: Path) -> None:
        path = save_model(folder) / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")

    return spoil


def saved_with(name: str, text: str) -> Callable[[Path], None]:
    """Saves a cross-encoder with sentence-transformers' own files, one of which holds something else."""

    def spoil(folder: Path) -> None:
        CrossEncoder(str(save_model(folder)), local_files_only=True).save_pretrained(str(folder))
        (folder / name).write_text(text, encoding="utf-8")

    return spoil


def poison(folder: Path) -> None:
    """A cross-encoder whose scores are no numbers."""
    model = AutoModelForSequenceClassification.from_pretrained(save_model(folder))
    torch.nn.init.constant_(model.classifier.bias, float("nan"))
    model.save_pretrained(folder)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (Path.exists, "is not a folder"),
        (lambda folder: folder.write_text("weights"), "is not a folder"),
        (lambda folder: folder.mkdir(), "cannot be loaded"),
        (lambda folder: cut(save_model(folder) / "model.safetensors"), "cannot be loaded"),
        (lambda folder: (save_model(folder) / "model.safetensors").unlink(), "cannot be loaded"),
        (lambda folder: cut(save_model(folder) / "config.json"), "cannot be loaded"),
        (lambda folder: cut(save_model(folder) / "tokenizer_config.json"), "cannot be loaded"),
        (config_with(model_type="unheard of"), "cannot be loaded"),
        (config_with(hidden_size=32), "cannot be loaded"),
        (config_with(hidden_size="wide"), "cannot be loaded"),
        (saved_with("tokenizer_config.json", "[]"), "cannot be loaded"),
        (saved_with("modules.json", '[{"idx": 0}]'), "cannot be loaded"),
        (saved_with("modules.json", '[{"idx": 0, "name": "0", "path": "", "type": "os.system"}]'), "cannot be loaded"),
        (
            saved_with(
                "config_sentence_transformers.json", '{"model_type": "CrossEncoder", "requirements": {"torch": ">99"}}'
            ),
            "cannot be loaded",
        ),
        (lambda folder: save_model(folder, labels=3), "is not a cross-encoder that gives one score a text"),
        (lambda folder: save_model(folder, BertModel), "is not a cross-encoder that gives one score a text"),
        (lambda folder: folder.symlink_to(find_weights()), "is not a cross-encoder that gives one score a text"),
        (poison, "is not a cross-encoder that gives one score a text"),
    ],
)
def test_what_is_no_cross_encoder_is_refused_when_it_is_opened(
    make: Callable[[Path], object],
    message: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A missing, damaged or other model is one line that names it and the way out; no library adds to that."""
    folder = tmp_path / "reranker"
    make(folder)
    capfd.readouterr()
    caplog.clear()
    with pytest.raises(RerankerError, match=f"^.*{folder}.* {message}.*Name the folder of a cross-encoder") as caught:
        Reranker(str(folder))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")
    assert caplog.messages == []


@pytest.mark.parametrize("name", ["a/b/c", "no such name!"])
def test_what_can_be_no_name_is_refused(name: str) -> None:
    """What is neither a folder nor a name that Hugging Face allows is refused without asking there."""
    with pytest.raises(RerankerError, match=f"The reranker {name} cannot be loaded"):
        Reranker(name)


# By name

SHA = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def hub(encoder: Path) -> Iterator[tuple[str, list[str]]]:
    """The address of a server that has the cross-encoder as ``tiny/encoder``, and what it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            repository, _, rest = self.path.removeprefix("/").partition("/resolve/")
            path = encoder / rest.partition("/")[2].removeprefix("./")
            if self.path == "/api/models/tiny/encoder":
                self.answer(json.dumps({"id": "tiny/encoder", "sha": SHA, "siblings": []}).encode())
            elif repository == "tiny/encoder" and path.is_file():
                self.answer(path.read_bytes(), path.name)
            else:
                self.send_response(404)
                self.send_header("X-Error-Code", "EntryNotFound" if "tiny/encoder" in self.path else "RepoNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()

        do_HEAD = do_GET  # noqa: N815 - the name that http.server calls

        def answer(self, content: bytes, name: str = "") -> None:
            self.send_response(200)
            tag = hashlib.sha256(content).hexdigest() if name.endswith(".safetensors") else name
            headers = {"ETag": f'"{tag}"', "X-Repo-Commit": SHA, "Content-Length": str(len(content))}
            for header, value in headers.items():
                self.send_header(header, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


OPENING = """
import sys
from pfocr_chat.errors import RerankerError
from pfocr_chat.reranker import Reranker
for name in sys.argv[1:]:
    try:
        print(name, Reranker(name).score([("q", "longer and longer")]))
    except RerankerError as exc:
        print(exc)
"""


@pytest.fixture(scope="module")
def told(hub: tuple[str, list[str]], encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What a process whose Hugging Face is ``hub`` says of a name there, one that is not there, and a folder."""
    home = tmp_path_factory.mktemp("home")
    (home / "local").mkdir()
    (home / "local" / "encoder").symlink_to(encoder)
    environ = os.environ | {"HF_ENDPOINT": hub[0], "HF_HOME": str(home / "cache"), "HF_HUB_DISABLE_TELEMETRY": "1"}
    command = [sys.executable, "-c", OPENING, "tiny/encoder", "nobody/nothing", "local/encoder"]
    result = subprocess.run(command, env=environ, cwd=home, capture_output=True, text=True, timeout=120, check=True)
    assert result.stderr == ""
    return result.stdout.splitlines()


def test_a_name_is_looked_up_at_hugging_face(told: list[str], hub: tuple[str, list[str]], reranker: Reranker) -> None:
    """A name that is no folder is fetched."""
    assert told[0] == f"tiny/encoder {reranker.score([('q', 'longer and longer')])}"
    assert f"/tiny/encoder/resolve/{SHA}/model.safetensors" in hub[1]


def test_a_name_that_is_not_there_is_one_line(told: list[str], hub: tuple[str, list[str]]) -> None:
    """Where Hugging Face does not have it, one line says so."""
    assert told[1].startswith("The reranker nobody/nothing cannot be loaded (")
    assert told[1].endswith("or one at Hugging Face, such as cross-encoder/ms-marco-MiniLM-L6-v2.")
    assert any("nobody/nothing" in path for path in hub[1])


def test_a_folder_needs_no_network(told: list[str], hub: tuple[str, list[str]]) -> None:
    """For a folder, though it could be a name, nobody is asked."""
    assert told[2:] == [told[0].replace("tiny", "local")]
    assert not any("local" in path for path in hub[1])


# The order that scores give


class Judge(BaseCrossEncoder):
    """A cross-encoder that judges as it is told, and remembers what it was asked."""

    def __init__(self, opinion: Callable[[str], float]) -> None:
        self.opinion = opinion
        self.asked: list[list[tuple[str, str]]] = []

    def score(self, text_pairs: list[tuple[str, str]]) -> list[float]:
        self.asked.append(text_pairs)
        return [self.opinion(text) for _, text in text_pairs]


COPY, ORIGINAL, ENDLESS = "PMC70__copy.g2", "PMC70__copy.g1", "PMC71__endless.g1"
FILLERS = [f"PMC8{n:02}__filler.g1" for n in range(RERANKED + 4)]


def write_figures(folder: Path) -> Path:
    """Figures on kinases: two with one caption in one paper, one with a long caption, and many others."""
    copied = {"caption": "Kinase cascade of the copied paper.", "papertitle": "Copied"}
    endless = " ".join(f"Kinase number {n} of the long cascade passes its phosphate on." for n in range(60))
    figures = {
        ORIGINAL: {"figtitle": "Kinases, part one", **copied},
        COPY: {"figtitle": "Kinases, part two", **copied},
        ENDLESS: {"figtitle": "Many kinases", "caption": f"{endless} At last comes luciferase."},
    }
    for n, figid in enumerate(FILLERS):
        figures[figid] = {"figtitle": f"Kinase {n}", "caption": f"A kinase cascade in tissue {n}, step {n * 7 % 25}."}
    folder.mkdir()
    for figid, fields in figures.items():
        text = yaml.safe_dump({"figid": figid, "pmcid": figid.partition("__")[0], **fields}, sort_keys=False)
        (folder / f"{figid}.md").write_text(f"---\n{text}---\n", encoding="utf-8")
    return folder


Rank = Callable[..., list[Hit]]


@pytest.fixture(scope="module")
def rank(embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rank]:
    """Retrieves from the figures on kinases with a reranker, or without."""
    folder = tmp_path_factory.mktemp("kinases")
    build_index(write_figures(folder / "corpus"), folder / "vectorstore", embedder)
    generation = generation_folder(folder / "vectorstore", read_manifest(folder / "vectorstore").generation)
    with Catalog(generation / FILE_NAME) as catalog, VectorIndex(generation / FOLDER_NAME) as vectors:

        def retrieve(judge: Judge | None, k: int = 100) -> list[Hit]:
            retriever = Retriever(catalog, vectors, embedder, reranker=judge)
            return retriever.retrieve(understand("How does the kinase cascade act?", catalog), k)

        yield retrieve


def figids(hits: Sequence[Hit]) -> list[str]:
    return [hit.figid for hit in hits]


def scores(hits: Sequence[Hit]) -> list[float]:
    return [hit.score for hit in hits]


def texts_of(hit: Hit) -> list[str]:
    return [passage.text for passage in to_passages(hit.record, window=RERANKED_TEXT, count_tokens=len)]


@settings(max_examples=15, deadline=None)
@given(opinions=st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=7, max_size=7))
def test_the_first_are_in_the_order_of_their_scores(rank: Rank, opinions: list[float]) -> None:
    """Higher scores first, equal ones as they were; the others stay, and so do the scores at their places."""
    plain, hits = rank(None), rank(Judge(lambda text: opinions[len(text) % 7]))
    judged = {hit.figid: max(opinions[len(text) % 7] for text in texts_of(hit)) for hit in plain}
    expected = sorted(plain[:RERANKED], key=lambda hit: -judged[hit.figid])
    twins = [hit for hit in expected if hit.figid in (ORIGINAL, COPY)]
    expected.append(expected.pop(expected.index(twins[1])))
    assert figids(hits[:RERANKED]) == figids(expected)
    assert hits[RERANKED:] == plain[RERANKED:]
    assert scores(hits) == scores(plain) == sorted(scores(plain), reverse=True)
    assert [hit.similarity for hit in hits[:RERANKED]] == [hit.similarity for hit in expected]


@pytest.mark.parametrize("better", ["one", "two"])
def test_a_repeated_figure_goes_behind(better: str, rank: Rank) -> None:
    """Of two figures with one caption in one paper the better comes first, and the other after all that are not."""
    hits = rank(Judge(lambda text: ("Kinases, part" in text) + 0.5 * (f"part {better}" in text)))
    first, last = (ORIGINAL, COPY) if better == "one" else (COPY, ORIGINAL)
    assert (hits[0].figid, hits[RERANKED - 1].figid) == (first, last)


def test_the_best_text_of_a_figure_counts(rank: Rank) -> None:
    """A long caption is judged in parts, each with the title, none too long to be read whole, and all in one call."""
    judge = Judge(lambda text: float("luciferase" in text))
    assert rank(judge)[0].figid == ENDLESS
    (asked,) = judge.asked
    parts = [text for _, text in asked if text.startswith("Many kinases")]
    assert len(parts) > 2
    assert len(asked) == RERANKED - 1 + len(parts)
    assert max(len(text) for _, text in asked) <= RERANKED_TEXT
    assert {question for question, _ in asked} == {"How does the kinase cascade act?"}


@pytest.mark.parametrize("k", [1, 5, RERANKED])
def test_fewer_figures_are_the_first_of_more(k: int, rank: Rank) -> None:
    """However few are asked for, as many are judged."""
    judge = Judge(lambda text: float(len(text) % 7))
    assert figids(rank(judge, k)) == figids(rank(judge))[:k]


@pytest.fixture(scope="module")
def judged(planted: Planted) -> Iterator[Callable[[Judge, str], list[Hit]]]:
    """Retrieves from the planted records with a reranker."""
    with Catalog(planted.folder / FILE_NAME) as catalog, VectorIndex(planted.folder / FOLDER_NAME) as vectors:

        def retrieve(judge: Judge, question: str) -> list[Hit]:
            retriever = Retriever(catalog, vectors, planted.embedder, reranker=judge)
            query = understand(question, catalog)
            return retriever.retrieve(query, 20, complete=retriever.complete(query))

        yield retrieve


def test_figures_with_everything_stay_in_front(judged: Callable[[Judge, str], list[Hit]]) -> None:
    """A figure that shows all that is asked for stays before every other; among these the scores decide."""
    for best, order in (("sepsis", [BOTH, UNDATED]), ("synovial", [UNDATED, BOTH])):
        hits = judged(
            Judge(lambda text, best=best: (best in text) - 2.0 * ("TNF" in text)), "which figures show TNF and IL-6?"
        )
        assert figids(hits[:2]) == order
        assert len(hits) == len(RECORDS)
        assert scores(hits) == sorted(scores(hits), reverse=True)


def test_nothing_found_is_nothing_asked(judged: Callable[[Judge, str], list[Hit]]) -> None:
    """Where no figure meets the conditions, there is nothing to judge."""
    judge = Judge(len)
    assert judged(judge, "TNF before 1950") == []
    assert judge.asked == []


# Through the front doors


def test_an_assistant_ranks_with_it(planted: Planted, encoder: Path, reranker: Reranker) -> None:
    """An argument or the environment turns it on; hits and answers are in the order of the model's scores."""
    with open_assistant(planted.vectorstore, "none", environ={}) as assistant:
        plain = assistant.retrieve(QUESTION, 12)
    best = {hit.figid: max(reranker.score([(QUESTION, text) for text in texts_of(hit)])) for hit in plain}
    order = sorted(best, key=lambda figid: -best[figid])
    assert order != figids(plain)
    with open_assistant(planted.vectorstore, "none", str(encoder), environ={}) as assistant:
        assert figids(assistant.retrieve(QUESTION, 12)) == order
        assert assistant.ask(QUESTION).figids[0] == order[0]
    with open_assistant(planted.vectorstore, "none", environ={"PFOCR_CHAT_RERANKER": str(encoder)}) as assistant:
        assert figids(assistant.retrieve(QUESTION, 12)) == order


def test_the_command_takes_it(planted: Planted, encoder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The status names the reranker where there is one, in words and as JSON, and one that is missing is an error."""
    where = ["status", "--vectorstore", str(planted.vectorstore), "--llm", "none"]
    assert main([*where, "--reranker", str(encoder)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"reranker   {encoder}"
    assert main([*where, "--reranker", str(encoder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["reranker"] == str(encoder)
    assert main(where) == 0
    assert "reranker" not in capsys.readouterr().out
    assert main([*where, "--reranker", f"{encoder}-2"]) == 1
    assert capsys.readouterr().err.startswith(f"pfocr-chat: The reranker {encoder}-2 is not a folder.")


@pytest.mark.parametrize(("command", "taken"), [("ask", True), ("chat", True), ("eval", True), ("index", False)])
def test_commands_that_answer_take_it(command: str, taken: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """The help of a command that answers says so."""
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert ("--reranker NAME_OR_PATH" in capsys.readouterr().out) is taken
