"""The files in deploy/ and docs/deployment.md: valid, and naming only commands and options that there are."""

from __future__ import annotations

import re
import shlex
from importlib.metadata import version
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from pfocr_chat.cli import _parser
from pfocr_chat.config import load_config

ROOT = Path(__file__).parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
CHROMA: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.chroma.yaml").read_text())
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
PAGE = (ROOT / "docs" / "deployment.md").read_text()
OURS = sorted(name for name, service in COMPOSE["services"].items() if service["image"] == "pfocr-chat")


@pytest.mark.parametrize("name", OURS)
def test_a_service_runs_a_command_that_there_is(name: str) -> None:
    """Each service of our image has arguments that the shell command takes."""
    _parser().parse_args(COMPOSE["services"][name]["command"])


def test_the_image_runs_a_command_that_there_is() -> None:
    """The image's own command is one of ours, at the port that it says, and its files are in the repository."""
    command = re.search(r"^CMD \[(.*)\]$", DOCKERFILE, re.MULTILINE)
    assert command
    options = _parser().parse_args(re.findall(r'"([^"]*)"', command[1]))
    assert f"EXPOSE {options.port}" in DOCKERFILE
    for line in re.findall(r"^COPY (.*) \S+$", DOCKERFILE, re.MULTILINE):
        assert all((ROOT / name).exists() for name in line.split())


def test_every_replica_is_behind_the_proxy() -> None:
    """The proxy knows each replica by its name, waits for it, and is the one that they believe."""
    services = COMPOSE["services"]
    replicas = [name for name in OURS if name.startswith("chat-")]
    caddyfile = (ROOT / "deploy" / "Caddyfile").read_text()
    assert set(re.findall(r"(chat-\d+):7860", caddyfile)) == set(replicas) == set(services["proxy"]["depends_on"])
    address = services["proxy"]["networks"]["inside"]["ipv4_address"]
    assert all(services[name]["command"][-2:] == ["--proxy", address] for name in replicas)
    [network] = COMPOSE["networks"]["inside"]["ipam"]["config"]
    assert ip_address(address) in ip_network(network["subnet"])
    assert ip_address(address) not in ip_network(network["ip_range"])  # which is handed out to others


def test_everything_that_reads_or_writes_the_index_knows_the_chroma_server() -> None:
    """The second file of Compose gives each of our services its address, and a server of the version that is pinned."""
    services = CHROMA["services"]
    server = services.pop("chroma")
    assert set(services) == set(OURS)
    assert all(load_config(environ=service["environment"]).chroma_url for service in services.values())
    assert {urlsplit(service["environment"]["PFOCR_CHAT_CHROMA_URL"]).hostname for service in services.values()} == {
        "chroma"
    }
    assert server["image"].rpartition(":")[2] == version("chromadb")
    assert all(set(service["networks"]) <= set(COMPOSE["networks"]) for service in (*services.values(), server))


def test_the_page_names_options_that_there_are() -> None:
    """Every command shown is taken by the shell command, and every option in the table by `chat`."""
    shown = [line for block in re.findall(r"```\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
    commands = [line for line in shown if line.startswith("pfocr-chat ")]
    assert len(commands) >= 2
    for line in commands:
        _parser().parse_args(shlex.split(re.sub(r"[\[\]]", "", line), comments=True)[1:])
    for option, argument in re.findall(r"^\| `(--[a-z-]+)(?: ([^`]+))?` \|", PAGE, re.MULTILINE):
        value = {"N": "3", "PATH": "/pfocr", "ADDRESS": "127.0.0.1"}.get(argument, argument)
        _parser().parse_args(["chat", option, *([value] if value else [])])
