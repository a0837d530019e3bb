"""Overrides and exceptions in a configuration: how they are written, and every mistake in them at its place."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scanner.config import Config, ExceptionConfig, load
from scanner.domain.alerts import Severity
from scanner.errors import ConfigError
from scanner.packs import load_pack, written_pack

ROOT = Path(__file__).parents[2]
AT = datetime(2026, 11, 20, tzinfo=UTC)
SPENDER = "0x68b3465833fb72A70ecDF485E0e4C7bD8665Fc45"
SOUND = f"""\
channels: {{ops: {{url: "json://localhost"}}}}
rules:
  overrides:
    exposure-to-stranger: {{severity: informational, params: {{low_usd: 500}}, channels: [ops]}}
    new-approval: {{enabled: no}}
  exceptions:
    - {{rule: bait-token, spender: {SPENDER}, chain: bsc, reason: "our  own\\ttoken", until: 2027-03-01}}
"""


def read(folder: Path, text: str) -> Config:
    path = folder / "config.yaml"
    path.write_text(text, "utf-8")
    return load(path, {})


def wrong(folder: Path, text: str) -> list[tuple[str, str]]:
    """Where something is wrong with a configuration and its rules, and the codes."""
    try:
        problems = load_pack(read(folder, text), AT).problems
    except ConfigError as error:
        problems = error.problems
    return [(f"{problem.place.line}:{problem.place.column}", problem.code) for problem in problems]


def test_overrides_and_exceptions_reach_the_pack(tmp_path: Path) -> None:
    config = read(tmp_path, SOUND)
    assert config.rules.exceptions == (
        ExceptionConfig(
            rule="bait-token",
            spender=SPENDER.lower(),
            chain="56",
            reason="our own token",
            until=datetime(2027, 3, 1, tzinfo=UTC),
        ),
    )
    pack = load_pack(config, AT)
    assert pack.problems == ()
    [rule] = [rule for rule in pack.rules if rule.id == "exposure-to-stranger"]
    assert (rule.severity, rule.params["low_usd"]) == (Severity.INFORMATIONAL, 500.0)
    assert "new-approval" not in {rule.id for rule in pack.rules}
    assert [exemption.reason for exemption in pack.exemptions] == ["our own token"]
    assert config.telling.only == {"exposure-to-stranger": frozenset({"ops"})}


@pytest.mark.parametrize(
    ("written", "hour"),
    [("2027-03-01", 0), ("2027-03-01T12:00:00Z", 12), ('"2027-03-01 12:00+02:00"', 10)],
)
def test_an_end_is_a_moment(tmp_path: Path, written: str, hour: int) -> None:
    [exception] = read(tmp_path, SOUND.replace("2027-03-01", written)).rules.exceptions
    assert exception.until == datetime(2027, 3, 1, hour, tzinfo=UTC)


def test_the_rules_as_written_know_nothing_of_the_configuration(tmp_path: Path) -> None:
    assert written_pack(read(tmp_path, SOUND)) == written_pack(None)


@pytest.mark.parametrize(
    ("was", "becomes", "expected"),
    [
        ("new-approval:", "new-aproval:", [("5:5", "unknown-rule")]),
        ("low_usd: 500", "lo_usd: 500", [("4:62", "unknown-param")]),
        ("low_usd: 500", "low_usd: 5d", [("4:62", "bad-param")]),
        ("severity: informational", "severity: medium", [("4:28", "grade-order")]),
        ("severity: informational", "severity: mild", [("4:38", "bad-choice")]),
        ("channels: [ops]", "channels: [opps]", [("4:88", "unknown-channel")]),
        ("enabled: no", "enabled: perhaps", [("5:29", "bad-choice")]),
        ("enabled: no", "enable: no", [("5:20", "unknown-key")]),
        ("rule: bait-token", "rule: bate-token", [("7:7", "unknown-rule")]),
        ("rule: bait-token", "rule: exploited-spender", [("7:7", "exception-too-wide")]),
        (f"spender: {SPENDER}, ", "", [("7:7", "exception-too-wide")]),
        (SPENDER, SPENDER.replace("D8", "d8"), [("7:35", "bad-address")]),
        ("chain: bsc", "chain: bcs", [("7:86", "unknown-chain")]),
        ('reason: "our  own\\ttoken", ', "", [("7:7", "missing-key")]),
        ('"our  own\\ttoken"', '"  "', [("7:99", "bad-text")]),
        ("until: 2027-03-01", "until: soon", [("7:125", "bad-time")]),
        ("until: 2027-03-01", 'until: "2027-03-01T12:00:00"', [("7:125", "bad-time")]),
    ],
)
def test_a_mistake_is_told_at_its_place(
    tmp_path: Path, was: str, becomes: str, expected: list[tuple[str, str]]
) -> None:
    assert was in SOUND
    assert wrong(tmp_path, SOUND.replace(was, becomes)) == expected


@pytest.mark.parametrize("page", ["rules.md", "configuration.md"])
def test_the_examples_in_the_documents_are_sound(tmp_path: Path, page: str) -> None:
    text = (ROOT / "docs" / page).read_text("utf-8")
    examples = re.findall(
        r"```yaml\n(?:# config\.yaml\n)?(rules:\n  (?:overrides|exceptions):\n.*?)```", text, re.DOTALL
    )
    assert examples
    for example in examples:
        assert wrong(tmp_path, f'channels: {{ops: {{url: "json://localhost"}}}}\n{example}') == []
