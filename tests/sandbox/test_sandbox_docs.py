"""What the sandbox can do stands in its document, and what stands there works."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from scanner.sandbox import (
    CODES,
    FAULTS_AT,
    OLD_CODES,
    XT_CODES,
    XT_V4_CODES,
    Credentials,
    Endpoint,
    Quirks,
    Sandbox,
    quirks,
    read_world,
)
from scanner.sandbox.controls import Controls
from scanner.sandbox.happenings import Cast, verbs

DOCUMENT = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")
WORDS = set(re.findall(r"[\w./-]+", DOCUMENT))


def test_the_world_in_the_document_can_be_read() -> None:
    (written,) = (block for block in re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL) if "days:" in block)
    assert len(read_world(written, "docs/sandbox.md").days) == 2


@pytest.mark.parametrize("name", verbs(Cast({}, {}, {})))
def test_every_happening_is_documented_with_its_keys(name: str) -> None:
    worlds = DOCUMENT.partition("## Worlds")[2].partition("## Dialects")[0]
    (line,) = (line for line in worlds.splitlines() if line.startswith("| `") and f"`{name}`" in line.split("|")[1])
    verb = verbs(Cast({}, {}, {}))[name]
    keys = (*verb.needs, *verb.may)
    how_much = {"amount", "raw"} <= set(keys)
    assert all(f"`{key}`" in line for key in keys if not (how_much and key in ("amount", "raw")))
    assert ("how much" in line) == how_much


@pytest.mark.parametrize("endpoint", Endpoint)
def test_every_fault_and_where_it_can_happen_is_documented(endpoint: Endpoint) -> None:
    named = {name for name in FAULTS_AT[endpoint] if not re.fullmatch(r"code-.*|http-\d+", name)}
    assert {name for name in named if f"`{name}`" not in DOCUMENT} == set()
    assert any(line.startswith(f"| `{endpoint}` |") for line in DOCUMENT.splitlines())


def test_every_quirk_and_every_value_of_it_is_documented() -> None:
    assert {field.name for field in fields(Quirks)} <= WORDS
    styles = [getattr(quirks, name) for name in quirks.__all__ if name != "Quirks"]
    assert {member.value for style in styles for member in style} <= WORDS


def test_every_endpoint_is_documented() -> None:
    sandbox = Sandbox(read_world("days: [{}]", "empty.yaml"))
    assert all(f"`{route.method} {route.path}`" in DOCUMENT for route in Controls(sandbox, sandbox.now).routes())


def test_the_documented_credentials_are_the_sandboxes_own() -> None:
    mine = Credentials()
    assert {getattr(mine, field.name) for field in fields(mine)} <= WORDS


def test_only_codes_of_the_table_are_documented() -> None:
    named = set(re.findall(r"`(\d{3,5})`", DOCUMENT))
    assert named <= {*CODES, *OLD_CODES, *XT_CODES, *XT_V4_CODES}
