"""The wheel, installed outside the checkout: it finds its prompts, starter records and names, and is typed."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from pfocr_chat.nomenclature import ABBREVIATIONS_FILE, FAMILIES_FILE, GENES_FILE

ROOT = Path(__file__).parent.parent


def run(*command: str | Path, cwd: Path) -> str:
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=cwd)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel built from this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which the wheel was installed, without its dependencies."""
    target = tmp_path_factory.mktemp("site")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", target, wheel)
    run(*pip, cwd=target)
    return target


def test_the_wheel_holds_code_data_and_licence(wheel: Path) -> None:
    """The package, py.typed, names of genes, prompts, starter records and the licence, and no tests or tools."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    code = {path.relative_to(ROOT).as_posix() for path in (ROOT / "pfocr_chat").rglob("*.py")}
    assert code <= names
    assert "pfocr_chat/py.typed" in names
    known = {path.relative_to(ROOT).as_posix() for path in (ROOT / "pfocr_chat" / "names").iterdir()}
    assert {f"pfocr_chat/names/{name}" for name in (GENES_FILE, FAMILIES_FILE, ABBREVIATIONS_FILE)} <= known <= names
    for folder in ("prompts", "seeds"):
        shipped = {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*") if path.is_file()}
        assert {name.removeprefix("pfocr_chat/_data/") for name in names if f"_data/{folder}/" in name} == shipped
    assert {name.rpartition("/")[2] for name in names if "dist-info/licenses" in name} == {"LICENSE", "NOTICE"}
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"pfocr_chat"}


def test_the_installed_wheel_finds_its_data(installed: Path, tmp_path: Path) -> None:
    """From any folder, the installed package is the one that is imported, and reads its own prompts and seeds."""
    code = f"""
import json, sys
sys.path.insert(0, {str(installed)!r})
import pfocr_chat
from pfocr_chat.corpus import find_records, read_record
from pfocr_chat.prompting import load_prompt
from pfocr_chat.resources import data_folder
prompts = [
    load_prompt("one_figure", frozenset(["caption"])),
    load_prompt("all_evidence", frozenset(["question", "evidence"])),
]
records = [read_record(files)[0] for files in find_records(data_folder("seeds"))]
print(json.dumps([pfocr_chat.__file__, str(data_folder("seeds")), len(records), [p.name for p in prompts]]))
"""
    module, seeds, records, prompts = json.loads(run(sys.executable, "-I", "-c", code, cwd=tmp_path))
    assert Path(module).is_relative_to(installed)
    assert Path(seeds).is_relative_to(installed)
    assert records == len([*(ROOT / "seeds").glob("PMC*.md"), *(ROOT / "seeds" / "_figures").glob("PMC*.md")])
    assert prompts == ["one_figure", "all_evidence"]


def test_the_installed_wheel_knows_the_names(installed: Path, tmp_path: Path) -> None:
    """Genes, families and abbreviations are read from the installed package, with which a catalog is made."""
    code = f"""
import json, sys
from pathlib import Path
sys.path.insert(0, {str(installed)!r})
from pfocr_chat import nomenclature
from pfocr_chat.catalog import Catalog
from pfocr_chat.catalogwriter import open_catalog_writer
with open_catalog_writer(Path("catalog.sqlite")) as writer:
    writer.commit()
with Catalog(Path("catalog.sqlite")) as catalog:
    meant = {{key: [r.name for r in readings] for key, readings in catalog.readings(["yap1", "ampk"]).items()}}
    long = catalog.expansions(["lps"])
print(json.dumps([str(nomenclature.FOLDER), meant, long]))
"""
    folder, meant, long = json.loads(run(sys.executable, "-I", "-c", code, cwd=tmp_path))
    assert Path(folder).is_relative_to(installed)
    assert meant["yap1"] == ["YAP1"]
    assert "AMPK" in meant["ampk"]
    assert list(long["lps"]) == ["lipopolysaccharide"]


def test_the_installed_wheel_has_the_command(installed: Path) -> None:
    """The wheel declares the shell command."""
    (entry_points,) = installed.glob("pfocr_chat-*.dist-info/entry_points.txt")
    assert "pfocr-chat = pfocr_chat.cli:run" in entry_points.read_text(encoding="utf-8")
