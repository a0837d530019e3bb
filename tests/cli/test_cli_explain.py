"""`rules explain`, and what `alerts show` says of operands, from a real store."""

import asyncio
import csv
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from known_store import CONFIG, DAI_APPROVAL, EXCHANGE, NOW, ON_BSC, RAISED, STRANGER, TARGETS, TREASURY, USDT, fill
from shell import Ended, run

from scanner.domain.alerts import Alert
from scanner.domain.holdings import BalanceReading, Seen
from scanner.store.balances import record
from scanner.store.engine import Store
from scanner.store.knowledge import unwatch

DOCS = Path(__file__).parents[2] / "docs" / "rules.md"


@pytest.fixture(autouse=True)
def alert(tmp_path: Path) -> Alert:
    """A store in which `treasury` gave unlimited USDT to a spender on no list; an alert of that is open."""
    return asyncio.run(filled(tmp_path))


async def filled(folder: Path) -> Alert:
    alert = await fill(folder)
    await hold(folder, "4210")
    return alert


async def hold(folder: Path, amount: str) -> None:
    """What the treasury holds of USDT, at a dollar each."""
    store = await Store.open(f"sqlite:///{folder / 'approval-watch.db'}")
    seen = Seen(USDT, "USDT", Decimal(amount), price_usd=Decimal(1), risk=False)
    reading = BalanceReading(TARGETS["1"], {USDT: seen}, NOW - timedelta(hours=2))
    try:
        await store.write(lambda connection: record(connection, reading))
    finally:
        await store.close()


def explained(folder: Path, rule: str, approval: str = RAISED.id) -> Any:
    ended = run(folder, "rules", "explain", rule, "--approval", approval, "--format", "json")
    assert (ended.code, ended.err) == (0, "")
    return json.loads(ended.out)


def ways(document: Any, name: str) -> list[str]:
    """What one condition would take, by `when` or `critical when`."""
    return [
        " and ".join(flip["words"] for flip in way["flips"])
        for condition in document["explanation"]["conditions"]
        if " ".join(filter(None, (condition["severity"], condition["kind"]))) == name
        for way in condition["ways"]
    ]


def test_a_rule_that_holds_is_told_with_its_alert_and_what_would_make_it_worse(tmp_path: Path, alert: Alert) -> None:
    document = explained(tmp_path, "unlimited-to-stranger")
    explanation = document["explanation"]
    assert (explanation["judgement"], explanation["severity"]) == ("holds", "high")
    assert {"field": "exposure.real_usd", "value": "4,210", "unknown": None} in explanation["values"]
    assert [entry["id"] for entry in document["alerts"]] == [alert.id]
    assert document["notes"] == ["Nothing would change at the next reading."]
    assert ways(document, "critical when") == ["exposure.real_usd is 4,210; it would have to be more than 100,000"]
    assert ways(document, "when")[0] == "allowance.unlimited is yes; it would have to be no"


def test_a_rule_that_raised_nothing_says_what_it_would_take(tmp_path: Path) -> None:
    document = explained(tmp_path, "unlimited-to-listed")
    assert document["explanation"]["judgement"] == "fails"
    assert (document["alerts"], document["notes"]) == ([], ["No alert is open for it, and none would be."])
    assert ways(document, "when") == ["spender.labels is empty; it would have to have an entry"]


def test_what_is_not_known_is_said_with_its_reason(tmp_path: Path) -> None:
    document = explained(tmp_path, "exposure-to-stranger", ON_BSC.id)
    assert document["explanation"]["judgement"] == "undecided"
    unknown = {entry["field"]: entry["value"] for entry in document["explanation"]["values"] if entry["unknown"]}
    assert unknown == {"exposure.real_usd": "unknown", "exposure.usd": "unknown"}
    words = run(tmp_path, "rules", "explain", "exposure-to-stranger", "--approval", ON_BSC.id).words
    assert "exposure.usd unknown, as it is if a part of that is not known" in words


def test_a_rule_on_changes_is_asked_of_the_last_change_that_it_speaks_of(tmp_path: Path) -> None:
    raised = explained(tmp_path, "limited-turned-unlimited")
    assert raised["explanation"]["judgement"] == "holds"
    new = explained(tmp_path, "new-approval")
    assert new["explanation"]["judgement"] == "not asked"
    assert new["explanation"]["said"] == ["It speaks only of changes (new), and its last change was `increased`."]


def test_an_approval_that_is_gone_is_not_asked_about(tmp_path: Path) -> None:
    # The treasury's second reading lacked it.
    document = explained(tmp_path, "exposure-to-stranger", DAI_APPROVAL.id)
    assert document["explanation"]["judgement"] == "not asked"
    assert document["explanation"]["said"] == ["The approval is in force no more: it is not asked."]
    assert document["notes"] == []


def test_silences_that_hide_the_alert_are_named_and_those_that_would(tmp_path: Path, alert: Alert) -> None:
    silence(tmp_path, alert.id, "--comment", "we know")
    silence(tmp_path, "--rule", "unlimited-to-listed", "--future", "--comment", "too loud")
    hidden = explained(tmp_path, "unlimited-to-stranger")
    assert list(hidden["silenced"]) == [alert.id]
    assert [one["comment"] for one in hidden["silences"]] == ["we know"]
    coming = explained(tmp_path, "unlimited-to-listed")
    assert ([one["comment"] for one in coming["silences"]], coming["silenced"]) == (["too loud"], {})
    words = run(tmp_path, "rules", "explain", "unlimited-to-listed", "--approval", RAISED.id).words
    assert "would hide what opens until" in words
    assert explained(tmp_path, "exposure-to-stranger")["silences"] == []


def silence(folder: Path, *arguments: str) -> None:
    assert run(folder, "alerts", "silence", *arguments, "--for", "7d", "--author", "kim").code == 0


@pytest.mark.parametrize(("spender", "excepted"), [(EXCHANGE, True), (STRANGER, False)])
def test_an_exception_that_covers_the_approval_is_named(
    tmp_path: Path, alert: Alert, spender: str, excepted: bool
) -> None:
    exception = f"{{rule: unlimited-to-stranger, spender: '{spender}', owner: '{TREASURY}', reason: our own}}"
    (tmp_path / "config.yaml").write_text(f"{CONFIG}rules: {{exceptions: [{exception}]}}\n")
    document = explained(tmp_path, "unlimited-to-stranger")
    if not excepted:
        assert document["excepted"] is None
        return
    assert (document["excepted"]["names"], document["excepted"]["reason"]) == (["owner", "spender"], "our own")
    assert document["notes"] == [f"An exception keeps the rule silent about it. The next reading ends {alert.id}."]


def test_a_wallet_that_is_watched_no_more_is_said_to_be_judged_by_nobody(tmp_path: Path) -> None:
    async def forget() -> None:
        store = await Store.open(f"sqlite:///{tmp_path / 'approval-watch.db'}")
        await store.write(lambda connection: unwatch(connection, [], NOW))
        await store.close()

    asyncio.run(forget())
    notes = explained(tmp_path, "unlimited-to-stranger")["notes"]
    assert notes == ["Its wallet is not in the configuration: nothing is judged."]


@pytest.mark.parametrize(
    ("rule", "approval", "said"),
    [
        (
            "unlimited-to-strangr",
            RAISED.id,
            "There is no rule unlimited-to-strangr. Did you mean unlimited-to-stranger",
        ),
        ("nonsense", RAISED.id, "There is no rule nonsense. See them all: approval-watch rules list"),
        ("new-approval", RAISED.id[:-1], f"There is no approval {RAISED.id[:-1]}. Did you mean {RAISED.id}?"),
        ("new-approval", "x", "There is no approval x. See them all: approval-watch approvals --format json"),
    ],
)
def test_an_unknown_rule_or_approval_gets_a_suggestion(tmp_path: Path, rule: str, approval: str, said: str) -> None:
    ended = run(tmp_path, "rules", "explain", rule, "--approval", approval)
    assert ended.code == 2
    assert said in ended.words


def test_a_rule_that_is_switched_off_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(f"{CONFIG}rules: {{disable: [new-approval]}}\n")
    ended = run(tmp_path, "rules", "explain", "new-approval", "--approval", RAISED.id)
    assert ended.code == 2
    assert "The rule new-approval is not in force" in ended.words


def test_csv_has_a_row_for_each_operand(tmp_path: Path) -> None:
    ended = run(tmp_path, "rules", "explain", "unlimited-to-listed", "--approval", RAISED.id, "--format", "csv")
    rows = list(csv.DictReader(StringIO(ended.out)))
    assert [(row["condition"], row["severity"], row["outcome"], row["operand"]) for row in rows[1:4]] == [
        ("when", "", "holds", "allowance.unlimited"),
        ("when", "", "fails", "spender.labels.size() > 0"),
        ("when", "", "holds", "!spender.trusted"),
    ]
    assert rows[-1]["severity"] == "medium"


def test_the_story_of_an_alert_says_what_its_rule_says_now(tmp_path: Path, alert: Alert) -> None:
    story = json.loads(run(tmp_path, "alerts", "show", alert.id, "--format", "json").out)
    assert story["now"]["judgement"] == "holds"
    assert story["then"] is None, "the values that it was opened with are not those that the rule reads by now"
    words = run(tmp_path, "alerts", "show", alert.id).words
    assert "What the rule says now It holds, at severity high." in words


def test_the_story_of_an_alert_has_the_operands_of_then(tmp_path: Path) -> None:
    own = "rules: [{id: unlimited-to-stranger, title: T, severity: high, when: allowance.unlimited, why: x, fix: x}]"
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "rules.yaml").write_text(own)
    (tmp_path / "config.yaml").write_text(f"{CONFIG}rules: {{default: false, dirs: [own]}}\n")
    [listed] = json.loads(run(tmp_path, "alerts", "list", "--format", "json").out)["alerts"]
    story = json.loads(run(tmp_path, "alerts", "show", listed["id"], "--format", "json").out)
    assert story["then"]["conditions"][0]["tree"]["about"] == "allowance.unlimited is yes"
    (tmp_path / "own" / "rules.yaml").write_text("rules: []")
    story = json.loads(run(tmp_path, "alerts", "show", listed["id"], "--format", "json").out)
    assert (story["then"], story["now"]) == (None, None)


def documented() -> Iterator[tuple[list[str], str]]:
    """The commands in the documentation, each with what it prints there."""
    for block in re.findall(r"```console\n\$ approval-watch (rules explain .*?)```", DOCS.read_text(), re.DOTALL):
        command, _, printed = block.partition("\n")
        yield command.split(), printed


def test_the_documentation_shows_what_is_printed(tmp_path: Path) -> None:
    found = list(documented())
    assert found
    for arguments, printed in found:
        ended: Ended = run(tmp_path, *arguments, COLUMNS="112")
        assert ended.out == printed
