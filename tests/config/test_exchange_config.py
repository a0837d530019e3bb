"""Accounts at exchanges in the configuration: every mistake with its place, secrets as promises."""

from pathlib import Path

import pytest

from scanner.config import load, read_credentials
from scanner.errors import ConfigError

SOUND = """\
exchanges:
  okx:
    main: {api: v3, base_url: "http://127.0.0.1:8080", key: {env: K}, secret: {env: S}, passphrase: {env: P}}
  xt:
    side: {key: {env: K}, secret: {env: S}}
"""


def problems(folder: Path, text: str) -> list[str]:
    path = folder / "config.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    return [str(problem).removeprefix(f"{folder}/") for problem in caught.value.problems]


def test_every_mistake_is_told_with_its_place(tmp_path: Path) -> None:
    told = problems(
        tmp_path,
        """\
exchanges:
  okx:
    main: {api: v4, key: plain-text-key, secret: {env: S}, base_url: http://okx.example}
  xt:
    a b: {key: {env: K}, secret: {env: S}, passphrase: {env: P}}
  kraken: {}
""",
    )
    assert [line.split(": ")[0] for line in told] == [
        "config.yaml:3:5",
        "config.yaml:3:17",
        "config.yaml:3:26",
        "config.yaml:3:70",
        "config.yaml:5:5",
        "config.yaml:5:44",
        "config.yaml:6:3",
    ]
    assert "exchanges.okx.main.passphrase is missing" in told[0]
    assert "'v4' is not known here" in told[1]
    assert "a secret does not belong in this file" in told[2]
    assert "would not be encrypted" in told[3]
    assert "unknown key 'kraken' in exchanges" in told[6]
    assert "plain-text-key" not in str(told)


def test_a_secret_is_read_when_it_is_needed_and_names_its_setting(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(SOUND)
    config = load(path, {"K": "key", "S": "sécret"})
    told = [str(problem).removeprefix(f"{tmp_path}/") for problem in config.exchanges.missing_secrets()]
    assert [line.split(" (")[0] for line in told] == [
        "config.yaml:3:79: exchanges.okx.main.secret: this cannot stand in an HTTP header: it is not ASCII",
        "config.yaml:3:101: exchanges.okx.main.passphrase: the environment variable P is not set",
        "config.yaml:5:35: exchanges.xt.side.secret: this cannot stand in an HTTP header: it is not ASCII",
    ]
    assert "sécret" not in f"{config!r} {told}"
    config = load(path, {"K": "key", "S": "secret", "P": "pass"})
    assert config.exchanges.missing_secrets() == []
    assert [(exchange, name) for exchange, name, _ in config.exchanges] == [("okx", "main"), ("xt", "side")]
    assert read_credentials(config.exchanges.okx["main"]) == {"key": "key", "secret": "secret", "passphrase": "pass"}
