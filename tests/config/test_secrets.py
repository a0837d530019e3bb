"""Secrets: read when they are needed, shown never."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from scanner.config import Config, load
from scanner.config.urls import carries_secret, check_channel_url
from scanner.config.written import WrongError
from scanner.errors import ConfigError

TEXT = """\
source:
  okx:
    key: {env: MY_KEY}
    secret: {file: secret.txt}
    passphrase: {credential: pass}
channels:
  ops: {url: {env: OPS_URL}}
"""

COMPLETE = {"MY_KEY": "k-123", "OKX_PROJECT_ID": "p-123", "OPS_URL": "json://127.0.0.1/"}


def loaded(folder: Path, environ: dict[str, str], text: str = TEXT) -> Config:
    """A configuration whose secrets come from that environment."""
    path = folder / "config.yaml"
    path.write_text(text)
    return load(path, environ)


@pytest.fixture
def ready(tmp_path: Path) -> Config:
    """A configuration all of whose secrets are there."""
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "pass").write_text("pass-123\r\n")
    (tmp_path / "secret.txt").write_text("secret-123\n")
    return loaded(tmp_path, {**COMPLETE, "CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")})


def test_a_secret_is_read_from_where_it_is_said_to_be(ready: Config) -> None:
    assert [secret.read() for secret in ready.source.okx.credentials] == ["k-123", "secret-123", "pass-123", "p-123"]
    assert ready.channels["ops"].read_url() == "json://127.0.0.1/"
    assert ready.missing_secrets() == []


def test_a_secret_is_never_shown(ready: Config) -> None:
    shown = f"{ready!r} {ready!s} {[str(secret) for secret in ready.source.okx.credentials]}"
    assert "-123" not in shown
    assert "{env: MY_KEY}" in shown
    assert "/secret.txt}" in shown
    assert "{credential: pass}" in shown


def test_a_configuration_loads_without_its_secrets_and_says_what_is_missing(tmp_path: Path) -> None:
    config = loaded(tmp_path, {})
    told = [
        f"{tmp_path}/config.yaml:3:10: source.okx.key: the environment variable MY_KEY is not set",
        f"{tmp_path}/config.yaml:4:13: source.okx.secret: the file {tmp_path}/secret.txt cannot be read: no such file",
        f"{tmp_path}/config.yaml:5:17: source.okx.passphrase: the credential pass cannot be read: $CREDENTIALS_DIRECT",
        f"{tmp_path}/config.yaml:2:3: source.okx.project: the environment variable OKX_PROJECT_ID is not set",
        f"{tmp_path}/config.yaml:7:14: channels.ops.url: the environment variable OPS_URL is not set",
    ]
    for problem, words in zip(config.missing_secrets(), told, strict=True):
        assert str(problem).startswith(words)
        assert problem.code == "missing-secret"
    assert len(config.source.okx.missing_secrets()) == 4


def test_reading_a_missing_secret_names_the_setting_and_the_variable(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config.yaml:3:10: source.okx.key: .* MY_KEY is not set .*export MY_KEY="):
        loaded(tmp_path, {}).source.okx.key.read()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"two\nlines\n", "holds a line break"),
        (b"nul\x00", "holds a line break or a control character"),
        (b"\xff\xfe", "is not UTF-8"),
    ],
)
def test_a_file_that_holds_no_secret_is_said_without_its_content(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "secret.txt").write_bytes(content)
    with pytest.raises(ConfigError, match=f"source.okx.secret: the file {tmp_path}/secret.txt {said}") as caught:
        loaded(tmp_path, {}).source.okx.secret.read()
    assert "lines" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").touch(mode=0)
    with pytest.raises(ConfigError, match="permission denied"):
        loaded(tmp_path, {}).source.okx.secret.read()


def test_a_mail_password_is_not_sent_unencrypted(tmp_path: Path) -> None:
    config = loaded(tmp_path, {"OPS_URL": "mailto://me:hunter2@mail.example"})
    with pytest.raises(ConfigError, match=r"channels\.ops.url: the mail password would be sent unencrypted") as caught:
        config.channels["ops"].read_url()
    assert "hunter2" not in str(caught.value)
    assert [problem.code for problem in config.missing_secrets()][-1] == "bad-url"


@pytest.mark.parametrize(
    "url",
    [
        "mailtos://me:pw@mail.example",
        "mailto://me@mail.example",
        "mailto://me:pw@localhost:2525",
        "mailto://me:pw@127.0.0.1",
        "mailto://mail.example?user=me&pass=pw&smtp=127.0.0.1",
        "tgram://123:ABC/1",
        "slack://T/B/x/#general",
    ],
)
def test_a_channel_that_keeps_its_password_to_itself_is_accepted(url: str) -> None:
    check_channel_url(url)


@pytest.mark.parametrize(
    "url", ["mailto://mail.example?user=me&pass=pw", "mailto://a:b@localhost?smtp=mail.example", "no url"]
)
def test_a_channel_that_does_not_is_refused(url: str) -> None:
    with pytest.raises(WrongError):
        check_channel_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "tgram://123456:ABCDEF/1",
        "slack://TokenA/TokenB/TokenC",
        "discord://id/token",
        "ntfy://topic",
        "json://user:password@host/",
        "json://0123456789abcdef0123@host/",
        "jsons://hooks.example/services/T00000000/0123456789abcdefABCDEF",
        "json://host/?+Authorization=Bearer",
        "json://host/?token=x",
        "jsons://host/?id=0123456789abcdef0123",
        "mailtos://me:pw@mail.example",
        "https://rpc.example/v3/0123456789abcdef0123456789abcdef",
    ],
)
def test_a_url_that_may_carry_a_secret_is_told_from_one_that_cannot(url: str) -> None:
    assert carries_secret(url)


@pytest.mark.parametrize(
    "url",
    [
        "json://127.0.0.1:8080/",
        "jsons://alerts.example/approval-watch?method=put",
        "mailto://watch@localhost:25?to=ops@example.org&from=watch@example.org",
        "syslog://localhost",
        "http://127.0.0.1:8545",
        "https://ethereum-rpc.example/eth",
    ],
)
def test_a_url_with_nothing_secret_may_be_plain(url: str) -> None:
    assert not carries_secret(url)


def test_secrets_are_equal_when_they_come_from_the_same_place(ready: Config) -> None:
    key = ready.source.okx.key
    assert key == replace(key, environ={})
    assert key != ready.source.okx.secret
