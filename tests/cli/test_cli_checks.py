"""`check-config`, `rules` and `db`: every problem at once, with its place; and what is sound."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from known_store import CONFIG, fill
from shell import SECRETS, run

from scanner.policy.loading import default_rules

RULE = """\
rules:
  - id: {id}
    title: A rule of my own
    severity: low
    when: {when}
    why: So.
    fix: So.
    tests: [{{name: plain, given: {{}}, expect: quiet}}]
"""


def write(folder: Path, text: str = CONFIG, **rules: str) -> None:
    (folder / "config.yaml").write_text(text)
    (folder / "rules").mkdir()
    for name, when in rules.items():
        (folder / "rules" / f"{name}.yaml").write_text(RULE.format(id=name, when=when))


def test_a_sound_configuration_is_summed_up(tmp_path: Path) -> None:
    write(tmp_path, CONFIG + "rules: {dirs: [rules]}\n", mine="allowance.unlimited")
    ended = run(tmp_path, "check-config")
    assert (ended.code, ended.err) == (0, "")
    assert "Wallets 2, on bsc, ethereum: 2 targets" in ended.words
    assert "Channels ops (from high on)" in ended.words
    assert "Schedule every 15 min" in ended.words
    assert "which the first scan makes" in ended.words


def test_problems_of_configuration_wallets_rules_and_secrets_come_at_once(tmp_path: Path) -> None:
    write(tmp_path, CONFIG + "rules: {dirs: [rules]}\nwallets_file: wallets.csv\n", mine="allowance.unlimitted")
    (tmp_path / "wallets.csv").write_text("address,chains\nnonsense,ethereum\n")
    ended = run(tmp_path, "check-config", **dict.fromkeys(SECRETS, ""))
    assert (ended.code, ended.out) == (2, "")
    assert "rules/mine.yaml:5:11" in ended.err
    assert "did you mean 'allowance.unlimited'?" in ended.err
    assert "wallets.csv:2:1" in ended.err
    assert "OKX_API_KEY" in ended.err
    assert "OKX_PROJECT_ID" in ended.err


def test_a_secret_that_only_the_service_has_is_mentioned_and_no_mistake(tmp_path: Path) -> None:
    write(tmp_path)
    ended = run(tmp_path, "check-config", **dict.fromkeys(SECRETS, ""))
    assert ended.code == 0
    assert "warning:" in ended.err
    assert "OKX_API_KEY" in ended.err


def test_a_rule_that_cannot_be_disabled_because_it_does_not_exist_is_mentioned(tmp_path: Path) -> None:
    write(tmp_path, CONFIG + "rules: {disable: [new-aproval]}\n")
    ended = run(tmp_path, "check-config")
    assert ended.code == 0
    assert "there is no rule 'new-aproval' (did you mean 'new-approval'?)" in ended.err


def test_a_broken_configuration_does_not_hide_broken_rules(tmp_path: Path) -> None:
    write(tmp_path, CONFIG + "rules: {dirs: [rules]}\nchanels: {}\n", mine="allowance.unlimitted")
    ended = run(tmp_path, "check-config")
    assert ended.code == 2
    assert "config.yaml:7:1" in ended.err
    assert "rules/mine.yaml:5:11" in ended.err
    assert ended.err.endswith("2 problems\n")


OVERRIDDEN = (
    CONFIG
    + """\
rules:
  dirs: [rules]
  overrides:
    mine: {severity: high}
    new-aproval: {enabled: no}
    bait-token: {enabled: perhaps}
  exceptions:
    - {rule: bait-token, until: soon}
    - {rule: bait-token, reason: theirs}
"""
)


def test_a_broken_configuration_does_not_hide_what_is_wrong_with_overrides_and_exceptions(tmp_path: Path) -> None:
    write(tmp_path, OVERRIDDEN + "chanels: {}\n", mine="allowance.unlimited")
    ended = run(tmp_path, "check-config")
    assert ended.code == 2
    assert re.findall(r"config.yaml:(\d+:\d+): .*\[([a-z-]+)\]\n", ended.err) == [
        ("10:5", "unknown-rule"),
        ("11:27", "bad-choice"),
        ("13:7", "missing-key"),
        ("13:33", "bad-time"),
        ("14:7", "exception-too-wide"),
        ("15:1", "unknown-key"),
    ]


def test_where_a_folder_of_rules_is_missing_nothing_is_said_against_overrides(tmp_path: Path) -> None:
    write(tmp_path, OVERRIDDEN.replace("[rules]", "[rules, more]"), mine="allowance.unlimitted")
    ended = run(tmp_path, "check-config")
    assert ended.code == 2
    assert "rules/mine.yaml:5:11" in ended.err
    assert "missing-file" in ended.err
    assert "unknown-rule" not in ended.err


def test_a_rule_whose_alerts_nobody_is_told_of_is_mentioned(tmp_path: Path) -> None:
    write(tmp_path, CONFIG + "rules: {overrides: {new-approval: {channels: []}, bait-token: {channels: [ops]}}}\n")
    ended = run(tmp_path, "check-config")
    assert ended.code == 0
    [warning] = ended.err.splitlines()
    assert "warning: " in warning
    assert "config.yaml:6:36: nobody is told of the alerts of new-approval (name a channel" in warning


@pytest.mark.parametrize(
    "command", [("approvals",), ("history",), ("check-config",), ("db", "upgrade"), ("rules", "list")]
)
def test_a_configuration_that_cannot_be_used_stops_every_command(tmp_path: Path, command: tuple[str, ...]) -> None:
    write(tmp_path, CONFIG + "chanels: {}\n")
    ended = run(tmp_path, *command)
    assert (ended.code, ended.out) == (2, "")
    assert "config.yaml:6:1: " in ended.err
    assert "did you mean 'channels'?" in ended.err


def test_without_a_configuration_every_place_is_named(tmp_path: Path) -> None:
    ended = run(tmp_path, "approvals")
    assert ended.code == 2
    for place in ("--config", "$APPROVAL_WATCH_CONFIG", "config.yaml", "/etc/approval-watch/config.yaml"):
        assert place in ended.err


def test_the_option_goes_before_the_environment(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "config.yaml").rename(tmp_path / "mine.yaml")
    assert run(tmp_path, "check-config", APPROVAL_WATCH_CONFIG="mine.yaml").code == 0
    assert run(tmp_path, "--config", "mine.yaml", "check-config", APPROVAL_WATCH_CONFIG="other.yaml").code == 0
    assert "other.yaml: there is no such file" in run(tmp_path, "check-config", APPROVAL_WATCH_CONFIG="other.yaml").err


def test_the_default_rules_are_listed_and_sound_without_a_configuration(tmp_path: Path) -> None:
    checked = run(tmp_path, "rules", "check")
    assert (checked.code, checked.err) == (0, "")
    listed = json.loads(run(tmp_path, "rules", "list", "--format", "json").out)["rules"]
    assert checked.out == f"{len(listed)} rules, all sound.\n"
    assert listed[0]["severity"] == "critical"
    assert {"id", "title", "severity", "on", "when", "why", "fix"} <= set(listed[0])


def test_rules_list_has_the_users_own_and_counts_what_is_broken(tmp_path: Path) -> None:
    write(tmp_path, CONFIG + "rules: {dirs: [rules]}\n", mine="allowance.unlimited", other="allowance.unlimitted")
    ended = run(tmp_path, "rules", "list")
    assert ended.code == 0
    assert "LOW mine A rule of my own allowance.unlimited" in ended.words
    assert "1 problem in other rules, which are left out" in ended.words


def test_a_broken_rule_is_shown_with_its_line_and_a_caret(tmp_path: Path) -> None:
    write(tmp_path, mine="allowance.unlimitted")
    for path in ("rules", "rules/mine.yaml"):
        ended = run(tmp_path, "rules", "check", path)
        assert (ended.code, ended.out) == (2, "")
        said, line, caret, total = ended.err.rstrip("\n").split("\n")
        assert said.endswith(
            "rules/mine.yaml:5:11: there is no field 'allowance.unlimitted' (did you mean 'allowance.unlimited'?) "
            "[unknown-field]"
        )
        assert line.index("allowance.unlimitted") == caret.index("^")
        assert total == "1 problem"


def test_a_warning_about_a_rule_does_not_fail(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "rules" / "terse.yaml").write_text(RULE.format(id="terse", when="true").replace("    fix: So.\n", ""))
    ended = run(tmp_path, "rules", "check", "rules")
    assert ended.code == 0
    assert "warning: " in ended.err
    assert "terse.yaml:2:5" in ended.err


def test_a_path_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    assert run(tmp_path, "rules", "check", "nowhere").code == 2


def test_upgrade_makes_the_store_and_can_be_run_again(tmp_path: Path) -> None:
    write(tmp_path)
    for _ in range(2):
        ended = run(tmp_path, "db", "upgrade")
        assert (ended.code, ended.err) == (0, "")
        assert "approval-watch.db is up to date" in ended.out
    assert re.search(
        r"is sound: \d+ pages of 4096 bytes, \d+ of them free for what comes.$", run(tmp_path, "db", "check").words
    )


def test_a_backup_is_a_store_and_never_overwrites(tmp_path: Path) -> None:
    asyncio.run(fill(tmp_path))
    assert run(tmp_path, "db", "backup", "copy.db").code == 0
    before = run(tmp_path, "approvals", "--format", "json").out
    (tmp_path / "copy.db").replace(tmp_path / "approval-watch.db")
    assert run(tmp_path, "approvals", "--format", "json").out == before
    (tmp_path / "taken.db").touch()
    ended = run(tmp_path, "db", "backup", "taken.db")
    assert ended.code == 1
    assert "exists already" in ended.err
    assert run(tmp_path, "db", "backup", "nowhere/copy.db").err.startswith("Error: the store nowhere/copy.db cannot be")


def test_a_damaged_store_is_said_with_what_to_do(tmp_path: Path) -> None:
    asyncio.run(fill(tmp_path))
    file = tmp_path / "approval-watch.db"
    pages = bytearray(file.read_bytes())
    for start in range(4096 * 5, len(pages), 4096):
        pages[start + 64 : start + 2048] = bytes(1984)
    file.write_bytes(pages)
    ended = run(tmp_path, "db", "check")
    assert (ended.code, ended.out) == (1, "")
    assert "is damaged" in ended.err
    assert "estore a backup" in ended.err


def test_an_id_of_the_default_pack_is_taken_and_its_place_is_named(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "rules" / "mine.yaml").write_text(RULE.format(id="new-approval", when="allowance.unlimited"))
    ended = run(tmp_path, "rules", "check", "rules")
    assert ended.code == 2
    assert "mine.yaml:2:9: the id 'new-approval' is taken by the rule at " in ended.err
    assert "changes.yaml:3:9" in ended.err
    write_without_default = CONFIG + "rules: {default: false}\n"
    (tmp_path / "config.yaml").write_text(write_without_default)
    assert run(tmp_path, "rules", "check", "rules").out == "1 rules, all sound.\n"


def test_what_is_wrong_with_rules_is_data_where_a_format_is_asked_for(tmp_path: Path) -> None:
    write(tmp_path, mine="allowance.unlimitted", other="spender.owners < 0")
    ended = run(tmp_path, "rules", "check", "rules", "--format", "json")
    assert (ended.code, ended.err) == (2, "")
    document = json.loads(ended.out)
    assert (document["version"], document["rules"]) == (1, 0)
    assert [(flaw["level"], flaw["code"], flaw["line"], flaw["column"]) for flaw in document["flaws"]] == [
        ("problem", "unknown-field", 5, 11),
        ("problem", "never-holds", 5, 11),
    ]
    assert document["flaws"][0]["hint"] == "did you mean 'allowance.unlimited'?"
    assert run(tmp_path, "rules", "check", "--format", "csv").code == 0


def test_the_output_in_the_documentation_is_the_programs(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "checking-rules.md").read_text()
    example, sample = (
        text.partition("```\n")[0] for text in page.partition("```yaml\n")[2].split("rules check rules\n")[:2]
    )
    write(tmp_path)
    (tmp_path / "rules" / "mine.yaml").write_text(example)
    assert run(tmp_path, "rules", "check", "rules").err.replace(f"{tmp_path}/", "") == sample


def test_a_typo_in_the_tenth_rule_is_one_error_with_its_place_and_the_right_name(tmp_path: Path) -> None:
    rules = [RULE.format(id=f"rule-{number}", when="allowance.unlimited") for number in range(1, 13)]
    rules[9] = rules[9].replace("allowance.unlimited", "allowance.unlimted")
    write(tmp_path)
    (tmp_path / "rules" / "mine.yaml").write_text("rules:\n" + "".join(text.partition("\n")[2] for text in rules))
    ended = run(tmp_path, "rules", "check", "rules")
    assert ended.code == 2
    assert ended.err == (
        f"{tmp_path}/rules/mine.yaml:68:11: there is no field 'allowance.unlimted' "
        "(did you mean 'allowance.unlimited'?) [unknown-field]\n"
        "        when: allowance.unlimted\n"
        "              ^\n"
        "1 problem\n"
    )


@pytest.mark.parametrize("name", ["", "changes.yaml"])
def test_the_default_pack_is_not_held_against_itself(tmp_path: Path, name: str) -> None:
    ended = run(tmp_path, "rules", "check", str(default_rules() / name))
    assert (ended.code, ended.err) == (0, "")
