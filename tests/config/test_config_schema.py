"""The schema of a configuration takes what the loader takes, and refuses what a schema can refuse."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typed_yaml import typed

from scanner.config import load
from scanner.config.schema import config_schema
from scanner.errors import ConfigError

ROOT = Path(__file__).parents[2]
SCHEMA = config_schema()
VALIDATOR = Draft202012Validator(SCHEMA)
WALLET = "{address: '0x1111111111111111111111111111111111111111', chains: [bsc, 1]}"


def taken_in(text: str) -> str:
    """The example with every setting that is commented out."""
    found: list[str] = []
    within = False
    for line in text.splitlines():
        within = bool(re.match(r" *#[^ ]", line)) or (within and bool(re.match(r" *#  +[^ ]", line)))
        found.append(line.replace("#", "", 1) if within else line)
    return "\n".join(found)


EXAMPLES = {
    "example": (ROOT / "config.example.yaml").read_text(),
    "example with every comment": taken_in((ROOT / "config.example.yaml").read_text()),
    **{
        f"{page.name} {number}": text
        for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
        for number, text in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL))
        if re.search(r"(?m)^(source|wallets|lists|channels|alerting|rules: \{|rules:\n  [a-z]|heartbeat)", text)
        and "scenario:" not in text
    },
}


def refused(text: str) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(typed(text))]


def loads(folder: Path, text: str) -> bool:
    (folder / "config.yaml").write_text(text)
    (folder / "rules").mkdir(exist_ok=True)
    try:
        load(folder / "config.yaml", {})
    except ConfigError:
        return False
    return True


def test_it_is_a_schema_of_this_draft_and_names_no_host() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$id"].startswith("urn:")


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_passes(name: str) -> None:
    assert refused(EXAMPLES[name]) == []


def test_the_example_with_every_comment_loads_and_has_every_section(tmp_path: Path) -> None:
    text = EXAMPLES["example with every comment"]
    assert loads(tmp_path, text)
    assert set(typed(text)) == set(SCHEMA["properties"])


@pytest.mark.parametrize(
    "text",
    [
        "chanels: {}",
        "wallets: {}",
        "wallets: [{chains: [bsc]}]",
        "wallets: [{address: [0], chains: [bsc]}]",
        f"wallets: [{WALLET[:-1]}, tag: [a]}}]",
        f"wallets: [{WALLET[:-1]}, label: '{'x' * 65}'}}]",
        "schedule: {every: 15}",
        "schedule: {every: soon}",
        "balances: {every: 'on'}",
        "source: {okx: {api: v7}}",
        "source: {okx: {requests_per_second: 0}}",
        "source: {okx: {requests_per_second: fast}}",
        "source: {okx: {key: abc}}",
        "source: {okx: {key: {}}}",
        "source: {okx: {key: {env: A, file: b}}}",
        "source: {okx: {key: {enw: A}}}",
        "source: {okx: {key: {env: 'A B'}}}",
        "source: {okx: {timeout: [20s]}}",
        "source: {prefer: okx}",
        "source: {prefer: [okc]}",
        "source: {evm: {ethereum: {}}}",
        "channels: {a: {}}",
        "channels: {'a b': {url: 'json://localhost/'}}",
        "channels: {a: {url: 'json://localhost/', min_severity: worst}}",
        "channels: {a: {url: localhost}}",
        "lists: {a: {from: x}}",
        "rules: {default: maybe}",
        "rules: {disable: a}",
        "rules: {overrides: {a: {severity: worst}}}",
        "rules: {exceptions: [{rule: a}]}",
        "alerting: {group_by: [colour]}",
        "alerting: {storm: 60}",
        "alerting: {drill: yearly}",
        "alerting: {repeat: {worst: 1d}}",
        "alerting: {digest: hourly}",
        "log: {level: loud}",
        "exchanges: {okx: {a: {key: {env: A}}}}",
        "heartbeat: {url: nowhere}",
        "[]",
    ],
)
def test_what_a_schema_can_say_is_refused_by_both(tmp_path: Path, text: str) -> None:
    assert refused(text)
    assert not loads(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        f"wallets: [{WALLET}]",
        f"wallets: [{WALLET[:-1]}, label: 7, tags: [true, cold, 1]}}]",
        "wallets:\nschedule:\nsource: {okx: }",
        "source: {okx: {key: , timeout: }}",
        "schedule: {every: 1h 30m}",
        "schedule: {every: 1.5h}",
        "balances: {every: off}",
        "source: {okx: {requests_per_second: 0.5}}",
        "source: {okx: {requests_per_second: '2'}}",
        "source: {evm: {eth: {rpc: ['http://localhost:8545']}, 56: {rpc: [{env: X}]}}}",
        "channels: {7: {url: 'json://localhost/'}}",
        "rules: {default: no}",
        "rules: {default: FALSE}",
        "rules: {disable: [a, 7]}",
        "alerting: {storm: off, drill: monthly, repeat: {critical: 1d}}",
        "alerting: {drill: 12h}",
        "lists: {a: {from: 7, label: 8, refresh: 1d}}",
    ],
)
def test_what_the_loader_takes_passes(tmp_path: Path, text: str) -> None:
    assert loads(tmp_path, text)
    assert refused(text) == []


def keys(schema: dict[str, Any], route: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Every key that the schema knows, with what it says of it; `*` for a name of the user's, `0` for an entry."""
    for name, below in schema.get("properties", {}).items():
        yield (*route, name), below
        yield from keys(below, (*route, name))
    for part in schema.get("anyOf", ()):
        yield from keys(part, route)
    for step, key in (("*", "additionalProperties"), ("0", "items")):
        if isinstance(schema.get(key), dict):
            yield from keys(schema[key], (*route, step))


def test_every_key_is_described() -> None:
    assert [route for route, schema in keys(SCHEMA) if not schema.get("description")] == []


@pytest.mark.parametrize("route", [route for route, _ in keys(SCHEMA) if "params" not in route])
def test_a_value_of_no_kind_at_all_is_refused_everywhere_by_both(tmp_path: Path, route: tuple[str, ...]) -> None:
    text = "[[[]]]"
    for step in reversed(route):
        text = f"[{text}]" if step == "0" else f"{{{'a' if step == '*' else step}: {text}}}"
    assert refused(text)
    assert not loads(tmp_path, text)
