"""What the last whole scans say of the API and of nodes: one table of rounds for each thing that can be wrong."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from scanner.domain.alerts import Severity
from scanner.domain.conditions import ConditionKind, Observation
from scanner.domain.rounds import Round, Rounds, rounds_told
from scanner.errors import Reason

START = datetime(2026, 11, 20, 8, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
DAY = timedelta(days=1)

SAID = {
    Reason.REFUSED_KEY: "OKX answered code 50111: the key is not valid. Look at source.okx.key",
    Reason.UNAVAILABLE: "OKX cannot be reached",
}


def a_round(complete: int = 0, *, empty: int = 0, approvals: int = 10, unreadable: int = 0, **troubles: int) -> Round:
    """A round by how many targets ended how; troubles are named as reasons are."""
    found = {Reason(name.replace("_", "-")): count for name, count in troubles.items()}
    return Round(
        started_at=START,
        finished_at=START,
        total=complete + sum(found.values()),
        complete=complete,
        empty=empty,
        approvals=approvals,
        unreadable=unreadable,
        troubles=found,
        errors={reason: SAID.get(reason, f"it was {reason}") for reason in found},
    )


GOOD = a_round(10)
REFUSED = a_round(refused_key=5, not_asked=5)
SILENT = a_round(unavailable=5, not_asked=5)
NONSENSE = a_round(protocol=5, not_asked=5)
HALF_NONSENSE = a_round(5, protocol=5)
LITTLE_NONSENSE = a_round(9, protocol=1)
EMPTY = a_round(10, empty=10, approvals=0)
EMPTIED = a_round(3, mass_absence=7, empty=3)


def told(
    rounds: Sequence[Round], kind: ConditionKind, *, interval: timedelta = QUARTER, ever_any: bool = True
) -> Observation:
    said = rounds_told(Rounds(rounds, rounds, rounds), interval, ever_any=ever_any)
    [one] = [one for one in said if one.kind is kind]
    return one


@pytest.mark.parametrize(
    ("rounds", "wrong"),
    [
        ([], None),
        ([REFUSED], True),
        ([REFUSED, GOOD], True),
        ([SILENT, REFUSED], None),
        ([GOOD, REFUSED], False),
        ([a_round(1, refused_key=9)], False),
        ([a_round(quota=3, not_asked=20)], True),
        ([a_round(region=1)], True),
        ([a_round(clock=2)], True),
        ([a_round(bad_request=2)], True),
        ([a_round(refused_key=2, not_covered=8)], True),
    ],
)
def test_a_refusal_is_told_after_one_round(rounds: list[Round], wrong: bool | None) -> None:
    assert told(rounds, ConditionKind.API_REFUSED).wrong is wrong


def test_a_refusal_names_its_cause_and_what_to_do() -> None:
    one = told([REFUSED], ConditionKind.API_REFUSED)
    assert one.severity is Severity.HIGH
    assert one.title == "The approvals API refuses the key"
    assert "the key is not valid" in one.detail
    assert "credentials below okx" in one.fix


@pytest.mark.parametrize(
    ("rounds", "interval", "wrong"),
    [
        ([SILENT], QUARTER, None),
        ([SILENT, SILENT], QUARTER, True),
        ([SILENT, NONSENSE], QUARTER, True),
        ([SILENT, GOOD], QUARTER, None),
        ([GOOD, SILENT], QUARTER, None),
        ([GOOD, GOOD], QUARTER, False),
        ([SILENT], DAY, True),
        ([GOOD, SILENT], DAY, False),
        ([a_round(1, unavailable=9)] * 2, QUARTER, False),
        ([a_round(rate_limited=3, caching=2)] * 2, QUARTER, True),
        ([a_round(not_covered=4)] * 2, QUARTER, False),
        ([REFUSED, REFUSED], QUARTER, None),
    ],
)
def test_an_outage_is_told_after_two_rounds_and_over_after_two(
    rounds: list[Round], interval: timedelta, wrong: bool | None
) -> None:
    assert told(rounds, ConditionKind.API_UNREACHABLE, interval=interval).wrong is wrong


@pytest.mark.parametrize(
    ("rounds", "interval", "wrong"),
    [
        ([], QUARTER, None),
        ([SILENT], QUARTER, None),
        ([SILENT, SILENT], QUARTER, True),
        ([REFUSED, NONSENSE], QUARTER, True),
        ([a_round(node_failed=2)], DAY, True),
        ([SILENT, GOOD], QUARTER, None),
        ([GOOD, GOOD], QUARTER, False),
        ([a_round(1, unavailable=9)] * 2, QUARTER, False),
        ([a_round(caching=4)] * 2, QUARTER, False),
    ],
)
def test_nodes_that_nothing_can_be_read_through_are_told_but_not_a_past_that_is_being_read(
    rounds: list[Round], interval: timedelta, wrong: bool | None
) -> None:
    assert told(rounds, ConditionKind.NODES_FAILING, interval=interval).wrong is wrong


def test_of_a_source_that_reads_nothing_nothing_is_said() -> None:
    nothing = a_round()
    by_api = {ConditionKind.API_REFUSED, ConditionKind.API_UNREACHABLE, ConditionKind.SCHEMA_DRIFT}
    for api, nodes, silent in ((nothing, GOOD, by_api), (GOOD, nothing, {ConditionKind.NODES_FAILING})):
        said = {one.kind for one in rounds_told(Rounds([GOOD], [api], [nodes]), QUARTER, ever_any=True)}
        assert said.isdisjoint(silent)
        assert said | silent >= {*by_api, ConditionKind.NODES_FAILING}


@pytest.mark.parametrize(
    ("rounds", "wrong"),
    [
        ([NONSENSE], None),
        ([NONSENSE, NONSENSE], True),
        ([HALF_NONSENSE, NONSENSE], True),
        ([LITTLE_NONSENSE, NONSENSE], None),
        ([LITTLE_NONSENSE, LITTLE_NONSENSE], None),
        ([GOOD, NONSENSE], None),
        ([GOOD, GOOD], False),
        ([SILENT, GOOD], None),
        ([a_round(8, unknown_spender=2)] * 2, True),
        ([a_round(10, approvals=10, unreadable=2)] * 2, True),
        ([a_round(10, approvals=4, unreadable=4)] * 2, False),
    ],
)
def test_nonsense_in_a_fifth_of_all_is_told_after_two_rounds(rounds: list[Round], wrong: bool | None) -> None:
    assert told(rounds, ConditionKind.SCHEMA_DRIFT).wrong is wrong


def test_drift_counts_what_could_not_be_understood() -> None:
    one = told([a_round(5, protocol=5, approvals=10, unreadable=3)] * 2, ConditionKind.SCHEMA_DRIFT)
    assert "5 of 10 targets" in one.detail
    assert "3 of 10 allowances" in one.detail


@pytest.mark.parametrize(
    ("rounds", "ever_any", "wrong", "severity"),
    [
        ([EMPTIED, GOOD], True, True, Severity.HIGH),
        ([a_round(3, mass_absence=7)], True, False, Severity.HIGH),
        ([a_round(mass_absence=2, not_covered=1)], True, True, Severity.HIGH),
        ([a_round(empty=0, mass_absence=5, unavailable=5)], True, None, Severity.HIGH),
        ([EMPTY], False, True, Severity.MEDIUM),
        ([EMPTY, EMPTIED], True, False, Severity.HIGH),
        ([GOOD], True, False, Severity.HIGH),
        ([SILENT, EMPTIED], True, None, Severity.HIGH),
        ([], False, None, Severity.HIGH),
    ],
)
def test_that_everything_came_back_empty_is_told_at_once(
    rounds: list[Round], ever_any: bool, wrong: bool | None, severity: Severity
) -> None:
    one = told(rounds, ConditionKind.ALL_EMPTY, ever_any=ever_any)
    assert (one.wrong, one.severity) == (wrong, severity)


def test_an_emptiness_that_is_believed_now_is_not_called_good() -> None:
    assert told([EMPTY, EMPTIED], ConditionKind.ALL_EMPTY).detail == (
        "A later reading said the same, and is believed now."
    )


@pytest.mark.parametrize(
    ("rounds", "wrong"),
    [([a_round(9, not_covered=1)], True), ([GOOD], False), ([SILENT], None), ([], None)],
)
def test_a_chain_that_is_not_read_is_told(rounds: list[Round], wrong: bool | None) -> None:
    assert told(rounds, ConditionKind.NOT_COVERED).wrong is wrong
