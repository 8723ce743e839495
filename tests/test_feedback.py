"""What people say of answers: kept, shared by processes, and turned into cases."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfocr_chat import Assistant, FeedbackError
from pfocr_chat.cli import main
from pfocr_chat.evaluation import read_cases
from pfocr_chat.feedback import FILE_NAME, MAX_COMMENT, MAX_FIGIDS, Feedback, FeedbackKind, FeedbackStore, to_cases
from pfocr_chat.queries import Filters

ONE, TWO, THREE = (f"PMC{n}__fig{n}.g001" for n in (1, 2, 3))
USEFUL, WRONG, MISSED = FeedbackKind.USEFUL, FeedbackKind.WRONG_CITATION, FeedbackKind.MISSED_FIGURE


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FeedbackStore]:
    with closing(FeedbackStore(tmp_path / FILE_NAME)) as store:
        yield store


# Keeping


def test_what_is_added_is_kept(store: FeedbackStore, tmp_path: Path) -> None:
    """Everything said comes back, oldest first, also from another store over the file."""
    first = Feedback(
        USEFUL, "Which figures show β-catenin?", (ONE, TWO), "  d'accord\n", "slack", "g000002", "2026-01-02"
    )
    second = Feedback(MISSED, "Which?", comment='"; DROP TABLE feedback; --')
    assert (store.add(first), store.add(second)) == (1, 2)
    with closing(FeedbackStore(tmp_path / FILE_NAME)) as other:
        kept = other.all()
    assert kept == store.all()
    assert kept[0] == first
    assert kept[1].comment == second.comment


def test_the_time_is_set(store: FeedbackStore) -> None:
    """Feedback without a time gets that of its keeping, in UTC."""
    store.add(Feedback(USEFUL, "Which?"))
    given = datetime.fromisoformat(store.all()[0].given)
    assert given.utcoffset() is not None
    assert abs((datetime.now(given.tzinfo) - given).total_seconds()) < 300


def test_nothing_is_made_before_there_is_something_to_keep(store: FeedbackStore, tmp_path: Path) -> None:
    """A store that nothing was added to has no file, and is empty."""
    assert store.all() == []
    assert list(tmp_path.iterdir()) == []


def test_threads_share_a_store(store: FeedbackStore) -> None:
    """Two hundred at once are all kept, each with a number of its own."""
    with ThreadPoolExecutor(20) as threads:
        numbers = list(threads.map(lambda n: store.add(Feedback(USEFUL, f"Question {n}")), range(200)))
    assert sorted(numbers) == list(range(1, 201))
    assert {said.question for said in store.all()} == {f"Question {n}" for n in range(200)}


def test_processes_share_a_file(store: FeedbackStore, tmp_path: Path) -> None:
    """What two processes add at once is all kept."""
    code = (
        "import sys; from pathlib import Path; from pfocr_chat.feedback import Feedback, FeedbackStore\n"
        "store = FeedbackStore(Path(sys.argv[1]))\n"
        "for n in range(50): store.add(Feedback('useful', f'{sys.argv[2]} {n}'))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / FILE_NAME)]
    running = [subprocess.Popen([*command, name]) for name in ("a", "b")]
    assert [process.wait(60) for process in running] == [0, 0]
    assert {said.question for said in store.all()} == {f"{name} {n}" for name in ("a", "b") for n in range(50)}


@given(
    comment=st.text(st.characters(codec=None), max_size=200), question=st.text(st.characters(codec=None), max_size=200)
)
def test_any_text_can_be_kept(comment: str, question: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Control characters, lone surrogates and other alphabets break nothing; what UTF-8 can hold comes back."""
    question += "?"
    with closing(FeedbackStore(tmp_path_factory.mktemp("feedback") / FILE_NAME)) as store:
        store.add(Feedback(WRONG, question, comment=comment))
        kept = store.all()[0]
    assert kept.comment == comment.encode("utf-8", "replace").decode()
    assert kept.question == question.encode("utf-8", "replace").decode()


def test_no_more_figures_than_a_limit_are_kept() -> None:
    """Of a long list the best are kept."""
    figids = [f"PMC{n}__f.g1" for n in range(MAX_FIGIDS + 10)]
    assert Feedback(USEFUL, "Which?", tuple(figids)).figids == tuple(figids[:MAX_FIGIDS])


@pytest.mark.parametrize(
    ("question", "comment", "sentence"),
    [
        (" \n", "", "There is no question that the feedback is about."),
        ("q" * 4001, "", "The question has 4,001 characters; at most 4,000 are kept."),
        (
            "Which?",
            "c" * (MAX_COMMENT + 1),
            "The comment has 2,001 characters, and at most 2,000 are kept. Shorten it.",
        ),
    ],
)
def test_what_cannot_be_kept_is_refused(question: str, comment: str, sentence: str) -> None:
    """A person is told what is wrong in one sentence."""
    with pytest.raises(FeedbackError) as refused:
        Feedback(USEFUL, question, comment=comment)
    assert str(refused.value) == sentence


def test_values_of_no_kind_are_errors() -> None:
    """A kind, source or figid that there is not is a mistake of the caller."""
    with pytest.raises(ValueError, match="nice"):
        Feedback("nice", "Which?")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="letter"):
        Feedback(USEFUL, "Which?", source="letter")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not a figid: 'F1'"):
        Feedback(USEFUL, "Which?", ("F1",))


@pytest.mark.parametrize("content", [b"no database at all, but a text that is long enough" * 20, None])
def test_a_file_that_cannot_be_used_is_told(content: bytes | None, tmp_path: Path) -> None:
    """A file that is none, or a folder in its place, gives one sentence that names it."""
    path = tmp_path / FILE_NAME
    path.write_bytes(content) if content else path.mkdir()
    with closing(FeedbackStore(path)) as store:
        with pytest.raises(FeedbackError, match=r"feedback\.sqlite cannot be written"):
            store.add(Feedback(USEFUL, "Which?"))
        with pytest.raises(FeedbackError, match=r"feedback\.sqlite cannot be read"):
            store.all()


def test_a_row_that_cannot_be_read_is_told(store: FeedbackStore, tmp_path: Path) -> None:
    """A row that another program wrote, of a kind that there is not, gives a sentence."""
    store.add(Feedback(USEFUL, "Which?"))
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as other, other:
        other.execute("UPDATE feedback SET kind = 'nice'")
    with pytest.raises(FeedbackError, match="cannot be read: 'nice'"):
        store.all()


def test_a_closed_store_says_so(store: FeedbackStore) -> None:
    """Nothing is added to a store that was closed; closing it again is harmless."""
    store.add(Feedback(USEFUL, "Which?"))
    store.close()
    store.close()
    with pytest.raises(FeedbackError, match="closed"):
        store.add(Feedback(USEFUL, "Which?"))


OLD = """
CREATE TABLE feedback (
    id INTEGER PRIMARY KEY,
    given TEXT NOT NULL, kind TEXT NOT NULL, question TEXT NOT NULL, figids TEXT NOT NULL,
    comment TEXT NOT NULL, source TEXT NOT NULL, generation TEXT NOT NULL
);
INSERT INTO feedback VALUES (1, '2026-01-02', 'useful', 'Which?', '[]', 'old', 'page', 'g000001');
"""


def test_an_older_file_is_taken_over(tmp_path: Path) -> None:
    """A file without the conditions and what a follow-up was read as gets these columns once, and keeps what it has."""
    path = tmp_path / FILE_NAME
    with closing(sqlite3.connect(path)) as old:
        old.executescript(OLD)
    stores = [FeedbackStore(path) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        kept = list(threads.map(FeedbackStore.all, stores))
    assert {(said[0].comment, said[0].filters, said[0].standalone) for said in kept} == {("old", "", "")}
    stores[0].add(Feedback(USEFUL, "Which?", filters='{"year_from": 2015}', standalone="TNF Which?"))
    assert stores[1].all()[1].filters == '{"year_from": 2015}'
    for store in stores:
        store.close()


def test_what_is_no_figid_any_more_is_left_out(tmp_path: Path) -> None:
    """An earlier version took longer ones; what was said beside them is kept."""
    path = tmp_path / FILE_NAME
    with closing(sqlite3.connect(path)) as old:
        old.executescript(OLD)
        old.execute("UPDATE feedback SET figids = ?", [json.dumps([f"PMC1__{'a' * 300}", ONE])])
        old.commit()
    with closing(FeedbackStore(path)) as store:
        assert [(said.comment, said.figids) for said in store.all()] == [("old", (ONE,))]


def test_putting_back(store: FeedbackStore) -> None:
    """What is there stays, unless the other is wanted instead of it."""
    before, now = Feedback(USEFUL, "Before?", given="2026-01-02"), Feedback(USEFUL, "Now?", given="2026-01-03")
    assert store.put_back([before])
    assert not store.put_back([now])
    assert store.all() == [before]
    assert store.put_back([now], instead=True)
    assert store.all() == [now]


# Of answers


def test_feedback_on_an_answer_has_its_figures(quoting: Assistant) -> None:
    """The figures cited come first; a question that stands alone, its conditions in words, needs nothing else."""
    answer = quoting.ask("Which figures since 2010 show TNF?")
    said = Feedback.on(answer, MISSED, "one more", "slack")
    assert (said.kind, said.question, said.comment, said.source) == (MISSED, answer.question, "one more", "slack")
    assert (said.figids, said.generation) == (answer.figids, answer.generation)
    assert (said.filters, said.standalone) == ("", "")


def test_feedback_on_an_answer_has_the_conditions_beside_it(quoting: Assistant) -> None:
    """Conditions that were set beside the question are kept as JSON, and no case is made of it."""
    answer = quoting.ask("Which figures show TNF?", filters=Filters(year_from=2010))
    said = Feedback.on(answer, USEFUL)
    assert json.loads(said.filters) == {"year_from": 2010}
    assert to_cases([said]) == []


@pytest.mark.parametrize(
    "follow_up", ["Only those since 2010", "Show me similar ones", "What does the second one show?"]
)
def test_feedback_on_a_follow_up_has_what_it_was_read_as(follow_up: str, quoting: Assistant) -> None:
    """What a follow-up refers back to is kept beside it, with its conditions, and no case is made of it."""
    first = quoting.ask("Which figures show TNF?")
    said = Feedback.on(quoting.ask(follow_up, first.conversation), USEFUL)
    assert said.question == follow_up
    assert said.standalone != follow_up
    assert "TNF" in said.standalone or any(figid in said.standalone for figid in first.figids)
    assert ("2010" in said.filters) == ("2010" in follow_up)
    assert to_cases([said]) == []


def test_a_new_subject_in_a_conversation_stands_alone(quoting: Assistant) -> None:
    """A question that names all that it asks for is a case though others were asked before it."""
    first = quoting.ask("Which figures show TNF?")
    said = Feedback.on(quoting.ask("Which figures show PTK2?", first.conversation), USEFUL)
    assert said.standalone == ""
    assert len(to_cases([said])) == 1


# Cases


def test_useful_answers_are_cases(tmp_path: Path) -> None:
    """The figures of a useful answer are what the question should find; `eval` reads the case."""
    cases = to_cases([Feedback(USEFUL, "What  does X?", (ONE, TWO)), Feedback(USEFUL, "what does x?", (TWO, THREE))])
    assert [(c["type"], c["question"], c["gold"]) for c in cases] == [("known", "What does X?", [ONE, TWO, THREE])]
    path = tmp_path / "cases.jsonl"
    path.write_text("\n".join(json.dumps(case) for case in cases), encoding="utf-8")
    assert read_cases(path)[0].wanted == (ONE, TWO, THREE)


def test_missed_figures_come_first() -> None:
    """A figure that a comment names as missed is the target, before those of a useful answer."""
    said = [Feedback(USEFUL, "Q?", (ONE,)), Feedback(MISSED, "Q?", (ONE,), f"you missed {TWO}. And {THREE}!")]
    assert [case["gold"] for case in to_cases(said)] == [[TWO, THREE, ONE]]


@pytest.mark.parametrize(
    ("comment", "named"),
    [
        (f"https://pfocr.wikipathways.org/figures/{TWO}.html", [TWO]),
        (f"see https://pfocr.wikipathways.org/figures/{TWO}.html.", [TWO]),
        (f"({TWO}), “{THREE}”; {ONE}-", [TWO, THREE, ONE]),
        (f"**{TWO}** _{THREE}_", [TWO, THREE]),
        (f"{TWO}/{THREE}?x=1#y", [TWO, THREE]),
        (f"{TWO}...", [TWO]),
        ("PMC1__größe", []),
        (f"x{TWO}", []),
        ("PMC1__ and PMC2__. PMC__a PMC3 pmc1__fig1", []),
    ],
)
def test_figids_are_read_out_of_comments(comment: str, named: list[str]) -> None:
    """Addresses, punctuation and markup around a figid are no part of it, and a piece of a word is none."""
    cases = to_cases([Feedback(MISSED, "Q?", comment=comment)])
    assert [case["gold"] for case in cases] == ([named] if named else [])


def test_wrong_citations_are_no_gold() -> None:
    """No figure of an answer that cites wrongly counts; where the comment names the wrong ones, the others do."""
    useful = Feedback(USEFUL, "Q?", (ONE, TWO))
    assert to_cases([useful, Feedback(WRONG, "Q?", (ONE, TWO), "all of it")]) == []
    named = to_cases([Feedback(WRONG, "Q?", (ONE, TWO), f"{ONE} is about something else"), useful])
    assert [case["gold"] for case in named] == [[TWO]]


def test_what_cannot_be_scored_is_no_case() -> None:
    """A missed figure that nobody names, or a useful answer without figures, yields no case."""
    assert to_cases([Feedback(MISSED, "Q?", (ONE,), "the one with the mouse"), Feedback(USEFUL, "R?")]) == []


_said = st.builds(
    Feedback,
    st.sampled_from(FeedbackKind),
    st.sampled_from(["Q?", "q?", "R?"]),
    st.lists(st.sampled_from([ONE, TWO, THREE]), max_size=3).map(tuple),
    st.lists(st.sampled_from([ONE, TWO, "no"]), max_size=2).map(" ".join),
)


@given(st.lists(_said, max_size=8))
def test_cases_are_always_readable(said: list[Feedback]) -> None:
    """Whatever was said, each question has at most one case, with figures that somebody named, each once."""
    cases = to_cases(said)
    assert len({case["qid"] for case in cases}) == len(cases) <= 2
    for case in cases:
        assert case["gold"]
        assert len(set(case["gold"])) == len(case["gold"])
        assert set(case["gold"]) <= {ONE, TWO, THREE}


# The shell command


def test_the_command_prints_json_lines(
    store: FeedbackStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`pfocr-chat feedback` prints what was said, and with --cases what `eval` reads."""
    store.add(Feedback(USEFUL, "Where is β-catenin?", (ONE,), generation="g000001"))
    assert main(["feedback", "--vectorstore", str(tmp_path)]) == 0
    (row,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (row["kind"], row["question"], row["figids"]) == ("useful", "Where is β-catenin?", [ONE])
    assert set(row) == {
        "kind",
        "question",
        "figids",
        "comment",
        "source",
        "generation",
        "given",
        *("filters", "standalone"),
    }
    assert main(["feedback", "--cases", "--vectorstore", str(tmp_path)]) == 0
    assert [json.loads(line)["gold"] for line in capsys.readouterr().out.splitlines()] == [[ONE]]


def test_the_command_says_that_there_is_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without feedback nothing is printed but a sentence on standard error, and no file is made."""
    assert main(["feedback", "--vectorstore", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"There is no feedback in {tmp_path / FILE_NAME}.\n")
    assert list(tmp_path.iterdir()) == []
