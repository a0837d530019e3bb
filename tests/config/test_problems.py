"""Every mistake in a configuration is told, at its place, all at once, in words."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from scanner.config import load
from scanner.errors import ConfigError, Problem

BAD = """\
shedule: {every: 15m}
source:
  okx:
    base_url: http://web3.okx.com
    key: 22582BD0CFF14C41EDBF1AB98506286D
    secret: {evn: OKX_SECRET_KEY}
    requests_per_second: fast
    timeout: 20
    api: v7
    timout: 3s
  prefer: [evm]
wallets:
  - {address: 0xed0C6079229E2d407672a117c22b62064f4a4312, chains: [etherum, base]}
  - {address: 0x123, chains: [ethereum], lable: x}
  - {address: 0xEd0C6079229E2d407672a117c22b62064f4a4312, chains: ethereum}
  - {chains: [ethereum]}
  - {address: 0x1111111111111111111111111111111111111111, chains: [bsc]}
  - {address: 0x1111111111111111111111111111111111111111, chains: [bsc, "56"]}
  - 0x1111111111111111111111111111111111111111
schedule: {every: 15, cron: "0 8 * * 1"}
store: {url: "postgresql://u:hunter2@h/db"}
rules: {dirs: [./nowhere], default: maybe}
channels:
  ops: tgram://123456789:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQ/1
  "my channel": {url: {env: A}}
  mail: {url: "mailtos://me:hunter2@example.org", min_severity: hihg}
  empty:
alerting: {group_wait: soon, repeat: {critcal: 1d, high: x}, storm: 60}
log: [info]
log: {level: loud}
lists: {ours: {label: x}}
"""

TOLD = [
    ("1:1", "unknown-key", "unknown key 'shedule' (did you mean 'schedule'?)"),
    ("4:15", "bad-url", "source.okx.base_url: the connection would not be encrypted"),
    ("5:10", "plain-secret", "source.okx.key: a secret does not belong in this file"),
    ("6:14", "unknown-key", "source.okx.secret: unknown key 'evn' (did you mean 'env'?)"),
    ("7:26", "bad-number", "source.okx.requests_per_second: 'fast' is not a number"),
    ("8:14", "bad-duration", "source.okx.timeout: '20' is not a duration (write a unit: 20s"),
    ("9:10", "bad-choice", "source.okx.api: 'v7' is not known here"),
    ("10:5", "unknown-key", "unknown key 'timout' in source.okx (did you mean 'timeout'?)"),
    ("11:11", "conflict", "source.prefer names nothing that can read (add okx, or a chain's nodes below source.evm)"),
    ("13:15", "bad-address", "'0xed0C6079229E2d407672a117c22b62064f4a4312' does not fit its EIP-55 checksum"),
    ("13:68", "unknown-chain", "unknown chain 'etherum'; did you mean 'ethereum'?"),
    ("14:15", "bad-address", "'0x123' is not an EVM address"),
    ("14:42", "unknown-key", "unknown key 'lable' in wallets[1] (did you mean 'label'?)"),
    ("15:67", "wrong-type", "wallets[2].chains: a list is expected"),
    ("16:5", "missing-key", "wallets[3].address is missing"),
    ("18:68", "duplicate-wallet", "0x1111111111111111111111111111111111111111 on bsc stands here again; first at "),
    ("18:73", "duplicate-wallet", "0x1111111111111111111111111111111111111111 on bsc stands here again; first at "),
    ("19:5", "wrong-type", "wallets[6]: a mapping is expected"),
    ("20:19", "bad-duration", "schedule.every: '15' is not a duration"),
    ("20:23", "conflict", "schedule has both every and cron"),
    ("20:29", "bad-cron", "schedule.cron: '0 8 * * 1' numbers the days of the week"),
    ("21:14", "bad-url", "store.url: the store's URL does not begin with sqlite:///"),
    ("22:16", "missing-file", "rules.dirs[0]: there is no folder "),
    ("22:37", "bad-choice", "rules.default: 'maybe' is neither true nor false"),
    ("24:8", "wrong-type", "channels.ops: a mapping is expected (keys: url, min_severity)"),
    ("25:3", "bad-name", "channels.my channel: 'my channel' is not a name"),
    ("26:15", "plain-secret", "channels.mail.url: this URL carries a secret, or may"),
    ("26:65", "bad-choice", "channels.mail.min_severity: 'hihg' is not known here (did you mean 'high'?)"),
    ("27:9", "wrong-type", "channels.empty: a mapping is expected"),
    ("28:24", "bad-duration", "alerting.group_wait: 'soon' is not a duration"),
    ("28:39", "bad-choice", "alerting.repeat.critcal: 'critcal' is not known here (did you mean 'critical'?)"),
    ("28:58", "bad-duration", "alerting.repeat.high: 'x' is not a duration"),
    ("28:69", "bad-value", "alerting.storm: '60' is not a cap"),
    ("29:6", "wrong-type", "log: a mapping is expected (keys: level, format)"),
    ("30:1", "duplicate-key", "'log' stands here twice; first on line 29"),
    ("31:9", "missing-key", "lists.ours.from is missing"),
]

ADDRESS = "0x" + "1" * 40


def problems_of(folder: Path, text: str) -> tuple[Problem, ...]:
    """What `load` says of a text; nothing where it loads."""
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    try:
        load(path, {})
    except ConfigError as error:
        return error.problems
    return ()


def test_a_file_full_of_mistakes_tells_each_of_them_at_its_place(tmp_path: Path) -> None:
    problems = problems_of(tmp_path, BAD)
    assert [(f"{p.place.line}:{p.place.column}", p.code) for p in problems] == [told[:2] for told in TOLD]
    for problem, (_, _, words) in zip(problems, TOLD, strict=True):
        assert str(problem).startswith(f"{problem.place}: {words}")


def test_no_problem_repeats_a_secret_that_stands_in_the_file(tmp_path: Path) -> None:
    said = "\n".join(problem.render() for problem in problems_of(tmp_path, BAD))
    for secret in ("22582BD0", "hunter2", "AAbbCC"):
        assert secret not in said


@pytest.mark.parametrize(
    ("text", "place", "code", "hint"),
    [
        ("source: {okx: {base_url: 'https://u:p@web3.okx.com'}}", "1:26", "bad-url", "as in https://web3.okx.com"),
        ("source: {okx: {base_url: 'https://web3.okx.com/api'}}", "1:26", "bad-url", "as in https://web3.okx.com"),
        ("source: {okx: {base_url: 'https://[::1'}}", "1:26", "bad-url", ""),
        ("source: {okx: {base_url: 'https://web3.okx.com:port'}}", "1:26", "bad-url", ""),
        ("source: {okx: {approvals_path: approvals}}", "1:32", "bad-url", "as in /api/"),
        ("source: {okx: {requests_per_second: 0}}", "1:37", "bad-number", "from 0.01 to 10000"),
        ("source: {okx: {requests_per_second: nan}}", "1:37", "bad-number", "digits"),
        ("source: {okx: {timeout: 0s}}", "1:25", "bad-duration", "from 0:00:00.1"),
        ("source: {okx: {key: {env: A, file: b}}}", "1:30", "conflict", "{env: NAME}"),
        ("source: {okx: {key: {env: 'A B'}}}", "1:27", "bad-secret", "{env: NAME}"),
        ("source: {okx: {key: {env: [A]}}}", "1:27", "wrong-type", "{env: NAME}"),
        ("source: {okx: {key: {credential: ../x}}}", "1:34", "bad-secret", "{env: NAME}"),
        ("source: {okx: {key: {}}}", "1:21", "wrong-type", "{env: NAME}"),
        ("source: {okx: {key: [A]}}", "1:21", "wrong-type", "{env: NAME}"),
        ("source: {prefer: [okx, infura]}", "1:24", "bad-choice", "evm, okx"),
        ("source: {evm: {solana: {rpc: [{env: A}]}}}", "1:16", "unknown-chain", ""),
        ("source: {evm: {eth: {rpc: [{env: A}]}, '1': {rpc: [{env: B}]}}}", "1:40", "conflict", "keep one"),
        ("source: {evm: {eth: {rpc: []}}}", "1:27", "missing-key", "name one"),
        ("source: {evm: {eth: {}}}", "1:16", "missing-key", ""),
        ("source: {evm: {eth: {rpc: ['http://node.example']}}}", "1:28", "bad-url", "use https://"),
        ("source: {evm: {eth: {rpc: ['ws://93.184.216.34:8546']}}}", "1:28", "bad-url", "use wss://"),
        ("source: {evm: {eth: {rpc: ['ftp://localhost']}}}", "1:28", "bad-url", ""),
        ("source: {evm: {eth: {rpc: [{env: A}], confirmations: 1.5}}}", "1:54", "bad-number", "as in 12"),
        ("source: {evm: {eth: {rpc: [{env: A}], from_block: -1}}}", "1:51", "bad-number", "as in 12"),
        ("source: {evm: {eth: {rpc: [{env: A}], poll: 0s}}}", "1:45", "bad-duration", "from 0:00:00.1"),
        ("source: {evm: {eth: {rpc: [{env: A}], await_final: 12}}}", "1:52", "bad-choice", "true or false"),
        ("source: {evm: {eth: {rpc: ['https://node.example/v3/0123456789abcdef']}}}", "1:28", "plain-secret", "env"),
        (f"wallets: [{{address: '{ADDRESS}'}}]", "1:11", "missing-key", ""),
        (f"wallets: [{{address: '{ADDRESS}', chains: []}}]", "1:75", "missing-key", "name at least one"),
        (f"wallets: [{{address: '{ADDRESS}', chains: [tron]}}]", "1:21", "bad-address", ""),
        (f"wallets: [{{address: '{ADDRESS}', chains: [bsc], label: ''}}]", "1:89", "bad-text", ""),
        (f"wallets: {{address: '{ADDRESS}'}}", "1:10", "wrong-type", "[a, b]"),
        ("wallets_file: ''", "1:15", "bad-path", ""),
        ("schedule: {every: 0s}", "1:19", "bad-duration", "from 0:00:01"),
        ("schedule: {every: 99999d}", "1:19", "bad-duration", ""),
        ("schedule: {cron: hourly}", "1:18", "bad-cron", "five fields"),
        ("schedule: {cron: '99 * * * *'}", "1:18", "bad-cron", "five fields"),
        ("schedule: {cron: '0 0 30 2 *'}", "1:18", "bad-cron", ""),
        ("store: {url: 'sqlite://'}", "1:14", "bad-url", "sqlite:///approval-watch.db"),
        ("store: {url: 'sqlite:///:memory:'}", "1:14", "bad-url", "name a file"),
        ("store: {url: 'sqlite:///a.db?mode=ro'}", "1:14", "bad-url", "without options"),
        (f"rules: {{dirs: [{'x' * 300}]}}", "1:16", "unreadable-file", ""),
        ("lists: {a: {from: 'http://lists.example', label: x}}", "1:19", "bad-url", "https://"),
        ("lists: {a: {from: 'ftp://lists.example', label: x}}", "1:19", "bad-url", ""),
        ("channels: {a: {url: {env: A}, min_severity: 3}}", "1:45", "bad-choice", "critical"),
        ("channels: {a: {min_severity: high}}", "1:12", "missing-key", ""),
        ("alerting: {digest: hourly}", "1:20", "bad-choice", "off, daily, weekly"),
        ("alerting: {storm: 0.5.1/1m}", "1:19", "bad-number", ""),
        ("alerting: {storm: 5/0s}", "1:19", "bad-duration", ""),
        ("log: {format: xml}", "1:15", "bad-choice", "auto, json, text"),
        ("log: info", "1:6", "wrong-type", "keys: level, format"),
        ("channels: [a]", "1:11", "wrong-type", "name: value"),
    ],
)  # fmt: skip # - as many to a line as fit
def test_a_mistake_is_told_at_its_place(tmp_path: Path, text: str, place: str, code: str, hint: str) -> None:
    problems = problems_of(tmp_path, text)
    assert [(f"{problem.place.line}:{problem.place.column}", problem.code) for problem in problems] == [(place, code)]
    assert hint in problems[0].hint


def test_one_mistake_never_hides_another_of_the_same_wallet(tmp_path: Path) -> None:
    text = "wallets:\n- {address: 0x12, chains: [nowhere], lable: x, tags: y}\n"
    codes = [problem.code for problem in problems_of(tmp_path, text)]
    assert codes == ["bad-address", "unknown-chain", "unknown-key", "wrong-type"]


WORDS = st.sampled_from(
    [
        "source", "okx", "evm", "key", "env", "file", "from", "from_", "wallets", "address", "chains", "label", "tags",
        "schedule", "every", "cron", "store", "url", "rules", "dirs", "lists", "channels", "alerting", "storm",
        "log", "level", "ethereum", "0x" + "1" * 40, "1e9", "nan", "-1", "9" * 5000, "١٢s", "60/10m", "* * * * *",
        "https://[", "http://a:b", "json://x:99999999/", "sqlite:///\\ud800", "\\0", "", "critical", "~", "\u2028", "é",
    ]
)  # fmt: skip # - as many to a line as fit
DATA = st.recursive(
    st.none() | WORDS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=4), inner, max_size=4),
    max_leaves=25,
)


@st.composite
def sections(draw: st.DrawFn) -> str:
    """Text in the shape of a configuration, with anything at all where values stand."""
    keys = st.sampled_from(["source", "schedule", "store", "rules", "lists", "channels", "alerting", "log", "other"])
    data = {key: draw(DATA) for key in draw(st.lists(keys, unique=True, max_size=4))}
    deeper = draw(st.sampled_from(["okx", "evm", "ops"]))
    data["source" if deeper != "ops" else "channels"] = {deeper: draw(DATA)}
    data["wallets"] = [draw(DATA), {"address": draw(WORDS), "chains": draw(DATA), "label": draw(DATA)}]
    return json.dumps(data, ensure_ascii=draw(st.booleans()))


@given(text=sections() | st.text(max_size=80))
@example(text='{"schedule": {"cron": "0 0 * * *\\u0000"}}')
@example(text='{"lists": {"a": {"from_": "x", "label": "y"}}}')
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
def test_no_text_makes_loading_fail_otherwise_than_in_words(tmp_path: Path, text: str) -> None:
    for problem in problems_of(tmp_path, text.encode("utf-8", "replace").decode()):
        assert problem.message
        assert problem.place.file.endswith("config.yaml")
