"""The table that a person reads: the worst first, loud where something is not known, never wider than the terminal."""

import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from printed import DOCUMENTS
from rich.cells import cell_len
from shown import NOW, REPORT, alert, approval, before, report, target

from scanner.domain.cost import Spent
from scanner.formats import FORMATS, Look
from scanner.formats.documents import Alerts, Approvals, Document

MAX = str(2**256 - 1)
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def table(document: Document, width: int = 80, *, colour: bool = False) -> str:
    return FORMATS["table"](document, Look(NOW, width, colour))


def order(text: str, *words: str) -> list[str]:
    """The words in the order in which they first stand in the text."""
    assert all(word in text for word in words), text
    return sorted(words, key=text.index)


@pytest.mark.parametrize("width", [60, 80, 120, 132, 200])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    assert max(cell_len(line) for line in table(DOCUMENTS[name], width).split("\n")) <= width


@given(st.integers(min_value=50, max_value=220), st.integers(min_value=0, max_value=2**127), st.text(max_size=64))
def test_no_amount_or_name_widens_the_table(width: int, raw: int, label: str) -> None:
    label = "".join(c for c in label if c.isprintable())
    document = Approvals(approvals=(approval(raw=str(raw), label=label or None, name="x" * 64, labels=("trusted",)),))
    text = table(document, width)
    assert max(cell_len(line) for line in text.split("\n")) <= width


@pytest.mark.parametrize("name", DOCUMENTS)
def test_without_colour_there_are_no_escapes_and_with_it_the_words_are_the_same(name: str) -> None:
    plain = table(DOCUMENTS[name])
    coloured = table(DOCUMENTS[name], colour=True)
    assert "\x1b" not in plain
    assert "\x1b[" in coloured
    assert [line.rstrip() for line in ESCAPE.sub("", coloured).split("\n")] == plain.split("\n")


def test_at_80_columns_addresses_stay_whole_enough_to_be_told_apart() -> None:
    text = table(DOCUMENTS["approvals"])
    assert "0xdac17f95…3d831ec7 0x2c34a2fb…e6b7cdd6" in text


def test_a_wide_terminal_has_one_line_for_each_approval() -> None:
    narrow, wide = table(DOCUMENTS["approvals"], 80), table(DOCUMENTS["approvals"], 160)
    assert len(wide.split("\n")) == len(narrow.split("\n")) - len(REPORT.approvals)
    [line] = [line for line in wide.split("\n") if "unlimited" in line and "0x" in line]
    assert order(line, "HIGH", "treasury", "ethereum", "“USDT”", "“Swap”", "unlimited", "2 d ago")[0] == "HIGH"


def test_the_worst_comes_first() -> None:
    entries = (
        approval("rest", symbol="REST"),
        approval("odd", symbol="ODD", raw=None, unlimited=None),
        approval("unlimited", symbol="WIDE", raw=MAX, unlimited=True),
        approval("high", symbol="HIGHS"),
        approval("critical", symbol="CRITS"),
        approval("informed", symbol="KNOWN"),
    )
    alerts = (
        alert("AW-1", about="high"),
        alert("AW-2", about="critical", severity="critical"),
        alert("AW-3", about="informed", severity="informational"),
        alert("AW-4", about="rest", severity="critical", ended=True),
    )
    text = table(Approvals(approvals=entries, alerts=alerts), 160)
    assert order(text, "REST", "ODD", "WIDE", "HIGHS", "CRITS", "KNOWN") == [
        *("CRITS", "HIGHS", "WIDE", "ODD", "KNOWN", "REST"),
    ]


def test_the_worst_of_several_alerts_marks_an_approval() -> None:
    alerts = (alert("AW-1", severity="critical"), alert("AW-2", severity="low"), alert("AW-3", severity="medium"))
    text = table(Approvals(approvals=(approval(),), alerts=alerts))
    assert "CRIT treasury" in text
    assert "1 with critical alerts" in text


UNREADABLE = replace(approval().allowance, raw=None, unreadable="x")


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (approval(raw=MAX, unlimited=True), "unlimited"),
        (approval(), "2,744,484 raw"),
        (approval(raw=None, unlimited=None), "unknown"),
        (approval(kind="erc721_all", raw=None, unlimited=None), "every NFT"),
        (approval(kind="erc1155_all", raw=None, unlimited=True), "every NFT"),
        (approval(kind="erc777", raw=None, unlimited=True), "every token"),
        (approval(kind="erc6909", raw=None, unlimited=True), "every token"),
        (replace(approval(kind="erc6909"), token_id="7"), "2,744,484 raw of id 7"),
        (replace(approval(kind="erc721_all", raw=None, unlimited=None), allowance=UNREADABLE), "cannot be read"),
        (
            replace(approval(kind="permit2"), expires_at="2026-12-01T00:00:00Z"),
            "2,744,484 raw through Permit2 until 2026-12-01",
        ),
        (replace(approval(), final=False), "2,744,484 raw (not final yet)"),
        (replace(approval(status="revoking"), final=False), "2,744,484 raw (revoking, not final yet)"),
        (approval(status="revoking"), "2,744,484 raw (revoking)"),
        (replace(approval(), expires_at="2026-12-01T00:00:00Z"), "2,744,484 raw until 2026-12-01"),
        (replace(approval(kind="erc721"), token_id="12"), "NFT 12"),
        (replace(approval(), allowance=replace(approval().allowance, amount="1234.5")), "1,234.5"),
        (replace(approval(), allowance=UNREADABLE), "cannot be read"),
    ],
)
def test_an_allowance_is_said_in_plain_words(entry: object, words: str) -> None:
    assert isinstance(entry, type(approval()))
    text = table(Approvals(approvals=(entry,)), 160)
    assert re.search(rf"  {re.escape(words)}  ", text)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (approval(), "…3d831ec7 for “Swap”"),
        (approval(kind="permit2"), "…3d831ec7 through Permit2 for “Swap”"),
        (replace(approval(kind="erc6909"), token_id="7"), "…3d831ec7, id 7, for “Swap”"),
    ],
)
def test_an_alert_says_which_of_several_rights_over_a_token_it_speaks_of(entry: object, words: str) -> None:
    assert isinstance(entry, type(approval()))
    assert words in table(Alerts(alerts=(alert(),), approvals=(entry,)), 160)


def test_the_users_own_labels_of_a_spender_are_never_cut_off() -> None:
    text = table(Approvals(approvals=(approval(name="a name of many words that fills it", labels=("exploited",)),)))
    assert "[exploited]" in text


def test_what_could_not_be_read_is_loud_with_its_error_and_the_age_of_what_is_shown() -> None:
    targets = (target(), target("base", error="the node failed", read_at=before(hours=2)))
    for document in (report((approval(),), targets=targets), Approvals(approvals=(approval(),), targets=targets)):
        text = " ".join(table(document).split())
        assert "NOT READ COMPLETELY treasury on base (last complete reading 2 h ago): the node failed" in text
        assert "NOT READ COMPLETELY treasury on ethereum" not in text


def test_an_incomplete_scan_says_so_first() -> None:
    text = table(report(targets=(target(), target("base", error="no"))))
    assert text.startswith("Scan s1: 2 targets, 12 requests, INCOMPLETE: 1 not read completely\n")


def test_a_scan_says_what_it_took_and_what_for() -> None:
    approvals, balances = Spent(40, 2, 3.2, 41.0), Spent(7, 0, 0.0, 8.5)
    took = replace(
        report().scan,
        requests=47,
        retries=2,
        waited_seconds=3.2,
        seconds=61.0,
        costs={"approvals": approvals, "balances": balances},
    )
    said = "Took 1 min 1 s, 47 requests (40 for approvals, 7 for balances), 2 retries, waited 3.2 s between requests"
    assert said in " ".join(table(replace(report(), scan=took)).split())
    assert "Took 0.0 s\n" in table(report())


def test_many_targets_that_failed_alike_are_told_once() -> None:
    failed = tuple(target(f"chain-{number}", error="the key was refused") for number in range(20))
    text = " ".join(table(report(targets=failed)).split())
    assert text.count("the key was refused") == 1
    assert "and 12 more" in text


def test_a_first_reading_is_counted_and_changes_are_listed() -> None:
    text = table(REPORT)
    assert "1 approval seen for the first time" in text
    assert order(text, "increased", "revoked") == ["increased", "revoked"]
    assert "was 2,744,484 raw" in text


def test_alerts_of_a_scan_are_apart_by_what_became_of_them() -> None:
    older = replace(REPORT, alerts=(*REPORT.alerts, alert("AW-0000000003", about="plain")))
    text = " ".join(table(older).split())
    assert "Alerts opened (1) HIGH Unlimited allowance to a stranger AW-0000000001 treasury on ethereum" in text
    assert "Alerts resolved (1) LOW Unlimited allowance to a stranger AW-0000000002 treasury on ethereum" in text
    assert "0x2c34a2fb…e6b7cdd6, resolved 1 min ago: the approval is gone" in text
    assert "1 alert still open, high the worst, opened before" in text


def test_alerts_that_say_the_same_share_a_title() -> None:
    alerts = (alert("AW-1"), alert("AW-2", about="plain"), alert("AW-3", about="unknown", severity="low"))
    lines = table(Alerts(alerts=alerts, approvals=(approval("a1"), approval("plain"))), 200).split("\n")
    assert lines[0] == "HIGH Unlimited allowance to a stranger"
    assert lines[1].startswith("     AW-1  treasury on ethereum: “USDT” ")
    assert lines[1].endswith(" for “Swap” 0x2c34a2fb…e6b7cdd6, opened 2 d ago")
    assert lines[2].startswith("     AW-2  treasury on ethereum: ")
    assert lines[3:5] == ["LOW  Unlimited allowance to a stranger", "     AW-3  opened 2 d ago"]


def test_undecided_conditions_and_broken_rules_are_told_at_the_end() -> None:
    scan = replace(REPORT.scan, undecided=3, broken_rules=("rules/x.yaml:3:4: unknown key 'wen'",))
    lines = table(replace(REPORT, scan=scan)).rstrip("\n").split("\n")
    assert lines[-2].startswith("3 conditions could not be decided, as usual ")
    assert lines[-1] == "warning: rules/x.yaml:3:4: unknown key 'wen'"


@pytest.mark.parametrize("failed", [{"complete": False}, {"context_errors": ("balances: no connection",)}])
def test_undecided_conditions_are_unusual_only_where_something_could_not_be_read(failed: dict[str, Any]) -> None:
    said = "3 conditions could not be decided: some may need what could not be read"
    assert said in table(replace(REPORT, scan=replace(REPORT.scan, undecided=3, **failed)))
    assert said not in table(replace(REPORT, scan=replace(REPORT.scan, undecided=3)))


def test_a_dry_run_says_that_nothing_was_recorded() -> None:
    text = table(replace(REPORT, scan=replace(REPORT.scan, dry_run=True)))
    assert text.startswith("Dry run s1: 1 target, 12 requests, complete; nothing was recorded or sent")


def test_the_past_is_not_mixed_with_the_age_of_the_present() -> None:
    text = table(Approvals(at="2026-01-01T00:00:00Z", approvals=(approval(),), targets=(target(error="no"),)))
    assert "as believed at 2026-01-01T00:00:00Z" in text
    assert "NOT READ" not in text


def test_a_story_tells_the_rule_what_decided_each_step_and_who_was_told_and_why_not() -> None:
    text = " ".join(table(DOCUMENTS["story"]).split())
    for said in (
        "HIGH Unlimited allowance to a stranger AW-0000000001 open",
        "Rule unlimited-to-stranger, and what decided allowance.unlimited yes",
        "opened: the rule holds",
        "ops is told of “opened”: first (message m1, sent)",
        "mail was not told of “opened”: below the channel's severity",
        "ops, message m1, attempt 1: delivered, HTTP 200",
        "0x2c34a2fb1d0b4f55de51e1d0bdefaddce6b7cdd6",
    ):
        assert said in text


def test_ages_are_counted_from_the_time_that_is_passed_in() -> None:
    later = Look(datetime(2027, 3, 1, 12, tzinfo=UTC), 160)
    assert "367 d ago" in FORMATS["table"](Approvals(approvals=(approval(),)), later)


def test_other_formats_do_without_the_terminals_library() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from shown import *; from printed import *; from scanner.formats import FORMATS, Look\n"
        "for name in ('json', 'csv', 'markdown'): FORMATS[name](REPORT, Look(NOW))\n"
        "sys.exit('rich' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
