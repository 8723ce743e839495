"""Pictures of figures: from a folder, which is never left, else from where they are published."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from pfocr_chat import Assistant
from pfocr_chat.records import FigureRecord
from pfocr_chat.ui.pictures import add_pictures, find_picture

SEED = "PMC11989024__ijms-26-03143-g003"
PIXEL = b"\x89PNG\r\n\x1a\n of a test"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder of pictures with a secret beside it."""
    (tmp_path / "secret.png").write_bytes(b"secret")
    folder = tmp_path / "images"
    folder.mkdir()
    return folder


@pytest.fixture
def client(seed_assistant: Assistant, folder: Path) -> Iterator[TestClient]:
    app = FastAPI()
    add_pictures(app, seed_assistant, folder)
    with TestClient(app, follow_redirects=False) as client:
        yield client


@pytest.mark.parametrize("name", [f"{SEED}.png", f"{SEED}.jpg", "PMC11989024/ijms-26-03143-g003.jpg"])
def test_a_local_picture_is_served(client: TestClient, folder: Path, name: str) -> None:
    """A file called after the figure, or in a folder of its paper, is its picture."""
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(PIXEL)
    response = client.get(f"/pictures/{SEED}")

    assert response.status_code == 200
    assert response.content == PIXEL
    assert response.headers["content-type"].startswith("image/")


def test_without_a_file_the_public_address_is_given(client: TestClient, seed_assistant: Assistant) -> None:
    """A figure without a local picture leads to the one at its publisher's archive."""
    record = seed_assistant.record(SEED)
    response = client.get(f"/pictures/{SEED}")

    assert record is not None
    assert response.status_code == 307
    assert response.headers["location"] == record.image_url


@pytest.mark.parametrize(
    "path", ["PMC1__none", "..%2Fsecret.png", "%2e%2e/secret.png", "PMC1__..", "PMC1__x%2F..%2F..%2Fsecret", "x", "%00"]
)
def test_other_names_lead_nowhere(client: TestClient, path: str) -> None:
    """What is no figure of the index is not found, however it is written."""
    response: httpx.Response = client.get(f"/pictures/{path}")

    assert response.status_code == 404
    assert b"secret" not in response.content


def test_the_folder_is_not_left(folder: Path) -> None:
    """Neither a record's file name nor a link in the folder leads out of it, and only pictures are served."""
    outside = FigureRecord("PMC1__f", pmcid="PMC1", filename="../../secret.png")
    assert find_picture(folder, outside) is None
    (folder / "PMC1__f.png").symlink_to(folder.parent / "secret.png")
    assert find_picture(folder, FigureRecord("PMC1__f")) is None
    (folder / "PMC2__f.html").write_text("<script>")
    assert find_picture(folder, FigureRecord("PMC2__f", pmcid="PMC2", filename="f.html")) is None
