"""The configuration page and the example tell of every key, and of its true default."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import get_args, get_origin, get_type_hints

import pytest

from scanner.config import load
from scanner.config.model import Sections

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"(?m)^\| `([a-z_.\[\]A-Z]+)` \| (.+?) \| (.+?) \| (.+) \|$")
ROWS = {key: default for key, _, default, _ in ROW.findall((ROOT / "docs" / "configuration.md").read_text())}


def keys_of(shape: object, start: str) -> Iterator[str]:
    """Every key below a section, as the page writes it."""
    if isinstance(shape, type) and is_dataclass(shape):
        for name, hint in get_type_hints(shape, include_extras=True).items():
            if not name.startswith("__"):
                yield from keys_of(hint, f"{start}.{name.removesuffix('_')}".removeprefix("."))
    elif get_origin(shape) in (tuple, Mapping) and any(is_dataclass(part) for part in get_args(shape)):
        free = "CHAIN" if start == "source.evm" else "NAME"
        within = f"{start}[]" if get_origin(shape) is tuple else f"{start}.{free}"
        yield from keys_of(next(part for part in get_args(shape) if is_dataclass(part)), within)
    else:
        yield start


KEYS = list(keys_of(Sections, ""))


def test_the_page_tells_of_every_key_and_of_no_other() -> None:
    assert sorted(ROWS) == sorted(KEYS)


@pytest.mark.parametrize("key", [key for key, default in ROWS.items() if "`" in default])
def test_a_default_on_the_page_is_the_programs(tmp_path: Path, key: str) -> None:
    path = tmp_path / "config.yaml"
    value = ROWS[key].strip("`")
    if key.startswith("channels."):
        with_value, without = (
            f"channels: {{a: {{url: 'json://localhost/'{rest}}}}}" for rest in (f", min_severity: {value}", "")
        )
    elif key.startswith("lists."):
        with_value, without = (f"lists: {{a: {{from: x, label: y{rest}}}}}" for rest in (f", refresh: {value}", ""))
    elif key.startswith("exchanges."):
        exchange = key.split(".")[1]
        parts = {"okx": ("key", "secret", "passphrase"), "xt": ("key", "secret")}[exchange]
        account = ", ".join(f"{part}: {{env: X}}" for part in parts)
        with_value, without = (
            f"exchanges: {{{exchange}: {{a: {{{account}{rest}}}}}}}" for rest in (f", api: {value}", "")
        )
    elif key.startswith("source.evm."):
        part = key.split(".")[-1]
        with_value, without = (
            f"source: {{evm: {{bsc: {{rpc: [{{env: X}}]{rest}}}}}}}" for rest in (f", {part}: {value}", "")
        )
    elif key.startswith("wallets[]"):
        wallet = "address: '0x1111111111111111111111111111111111111111', chains: [bsc]"
        with_value, without = (f"wallets: [{{{wallet}{rest}}}]" for rest in (f", tags: {value}", ""))
    else:
        *sections, last = key.split(".")
        with_value = "".join(f"{section}: {{" for section in sections) + f"{last}: {value}" + "}" * len(sections)
        without = "{}"
    path.write_text(without)
    plain = load(path, {})
    path.write_text(with_value)
    told = load(path, {})
    for part in (
        "source",
        "wallets",
        "schedule",
        "balances",
        "store",
        "rules",
        "lists",
        "channels",
        "alerting",
        "heartbeat",
        "exchanges",
        "log",
    ):
        assert getattr(told, part) == getattr(plain, part)


def test_the_example_shows_every_key() -> None:
    text = (ROOT / "config.example.yaml").read_text()
    assert [key for key in KEYS if not re.search(rf"\b{re.split(r'[.]', key)[-1]}:", text)] == []
