"""The files in deploy/ and docs/deployment.md: valid, and naming only commands and options that there are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from pfocr_chat.cli import _parser

ROOT = Path(__file__).parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
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


def test_the_page_names_options_that_there_are() -> None:
    """Every command shown is taken by the shell command, and every option in the table by `chat`."""
    shown = [line for block in re.findall(r"```\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
    commands = [line for line in shown if line.startswith("pfocr-chat ")]
    assert len(commands) >= 2
    for line in commands:
        _parser().parse_args(shlex.split(re.sub(r"[\[\]]", "", line))[1:])
    for option, argument in re.findall(r"^\| `(--[a-z-]+)(?: ([^`]+))?` \|", PAGE, re.MULTILINE):
        value = {"N": "3", "PATH": "/pfocr", "ADDRESS": "127.0.0.1"}.get(argument, argument)
        _parser().parse_args(["chat", option, *([value] if value else [])])
