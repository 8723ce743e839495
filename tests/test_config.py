"""Settings, prompt files, and where the shipped data lies."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path

import platformdirs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pfocr_chat.config import Config, load_config
from pfocr_chat.errors import ConfigError, PromptError
from pfocr_chat.prompting import Prompt, load_prompt
from pfocr_chat.resources import data_folder

# Settings


@pytest.fixture
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_arguments_go_before_the_environment() -> None:
    """An argument wins over its variable, and a variable over the default."""
    environ = {
        "PFOCR_CHAT_VECTORSTORE": "/from/environ",
        "PFOCR_CHAT_LLM": "none",
        "PFOCR_CHAT_RERANKER": "some/encoder",
    }
    given = load_config("/given", "bundled", "./encoder", environ=environ)
    assert given == Config(Path("/given"), "bundled", "./encoder")
    assert load_config(environ=environ) == Config(Path("/from/environ"), "none", "some/encoder")


@pytest.mark.usefixtures("somewhere")
def test_the_users_data_folder_is_the_last_resort() -> None:
    """Without a setting and without ./vectorstore the index lies in the user's data folder.

    The LLM is auto, and there is no reranker.
    """
    expected = Path(platformdirs.user_data_dir("pfocr-chat")) / "vectorstore"
    assert load_config(environ={}) == Config(expected, "auto", None)


def test_a_vectorstore_beside_the_user_is_found(somewhere: Path) -> None:
    """A folder called vectorstore in the current folder is used; none is made."""
    load_config(environ={})
    assert list(somewhere.iterdir()) == []
    (somewhere / "vectorstore").mkdir()
    assert load_config(environ={}).vectorstore == Path("vectorstore")


@pytest.mark.usefixtures("somewhere")
def test_empty_settings_count_as_missing() -> None:
    """An empty variable is as good as none."""
    empty = {"PFOCR_CHAT_VECTORSTORE": "", "PFOCR_CHAT_LLM": "", "PFOCR_CHAT_RERANKER": ""}
    assert load_config(environ=empty) == load_config(environ={})


def test_a_tilde_is_the_users_home() -> None:
    """~ is expanded in arguments and variables."""
    assert load_config("~/vs", environ={}).vectorstore == Path.home() / "vs"
    assert load_config(environ={"PFOCR_CHAT_VECTORSTORE": "~/vs"}).vectorstore == Path.home() / "vs"


def test_an_unknown_setting_is_named() -> None:
    """A mistyped variable is an error that names it and those that there are; other variables are not ours."""
    with pytest.raises(
        ConfigError,
        match=r"PFOCR_CHAT_LMM is not a setting\. There are: (?:PFOCR_CHAT_\w+, )+PFOCR_CHAT_VECT",
    ):
        load_config(environ={"PFOCR_CHAT_LMM": "none"})
    assert load_config("v", environ={"PFOCR_HOME": "x", "LLM": "y"}).llm == "auto"


def test_settings_do_not_change() -> None:
    """A configuration is a value."""
    with pytest.raises(FrozenInstanceError):
        load_config("v", environ={}).llm = "none"  # type: ignore[misc]


# Prompts


def write_prompt(folder: Path, text: str) -> Path:
    (folder / "test.md").write_text(text, encoding="utf-8")
    return folder


GOOD = "---\nvariables: [a, b]\nsystem: |\n  Be good.\n---\nA is {a}, B is {b}; {{braces}}.\n"


@pytest.mark.parametrize(
    ("name", "variables"), [("one_figure", {"caption"}), ("all_evidence", {"question", "evidence"})]
)
def test_the_shipped_prompts_load(name: str, variables: set[str]) -> None:
    """Each prompt file has a system text and uses exactly the variables that the code fills in."""
    prompt = load_prompt(name, frozenset(variables))
    system, user = prompt.render(**{variable: f"<{variable}>" for variable in variables})
    assert len(system) > 50
    assert all(f"<{variable}>" in user for variable in variables)


def test_no_prompt_lies_unused() -> None:
    """Every file in prompts/ is one that the code loads."""
    assert {path.stem for path in data_folder("prompts").glob("*.md")} == {"one_figure", "all_evidence"}


def test_a_prompt_is_filled_in(tmp_path: Path) -> None:
    """The system text stays as it is and the variables are replaced."""
    prompt = load_prompt("test", frozenset({"a", "b"}), folder=write_prompt(tmp_path, GOOD))
    assert prompt.render(a="1", b="2") == ("Be good.", "A is 1, B is 2; {braces}.")


@settings(deadline=None)
@given(a=st.text(), b=st.text())
def test_braces_in_values_stay(a: str, b: str) -> None:
    """Whatever a caption or a question holds, it is text to a prompt."""
    prompt = Prompt("p", "s", "{a}|{b}", frozenset({"a", "b"}))
    assert prompt.render(a=a, b=b) == ("s", f"{a}|{b}")


@pytest.mark.parametrize("values", [{}, {"a": "1"}, {"a": "1", "b": "2", "c": "3"}])
def test_a_prompt_takes_its_variables_only(values: dict[str, str]) -> None:
    """Too few or too many values are an error that names the prompt."""
    with pytest.raises(PromptError, match=r"The prompt p takes \['a', 'b'\]"):
        Prompt("p", "s", "{a}{b}", frozenset({"a", "b"})).render(**values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD.replace("[a, b]", "[a]"), r"declares the variables \['a'\], not \['a', 'b'\]"),
        (GOOD.replace("{b}", "b"), r"uses the variables \['a'\], not \['a', 'b'\]"),
        (GOOD.replace("{b}", "{c}"), r"uses the variables \['a', 'c'\]"),
        (GOOD.replace("{b}", "{}"), r"uses the variables \['', 'a'\]"),
        (GOOD.replace("{b}", "{b.__class__}"), r"uses the variables \['a', 'b.__class__'\]"),
        (GOOD.replace("{b}", "{b"), "cannot be read"),
        (GOOD.replace("system: |", "systen: |"), "needs `system` and `variables` in its front matter"),
        (GOOD.replace("[a, b]", "a, b"), "needs `system` and `variables` in its front matter"),
        (GOOD.replace("[a, b]", "[a, b"), "cannot be read"),
        ("just text {a} {b}", "needs `system` and `variables` in its front matter"),
        ("", "needs `system` and `variables` in its front matter"),
    ],
)
def test_a_malformed_prompt_is_refused_when_it_is_loaded(text: str, message: str, tmp_path: Path) -> None:
    """Wrong variables, a missing part or broken syntax is an error that names the file."""
    with pytest.raises(PromptError, match=rf"test\.md {message}"):
        load_prompt("test", frozenset({"a", "b"}), folder=write_prompt(tmp_path, text))


def test_a_missing_prompt_is_named(tmp_path: Path) -> None:
    """A file that is not there, or is no text, is an error with its path."""
    with pytest.raises(PromptError, match=r"test\.md is missing"):
        load_prompt("test", frozenset(), folder=tmp_path)
    (tmp_path / "test.md").write_bytes(b"\xff\xfe\xfd")
    with pytest.raises(PromptError, match=r"test\.md cannot be read"):
        load_prompt("test", frozenset(), folder=tmp_path)


# Shipped data


@pytest.mark.parametrize("name", ["prompts", "seeds"])
def test_the_shipped_data_is_found_in_the_checkout(name: str) -> None:
    """Without a copy inside the package the folder at the top of the checkout is taken."""
    assert data_folder(name) == Path(__file__).parent.parent / name
    assert any(data_folder(name).iterdir())


def test_a_folder_of_pictures_can_be_set() -> None:
    """Pictures of figures are looked for in a folder where one is set."""
    assert load_config(environ={}).images is None
    assert load_config(environ={"PFOCR_CHAT_IMAGES": "~/pictures"}).images == Path.home() / "pictures"
