"""The shell command: whole outputs, exit statuses, and one plain line for every mistake."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from planted import BOTH, FAK, FAK_2, RECORDS, SUMMARY, TNF_ONLY, UNDATED, Planted, write_records

from pfocr_chat.cli import main

COMMANDS = ("index", "sync", "ask", "find", "genes", "chat", "eval", "feedback", "status", "backup", "restore")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, so that no test meets an index of the person who runs it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of a command."""
    try:
        status = main([str(argument) for argument in arguments])
    except SystemExit as exc:
        status = int(exc.code or 0)
    return status, *capsys.readouterr()


def ask(capsys: pytest.CaptureFixture[str], planted: Planted, question: str, *options: str) -> tuple[int, str, str]:
    return run(capsys, "ask", question, "--vectorstore", planted.vectorstore, "--llm", "none", *options)


# Usage


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ([], "pfocr-chat: error: the following arguments are required: COMMAND"),
        (["sing"], "pfocr-chat: error: argument COMMAND: invalid choice: 'sing'"),
        (["ask"], "pfocr-chat ask: error: the following arguments are required: question"),
        (["ask", "a", "b"], "pfocr-chat: error: unrecognized arguments: b"),
        (["ask", "a", "--lmm", "none"], "pfocr-chat: error: unrecognized arguments: --lmm"),
        (["find", "a", "-k", "0"], "pfocr-chat find: error: argument -k: '0' is not a number above 0"),
        (["find", "a", "-k", "many"], "pfocr-chat find: error: argument -k: 'many' is not a number above 0"),
        (["find", "a", "-k", "²"], "pfocr-chat find: error: argument -k: '²' is not a number above 0"),
        (
            ["find", "a", "--year", "soon"],
            "pfocr-chat find: error: argument --year: 'soon' is not a year or a range of years such as 2015-2020",
        ),
        (["find", "a", "--csv", "--ris"], "pfocr-chat find: error: argument --ris: not allowed with argument --csv"),
        (["chat", "--port", "99999"], "pfocr-chat chat: error: argument --port: '99999' is not a port"),
        (["eval"], "pfocr-chat eval: error: the following arguments are required: QUESTIONS.jsonl"),
    ],
)
def test_a_usage_error_has_status_2(arguments: list[str], error: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The usage and one line on what is wrong go to standard error."""
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert err.startswith("usage: pfocr-chat")
    assert err.splitlines()[-1].startswith(error)


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """--help lists the commands, and each has its own help."""
    status, out, err = run(capsys, "--help")
    assert (status, err) == (0, "")
    for command in COMMANDS:
        assert f"    {command} " in out
        assert run(capsys, command, "--help")[0] == 0


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """--version names the program and its version."""
    assert run(capsys, "--version") == (0, f"pfocr-chat {metadata.version('pfocr-chat')}\n", "")


# Answers


def test_a_figure_is_described(planted: Planted, capsys: pytest.CaptureFixture[str]) -> None:
    """The answer's text, its citation with quote and links, the verdict, and what was understood; no error output."""
    assert ask(capsys, planted, f"What does {FAK_2} show?") == (
        0,
        "**FAK inhibitors** [1]\n"
        "\n"
        "“Defactinib blocks FAK, so that tumour cells lose their focal adhesions.” [1]\n"
        "\n"
        "- From: Adhesion and the Hippo pathway. 2012 [1]\n"
        "- Genes: PTK2 (printed FAK) [1]\n"
        "\n"
        f"[1] {FAK_2}: FAK inhibitors\n"
        "    quote: Defactinib blocks FAK, so that tumour cells lose their focal adhesions.\n"
        f"    PFOCR page: https://pfocr.wikipathways.org/figures/{FAK_2}.html\n"
        "    Paper at PMC: https://www.ncbi.nlm.nih.gov/pmc/articles/PMC9000001\n"
        "\n"
        "Checked: 1 quoted.\n"
        f"Understood as: the figure {FAK_2}.\n",
        "",
    )


def test_a_list_names_all_its_figures(planted: Planted, capsys: pytest.CaptureFixture[str]) -> None:
    """Figures that are not cited are listed at the end, and a summary is called one."""
    status, out, err = ask(capsys, planted, "which figures show receptors?")
    assert (status, err) == (0, "")
    assert out.startswith("**4 figures** match; the first 3:\n\n- *")
    assert "\nAll 4 figures: PMC" in out
    status, out, err = ask(capsys, planted, "How does insulin move GLUT4?")
    assert f"[1] {SUMMARY}: Insulin and glucose uptake\n    summary: Insulin makes AKT2" in out


def test_an_abstention_is_an_answer(planted: Planted, capsys: pytest.CaptureFixture[str]) -> None:
    """The reason and the nearest figures are printed, with status 0."""
    status, out, err = ask(capsys, planted, "How does frobnicase act on FAK?")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[:3] == ["No figure in the index names frobnicase.", "", "Nearest figures:"]
    assert len(lines) == 7
    assert f"- {FAK_2}: FAK inhibitors (https://pfocr.wikipathways.org/figures/{FAK_2}.html)" in lines
    assert lines[-1] == "Understood as: figures on FAK = PTK2 (gene), “frobnicase”."


def test_what_was_made_of_a_question_is_told(planted: Planted, capsys: pytest.CaptureFixture[str]) -> None:
    """Notes on what was not taken as typed, and the question as it was understood, come last."""
    status, out, err = ask(capsys, planted, "How many figures show TNF or IL-6 in sepsiis since 2010 not in mice?")
    assert (status, err) == (0, "")
    assert out.splitlines()[-3:] == [
        "Note: “sepsiis” was read as “sepsis”.",
        "Note: “not in mice” could not be used as a condition.",
        "Understood as: the number of figures on TNF (gene) or IL-6 = IL6 (gene), “sepsis” published since 2010.",
    ]


def test_an_answer_as_json(planted: Planted, capsys: pytest.CaptureFixture[str]) -> None:
    """--json prints the whole answer and nothing else."""
    status, out, err = ask(capsys, planted, "Which figures show TNF and IL-6?", "--json")
    answer = json.loads(out)
    assert (status, err) == (0, "")
    assert (set(answer["figids"]), answer["llm"], answer["abstained"]) == ({BOTH, UNDATED}, "none", False)
    assert answer["understood"]["summary"] == "all figures on TNF (gene), IL-6 = IL6 (gene)"
    assert "TNF-α" in out


def test_a_greeting_has_no_verdict(planted: Planted, capsys: pytest.CaptureFixture[str]) -> None:
    """Small talk prints its text alone."""
    status, out, err = ask(capsys, planted, "hello")
    assert (status, err) == (0, "")
    assert "Checked" not in out
    assert "Understood" not in out
    assert "[1]" not in out


@pytest.mark.parametrize(
    ("question", "error"),
    [
        ("", "pfocr-chat: The question is empty. Ask, for example: Which figures link integrins to YAP?\n"),
        ("\x00\x1b", "pfocr-chat: The question is empty. Ask, for example: Which figures link integrins to YAP?\n"),
        (
            "y" * 20_000,
            "pfocr-chat: The question has 20,000 characters; at most 4,000 can be read. Shorten it and ask again.\n",
        ),
    ],
)
@pytest.mark.parametrize("command", ["ask", "find"])
def test_an_unusable_question_is_one_line(
    command: str, question: str, error: str, planted: Planted, capsys: pytest.CaptureFixture[str]
) -> None:
    """A question of nothing or of 20,000 characters has status 1 and one clear sentence."""
    assert run(capsys, command, question, "--vectorstore", planted.vectorstore) == (1, "", error)


# Figures alone


def test_find_lists_figures(planted: Planted, capsys: pytest.CaptureFixture[str]) -> None:
    """Rank, figid, title, reason and address of each figure."""
    status, out, err = run(capsys, "find", "FAK and YAP1", "-k", "2", "--vectorstore", planted.vectorstore)
    assert (status, err) == (0, "")
    assert out == (
        f"1. {FAK}  Integrin signalling to the Hippo pathway\n"
        "   PTK2 printed as a synonym as “FAK”; YAP1 printed in the figure\n"
        f"   https://pfocr.wikipathways.org/figures/{FAK}.html\n"
        f"2. {FAK_2}  FAK inhibitors\n"
        "   PTK2 printed as a synonym as “FAK”\n"
        f"   https://pfocr.wikipathways.org/figures/{FAK_2}.html\n"
    )


def test_find_as_json(planted: Planted, capsys: pytest.CaptureFixture[str]) -> None:
    """--json prints the hits with their records."""
    status, out, err = run(capsys, "find", "FAK", "-k", "3", "--json", "--vectorstore", planted.vectorstore)
    assert (status, err) == (0, "")
    hits = json.loads(out)
    assert len(hits) == 3
    assert set(hits[0]) == {"figid", "score", "matches", "quote", "record"}


def test_find_may_find_nothing(planted: Planted, capsys: pytest.CaptureFixture[str]) -> None:
    """A figure that is not there, or years without figures, find nothing, and that is said."""
    for question in ("PMC1234567__no.g1", "FAK before 1950"):
        found = run(capsys, "find", question, "--vectorstore", planted.vectorstore)
        assert found == (0, "No figure found.\n", "")


def test_find_gives_the_whole_of_a_list(planted: Planted, capsys: pytest.CaptureFixture[str]) -> None:
    """Every figure that answers a question for a list, and no more than ten for any other."""
    for question, count in (("which figures are there?", len(RECORDS)), ("which figures show FAK?", 2), ("TNF", 10)):
        status, out, _ = run(capsys, "find", question, "--json", "--vectorstore", planted.vectorstore)
        assert (status, len(json.loads(out))) == (0, count)


@pytest.mark.parametrize(
    ("conditions", "figids"),
    [
        (["--year", "2020"], {BOTH}),
        (["--year", "-2010"], {TNF_ONLY}),
        (["--year", "2001-2010", "--organism", "human"], {TNF_ONLY}),
        (["--gene", "CRP", "--gene", "IL6"], {BOTH}),
        (["--any-gene", "CRP", "--any-gene", "TRADD"], {BOTH, TNF_ONLY}),
        (["--no-gene", "TRADD"], {BOTH, UNDATED}),
    ],
)
def test_conditions_may_be_options(
    conditions: list[str], figids: set[str], planted: Planted, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside the question; ask and find take the same ones."""
    question = ("which figures show TNF?", "--json", "--vectorstore", planted.vectorstore)
    _, out, err = run(capsys, "find", *question, *conditions)
    assert ({hit["figid"] for hit in json.loads(out)}, err) == (figids, "")
    _, out, err = run(capsys, "ask", *question, *conditions, "--llm", "none")
    assert (set(json.loads(out)["figids"]), err) == (figids, "")


def test_a_condition_without_use_is_one_line(planted: Planted, capsys: pytest.CaptureFixture[str]) -> None:
    """A name that the index does not know ends the command with a sentence that says which."""
    found = run(capsys, "find", "TNF", "--gene", "FROBX7", "--vectorstore", planted.vectorstore)
    assert found == (1, "", "pfocr-chat: The index has no gene “FROBX7”.\n")


@pytest.mark.parametrize(
    ("form", "start", "lines"),
    [
        ("--csv", "figid,pmcid,number,", 4),
        ("--bibtex", "@article{", None),
        ("--ris", "TY  - JOUR", None),
        ("--gmt", "PMC9", 3),
    ],
)
def test_found_figures_are_exported(
    form: str, start: str, lines: int | None, planted: Planted, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Each form by its option, and nothing else on standard output."""
    status = main(["find", "which figures show TNF?", form, "--vectorstore", str(planted.vectorstore)])
    out, err = capfdbinary.readouterr()
    assert (status, err) == (0, b"")
    assert out.decode().startswith(start)
    assert lines is None or len(out.decode().splitlines()) == lines


# Gene lists


@pytest.mark.parametrize("where", ["argument", "file", "input"])
def test_a_gene_list_comes_from_anywhere(
    where: str,
    planted: Planted,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As an argument, a file, or standard input; the result is the same."""
    genes = "TNF, IL6, CRP, FROBX7"
    (tmp_path / "genes.txt").write_text(genes, encoding="utf-8")
    monkeypatch.setattr("sys.stdin", io.StringIO(genes))
    given = {"argument": genes, "file": str(tmp_path / "genes.txt"), "input": "-"}[where]
    status, out, err = run(capsys, "genes", given, "--json", "--vectorstore", planted.vectorstore)
    assert (status, err) == (0, "")
    found = json.loads(out)
    assert found["result"]["rows"][0]["figid"] == BOTH
    assert found["list"]["unknown"] == ["FROBX7"]


def test_an_unusable_gene_list_is_one_line(planted: Planted, capsys: pytest.CaptureFixture[str]) -> None:
    """5,000 names are too many, and none is too few."""
    for genes, message in ((" ".join(f"G{n}" for n in range(5_000)), "has 5,000 names"), (" , ", "There is no gene")):
        status, out, err = run(capsys, "genes", genes, "--vectorstore", planted.vectorstore)
        assert (status, out, err.count("\n")) == (1, "", 1)
        assert message in err


# The index


def test_the_status_is_told(planted: Planted, capsys: pytest.CaptureFixture[str]) -> None:
    """Figures, passages, generation, embedder and language model, in words and as JSON."""
    where = ("--vectorstore", planted.vectorstore, "--llm", "none")
    status, out, err = run(capsys, "status", *where)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert [line.split()[0] for line in lines] == ["index", "generation", "embedder", "llm"]
    assert lines[0].startswith(f"index      {len(RECORDS)} figures, ")
    assert lines[3] == "llm        none"
    assert json.loads(run(capsys, "status", "--json", *where)[1])["figures"] == len(RECORDS)


def test_indexing_converges_and_says_what_it_did(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Counts of added, changed, deleted and unreadable figures; a bad file is named, and the rest is indexed."""
    corpus = write_records(elsewhere / "records")
    bad = corpus / "_figures" / "bad.md"
    bad.write_text("no front matter", encoding="utf-8")
    status, out, err = run(capsys, "index", corpus, "--vectorstore", "vs")
    assert status == 0
    assert out == (
        f"{len(RECORDS)} of {len(RECORDS) + 1} figures indexed ({len(RECORDS)} added, 0 changed, 0 deleted,"
        " 0 unchanged, 1 unreadable); generation g000001 in vs\n"
    )
    assert f"cannot read {bad}: no YAML front matter between --- lines\n" in err
    bad.unlink()
    (corpus / "_figures" / f"{FAK}.md").unlink()
    status, out, _ = run(capsys, "index", corpus, "--vectorstore", "vs")
    left = len(RECORDS) - 1
    assert (status, out) == (
        0,
        f"{left} of {left} figures indexed (0 added, 0 changed, 1 deleted, {left} unchanged, 0 unreadable);"
        " generation g000002 in vs\n",
    )
    assert run(capsys, "ask", FAK, "--vectorstore", "vs", "--llm", "none")[1] == (
        f"The index has no {FAK}.\nUnderstood as: figures on {FAK}.\n"
    )


def test_many_unreadable_files_are_counted(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first ten are named, and all are counted."""
    corpus = write_records(elsewhere / "records")
    for number in range(13):
        (corpus / f"bad{number:02}.md").write_text("---\nfigid: nonsense\n---\n", encoding="utf-8")
    status, out, err = run(capsys, "index", corpus, "--vectorstore", "vs")
    assert status == 0
    assert f"{len(RECORDS)} of {len(RECORDS) + 13} figures indexed" in out
    assert err.count("cannot read ") == 10
    assert "\n... and 3 more problems\n" in err


def test_a_damaged_index_is_built_anew(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Indexing over a damaged index says why it starts afresh, and then answers."""
    corpus = write_records(elsewhere / "records")
    run(capsys, "index", corpus, "--vectorstore", "vs")
    (catalog,) = (elsewhere / "vs").glob("generations/*/catalog.sqlite")
    catalog.write_bytes(b"no database")
    status, out, _ = run(capsys, "index", corpus, "--vectorstore", "vs")
    assert status == 0
    assert "It was built anew.\n" in out.splitlines(keepends=True)[0]
    assert f"({len(RECORDS)} added" in out
    assert run(capsys, "ask", FAK, "--vectorstore", "vs", "--llm", "none")[0] == 0


# Evaluation


def write_questions(folder: Path) -> Path:
    row = {"qid": "K1", "type": "known", "question": "How does FAK activate YAP1?", "gold": [FAK], "must": ["nucleus"]}
    path = folder / "questions.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    return path


def test_evaluation_prints_and_writes(planted: Planted, elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Metrics with their settings on the screen, a row for each question in the report."""
    questions = write_questions(elsewhere)
    where = ("--vectorstore", planted.vectorstore, "--llm", "none", "--json", "deep/report.json")
    status, out, _ = run(capsys, "eval", questions, *where)
    assert status == 0
    assert "1 question" in out
    assert "hit@1                1.000" in out
    report = json.loads((elsewhere / "deep" / "report.json").read_text(encoding="utf-8"))
    assert [row["qid"] for row in report["rows"]] == ["K1"]


# Mistakes


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["ask", "a"], "No index in {data}/. Run `pfocr-chat index DIR` with a folder of figure records first"),
        (["ask", "a", "--vectorstore", "nowhere"], "No index in nowhere/. Run `pfocr-chat index DIR` with a folder"),
        (["ask", "a", "--vectorstore", "file"], "The index is damaged at file/manifest.json: it cannot be read. Run"),
        (["index", "nowhere"], "The folder nowhere does not exist. Name a folder that holds figure records."),
        (["index", "file"], "The folder file is not a folder. Name a folder that holds figure records."),
        (["index", "empty"], "The folder empty holds no figure records. They are .md files, in it or in its _figures/"),
        (["eval", "nowhere.jsonl"], "nowhere.jsonl: there is no such file of questions."),
        (["eval", "file"], "file"),
        (["status", "--vectorstore", "empty"], "No index in empty/."),
    ],
)
def test_a_mistake_is_one_line(
    arguments: list[str],
    error: str,
    elsewhere: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Status 1, nothing on standard output, and one plain sentence that says what to do."""
    monkeypatch.setenv("XDG_DATA_HOME", str(elsewhere / "data"))
    (elsewhere / "file").write_text("not json", encoding="utf-8")
    (elsewhere / "empty").mkdir()
    status, out, err = run(capsys, *arguments)
    data = elsewhere / "data" / "pfocr-chat" / "vectorstore"
    assert (status, out) == (1, "")
    assert err.startswith(f"pfocr-chat: {error.format(data=data)}")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("llm", "error"),
    [
        ("foo", "Unknown LLM setting 'foo'. Use auto, bundled, none, gguf:PATH or provider:model"),
        ("gguf:nowhere.gguf", "nowhere.gguf cannot be read: No such file or directory."),
        ("foo:bar", "LangChain knows no provider 'foo'."),
    ],
)
def test_a_wrong_llm_is_one_line(llm: str, error: str, planted: Planted, capsys: pytest.CaptureFixture[str]) -> None:
    """The setting is named and the way out told."""
    status, out, err = run(capsys, "ask", "FAK", "--vectorstore", planted.vectorstore, "--llm", llm)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(f"pfocr-chat: {error}")


def test_an_unknown_variable_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistyped setting in the environment is named by every command that reads settings."""
    monkeypatch.setenv("PFOCR_CHAT_VECTORSTOER", "x")
    expected = (
        1,
        "",
        "pfocr-chat: PFOCR_CHAT_VECTORSTOER is not a setting. There are: PFOCR_CHAT_AUTH, PFOCR_CHAT_CHROMA_URL, "
        "PFOCR_CHAT_IMAGES, PFOCR_CHAT_LLM, PFOCR_CHAT_LLM_TIMEOUT, PFOCR_CHAT_RERANKER, PFOCR_CHAT_SLACK_CHANNELS, "
        "PFOCR_CHAT_SLACK_TEAMS, PFOCR_CHAT_VECTORSTORE.\n",
    )
    assert run(capsys, "status") == expected
    assert run(capsys, "index", "x") == expected


def test_a_report_that_cannot_be_written_is_told_first(
    planted: Planted, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before any question is asked, and in one line."""
    questions = write_questions(elsewhere)
    status, out, err = run(
        capsys, "eval", questions, "--vectorstore", planted.vectorstore, "--json", questions / "r.json"
    )
    assert (status, out) == (1, "")
    assert err.startswith(f"pfocr-chat: The report cannot be written to {questions / 'r.json'}: ")
    assert err.count("\n") == 1


def test_an_index_that_cannot_be_written_is_told(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file where the index folder should be is named in the last line."""
    (elsewhere / "file").write_text("x", encoding="utf-8")
    status, out, err = run(capsys, "index", write_records(elsewhere / "records"), "--vectorstore", "file")
    assert (status, out) == (1, "")
    assert err.splitlines()[-1] == "pfocr-chat: The index folder file cannot be written: File exists."


# Where the output goes


@pytest.fixture
def gone() -> Iterator[io.TextIOWrapper]:
    """A standard output whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w", encoding="utf-8") as stream:  # noqa: PTH123 - a descriptor
        yield stream


def test_a_reader_that_has_gone_is_no_error(
    gone: io.TextIOWrapper, planted: Planted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`pfocr-chat status | true` ends quietly with status 0."""
    monkeypatch.setattr(sys, "stdout", gone)
    assert main(["status", "--vectorstore", str(planted.vectorstore), "--llm", "none"]) == 0
    assert capsys.readouterr().err == ""


def test_a_terminal_without_greek_letters_shows_question_marks(
    planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the terminal's encoding cannot show does not end the program."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    assert main(["ask", BOTH, "--vectorstore", str(planted.vectorstore), "--llm", "none"]) == 0
    sys.stdout.flush()
    assert b"TNF-? and IL-6 in sepsis" in written.getvalue()


def test_the_installed_command_answers(planted: Planted, elsewhere: Path) -> None:
    """The command as people run it: settings from the environment, an answer on standard output, no warnings."""
    environ = os.environ | {"PFOCR_CHAT_VECTORSTORE": str(planted.vectorstore), "PFOCR_CHAT_LLM": "none"}
    command = Path(sys.executable).parent / "pfocr-chat"
    result = subprocess.run(
        [command, "ask", "How does FAK activate YAP1?"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=elsewhere,
        env=environ,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert f"\n[1] {FAK}: Integrin signalling to the Hippo pathway\n" in result.stdout
    assert list(elsewhere.iterdir()) == []


def test_the_package_runs_as_a_module(elsewhere: Path) -> None:
    """`python -m pfocr_chat` is the same command."""
    result = subprocess.run(
        [sys.executable, "-m", "pfocr_chat", "index", "nowhere"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=elsewhere,
    )
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "pfocr-chat: The folder nowhere does not exist. Name a folder that holds figure records.\n"


def test_a_folder_of_pictures_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The chat page is not started over a folder of pictures that does not exist."""
    status, _, errors = run(capsys, "chat", "--images", str(tmp_path / "none"))

    assert status == 1
    assert (
        errors
        == f"pfocr-chat: There is no folder {tmp_path / 'none'} with pictures. Name another with --images, or none.\n"
    )
