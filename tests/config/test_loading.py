"""What a configuration means once it is loaded."""

import re
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest

from scanner.config import Config, StoreConfig, WalletConfig, find_config, load
from scanner.domain.alerts import Severity
from scanner.domain.approvals import Target
from scanner.domain.telling import Digest, Storm
from scanner.errors import ConfigError, UsageError

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config.example.yaml"
OWNER = "0xEd0C6079229E2d407672a117c22b62064f4a4312"

FULL = """\
source:
  okx:
    base_url: https://web3.okx.com/
    key: {env: OKX_API_KEY}
    secret: {file: secret.txt}
    passphrase: {credential: okx-passphrase}
    requests_per_second: 2.5
    timeout: 20s
    api: v6
    approvals_path: /api/v5/waas/wallet/security/approvals
  evm: {eth: {rpc: [{env: ETH_RPC_URL}, "https://rpc.example"]}}
  prefer: [okx, evm]
  confirm_absence_after: 0s
wallets:
  - {address: 0xEd0C6079229E2d407672a117c22b62064f4a4312, label: no, chains: [ethereum, base, 56], tags: [on, 007]}
  - {address: EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v, chains: [solana]}
schedule: {cron: "*/15 * * * mon-fri"}
store: {url: "sqlite:///data/watch.db"}
rules: {dirs: [./rules], disable: [new-approval], default: no}
lists:
  ours: {from: ./trusted.csv, label: trusted}
  exploits: {from: "https://lists.example/exploited", label: exploited, refresh: 1h30m}
channels:
  ops: {url: {env: OPS_TELEGRAM_URL}, min_severity: high}
  desk: {url: "json://127.0.0.1:8080/"}
alerting: {group_wait: 0s, group_interval: 5m, repeat: {critical: 24h}, digest: off, storm: 5/1m}
log: {level: debug, format: json}
"""


def write(folder: Path, text: str) -> Path:
    """A configuration file with that text."""
    path = folder / "config.yaml"
    path.write_text(text)
    return path


@pytest.fixture
def full(tmp_path: Path) -> Config:
    """Every key, at other values than the defaults where that is possible."""
    (tmp_path / "rules").mkdir()
    return load(write(tmp_path, FULL), {})


def test_every_key_means_what_it_says(full: Config, tmp_path: Path) -> None:
    okx = full.source.okx
    assert (okx.base_url, okx.requests_per_second, okx.timeout) == ("https://web3.okx.com", 2.5, timedelta(seconds=20))
    assert (okx.api, okx.approvals_path) == ("v6", "/api/v5/waas/wallet/security/approvals")
    assert full.source.confirm_absence_after == timedelta()
    assert full.source.prefer == ("okx", "evm")
    assert list(full.source.evm) == ["1"]
    assert full.schedule.cron == "*/15 * * * mon-fri"
    assert full.store == StoreConfig(url=f"sqlite:///{tmp_path}/data/watch.db")
    assert (full.rules.dirs, full.rules.disable, full.rules.default) == (
        (tmp_path / "rules",),
        ("new-approval",),
        False,
    )
    assert full.lists["ours"].from_ == tmp_path / "trusted.csv"
    assert full.lists["exploits"].from_ == "https://lists.example/exploited"
    assert full.lists["exploits"].refresh == timedelta(minutes=90)
    assert full.channels["ops"].min_severity is Severity.HIGH
    assert full.channels["desk"].min_severity is Severity.MEDIUM
    assert full.channels["desk"].read_url() == "json://127.0.0.1:8080/"
    assert full.alerting.group_wait == timedelta()
    assert full.alerting.repeat == {Severity.CRITICAL: timedelta(days=1)}
    assert full.alerting.digest is Digest.OFF
    assert full.alerting.storm == Storm(5, timedelta(minutes=1))
    assert (full.log.level, full.log.format) == ("debug", "json")


def test_the_defaults_are_those_of_the_contract(tmp_path: Path) -> None:
    config = load(write(tmp_path, "wallets: []"), {})
    okx = config.source.okx
    assert (okx.base_url, okx.requests_per_second, okx.timeout) == ("https://web3.okx.com", 1.0, timedelta(seconds=20))
    assert [repr(secret) for secret in okx.credentials] == [
        "{env: OKX_API_KEY}",
        "{env: OKX_SECRET_KEY}",
        "{env: OKX_API_PASSPHRASE}",
        "{env: OKX_PROJECT_ID}",
    ]
    assert okx.api == "v5"
    assert config.source.confirm_absence_after == timedelta(minutes=10)
    assert config.schedule.every == timedelta(minutes=15)
    assert config.schedule.cron is None
    assert (config.rules.dirs, config.rules.disable, config.rules.default) == ((), (), True)
    assert config.alerting.group_wait == timedelta(seconds=10)
    assert config.alerting.storm == Storm(60, timedelta(minutes=10))
    assert (config.log.level, config.log.format) == ("info", "auto")


def test_a_wallet_is_a_target_on_each_of_its_chains(full: Config) -> None:
    owner = OWNER.lower()
    assert full.targets == (
        Target("1", owner),
        Target("8453", owner),
        Target("56", owner),
        Target("501", "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"),
    )


def test_a_nodes_own_text_counts(full: Config) -> None:
    assert full.wallets[0] == WalletConfig(
        address=OWNER.lower(), chains=("1", "8453", "56"), label="no", tags=("on", "007")
    )
    assert (full.targets[0].label, full.targets[0].tags) == ("no", ("on", "007"))
    assert full.targets[3].label is None


def test_the_project_is_not_needed_with_v6(full: Config) -> None:
    assert len(full.source.okx.credentials) == 3


def test_the_store_is_in_the_state_directory_or_beside_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, "wallets: []")
    assert load(path, {}).store.url == f"sqlite:///{tmp_path}/approval-watch.db"
    assert (
        load(path, {"STATE_DIRECTORY": "/var/lib/a:/var/lib/b"}).store.url == "sqlite:////var/lib/a/approval-watch.db"
    )


def test_an_absolute_store_path_stays(tmp_path: Path) -> None:
    config = load(write(tmp_path, "store: {url: sqlite:////srv/watch.db}"), {"STATE_DIRECTORY": "/var/lib/a"})
    assert config.store.url == "sqlite:////srv/watch.db"


def test_a_section_whose_lines_are_all_commented_out_is_as_if_left_out(tmp_path: Path) -> None:
    config = load(write(tmp_path, "source:\n  okx:\n    api:\nwallets:\nchannels:\nlog:\n  level:\n"), {})
    assert config == load(write(tmp_path, "{}"), {})


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"\xef\xbb\xbflog: {level: debug}\r\n")
    assert load(path, {}).log.level == "debug"


def test_no_wallet_is_a_problem_for_whoever_needs_one(full: Config, tmp_path: Path) -> None:
    assert full.missing_wallets() == []
    (problem,) = load(write(tmp_path, "{}"), {}).missing_wallets()
    assert problem.code == "no-wallets"


def test_two_loads_of_one_file_are_equal_whatever_the_environment_holds(tmp_path: Path) -> None:
    path = write(tmp_path, f"wallets: [{{address: '{OWNER}', chains: [base]}}]")
    assert load(path, {"OKX_API_KEY": "a"}) == load(path, {"OKX_API_KEY": "b"})


def test_nothing_of_a_configuration_can_be_changed(full: Config) -> None:
    for part in fields(full):
        with pytest.raises(AttributeError):
            setattr(full, part.name, None)


# The example.


def test_the_example_loads_without_a_worry() -> None:
    config = load(EXAMPLE, {})
    assert (config.warnings, config.missing_wallets()) == ((), [])
    environ = dict.fromkeys(re.findall(r"env: ([A-Z_]+)", EXAMPLE.read_text()), "json://127.0.0.1/")
    assert load(EXAMPLE, environ).missing_secrets() == []


def test_every_line_of_the_example_that_is_commented_out_can_be_taken_in(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "wallets.csv").write_text("address,chains\n0x" + "1" * 40 + ",bsc\n")
    text, count = re.subn(r"(?m)^( *)#(?=[a-z]|  [a-z])", r"\1", EXAMPLE.read_text())
    assert count > 15
    config = load(write(tmp_path, text), {})
    assert len(config.targets) == 4
    assert set(config.channels) == {"ops", "desk"}
    assert set(config.nodes) == {"1"}


# Where the file is looked for.


def test_the_option_comes_first_then_the_environment_then_here_then_the_system(tmp_path: Path) -> None:
    system = tmp_path / "etc.yaml"
    environ = {"APPROVAL_WATCH_CONFIG": "named.yaml"}
    with pytest.raises(UsageError, match=r"--config, \$APPROVAL_WATCH_CONFIG, .*/config.yaml, .*/etc.yaml"):
        find_config(None, {}, tmp_path, system)
    system.touch()
    assert find_config(None, {}, tmp_path, system) == system
    here = write(tmp_path, "")
    assert find_config(None, {}, tmp_path, system) == here
    assert find_config(None, environ, tmp_path, system) == Path("named.yaml")
    assert find_config(Path("option.yaml"), environ, tmp_path, system) == Path("option.yaml")


def test_a_file_that_may_not_be_looked_at_is_not_passed_over(tmp_path: Path) -> None:
    unreachable = tmp_path / ("x" * 300)
    assert find_config(None, {}, tmp_path, unreachable) == unreachable
    with pytest.raises(ConfigError, match="cannot be read"):
        load(unreachable, {})


@pytest.mark.parametrize(
    ("content", "message", "code"),
    [
        (None, "there is no such file", "missing-file"),
        (b"", "empty", "empty-file"),
        (b"# only words\n", "empty", "empty-file"),
        (b"- a\n- b\n", "sections such as wallets: are expected", "wrong-type"),
        (b"hello", "sections such as wallets: are expected", "wrong-type"),
        (b"log:\n  level: \xff", "2:10: the file is not UTF-8", "unreadable-file"),
        ("log: {}".encode("utf-16"), "not UTF-8", "unreadable-file"),
    ],
)
def test_a_file_that_cannot_be_read_is_said_in_words(
    tmp_path: Path, content: bytes | None, message: str, code: str
) -> None:
    path = tmp_path / "config.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        load(path, {})
    assert [problem.code for problem in caught.value.problems] == [code]


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"a folder, not a file .*{tmp_path}/config.yaml"):
        load(tmp_path, {})
