"""The default pack: each rule does what its own tests say, and the whole stays calm."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutating import mutants
from stock import default_pack

from scanner.domain.alerts import Judgement, Severity
from scanner.domain.changes import ChangeKind
from scanner.policy.rules import Expectation, Rule
from scanner.policy.trials import TrialResult, given_facts, run_tests, try_rule

PACK = default_pack()
PACK_BY_ID = {rule.id: rule for rule in PACK.rules}
WITHIN_REACH = {
    *("unlimited-to-stranger", "unlimited-to-nameless", "unlimited-to-listed"),
    *("exposure-to-stranger", "exposure-to-listed"),
    *("operator-to-stranger", "operator-to-listed"),
}
LONGEST_SENTENCE = 160


@pytest.mark.parametrize("result", run_tests(PACK), ids=lambda result: f"{result.rule.id}: {result.trial.name}")
def test_each_rule_says_what_its_own_tests_expect(result: TrialResult) -> None:
    assert result.passed, f"{result.trial.place}: expected {result.trial.expect}, got {result.got}"


@pytest.mark.parametrize("rule", PACK.rules, ids=lambda rule: rule.id)
def test_each_rule_is_explained_and_tried_both_ways(rule: Rule) -> None:
    expected = [trial.expect for trial in rule.tests]
    assert expected.count(Expectation.ALERT) >= 2
    assert expected.count(Expectation.QUIET) >= 2
    assert len({trial.name for trial in rule.tests}) == len(rule.tests)
    for sentence in (rule.why, rule.fix, rule.noise):
        assert sentence.endswith(".")
        assert len(sentence) <= LONGEST_SENTENCE


def test_the_pack_is_large_enough_and_a_family_has_a_file() -> None:
    assert len(PACK.rules) >= 25
    assert len({rule.place.file for rule in PACK.rules}) >= 6


@pytest.mark.parametrize("rule", PACK.rules, ids=lambda rule: rule.id)
def test_whatever_is_changed_in_a_rule_its_own_tests_notice(rule: Rule) -> None:
    unnoticed = [one.what for one in mutants(rule) if all(try_rule(one.rule, trial).passed for trial in rule.tests)]
    assert unnoticed == []


LABELS = st.lists(st.sampled_from(["known", "trusted", "exploited", "phishing", "mine"]), unique=True)
RAW = st.sampled_from(["max", "limited", "unreadable"])
DOLLARS = st.floats(0, 1e7) | st.sampled_from([0.0, 100.0, 999.0, 1001.0, 9_999.0, 10_001.0, 100_001.0])
ANYTHING = st.fixed_dictionaries(
    {
        "spender.labels": LABELS,
        "spender.name": st.sampled_from(["", "Uniswap"]),
        "spender.address": st.sampled_from(["", "0x1"]),
        "spender.owners": st.integers(1, 50),
        "spender.approvals": st.integers(1, 50),
        "token.address": st.sampled_from(["", "0x2"]),
        "token.symbol": st.sampled_from(["", "USDT", "USD\u0422", "Visit evil.xyz"]),
        "approval.status": st.sampled_from(["granted", "revoking", "granting"]),
        "approval.unchanged_for": st.timedeltas(timedelta(0), timedelta(days=9)),
        "approval.kind": st.sampled_from(["erc20", "erc721", "erc721_all", "permit2"]),
        "approval.expires_in": st.none() | st.timedeltas(timedelta(0), timedelta(days=900)),
        "approval.age": st.timedeltas(timedelta(0), timedelta(days=900)),
        "owner.tags": st.lists(st.sampled_from(["cold", "treasury", "hot"]), unique=True),
        "token.labels": st.lists(st.sampled_from(["known", "scam"]), unique=True),
        "token.risk": st.none() | st.booleans(),
        "balance.amount": st.none() | st.floats(0, 1e9),
        "exposure.usd": st.none() | DOLLARS,
        "exposure.first_usd": st.none() | DOLLARS,
        "change.was_status": st.sampled_from(["granted", "revoking"]),
    }
)
CHANGES = st.none() | st.sampled_from(ChangeKind)


def alerts(given_: dict[str, object], raw: str = "limited", change: ChangeKind | None = None) -> dict[str, Severity]:
    """The rules that hold for a plain approval with these facts, and how bad each says it is."""
    operator = given_.get("approval.kind") == "erc721_all"  # there is no limit to everything of a contract
    unlimited = {"max": True, "limited": operator, "unreadable": None}[raw]
    own = {**given_, "allowance.unlimited": unlimited, "allowance.readable": unlimited is not None}
    facts = given_facts(own.items(), [] if change is None else [change])
    judged = PACK.judge(facts, change)
    return {rule.id: said.severity for rule, said in judged if said.judgement is Judgement.HOLDS}


def paged(found: dict[str, Severity]) -> dict[str, Severity]:
    """Those of them that a channel with the default severity is told of."""
    return {rule: severity for rule, severity in found.items() if severity.reaches(Severity.MEDIUM)}


@given(ANYTHING, RAW, CHANGES)
def test_an_exploited_spender_is_critical_whatever_else_holds(
    facts: dict[str, object], raw: str, change: ChangeKind | None
) -> None:
    labels = ["trusted", "known", "exploited"]
    assert alerts({**facts, "spender.labels": labels}, raw, change)["exploited-spender"] is Severity.CRITICAL


@given(ANYTHING, RAW, CHANGES)
def test_a_trusted_spender_pages_nobody_for_what_it_may_do(
    facts: dict[str, object], raw: str, change: ChangeKind | None
) -> None:
    trusted = {**facts, "spender.labels": ["known", "trusted"], "spender.address": "0x1"}
    assert alerts(trusted, raw, change) == {}


@given(ANYTHING, CHANGES)
def test_unlimited_to_a_spender_on_no_list_is_high_at_least_by_exactly_one_rule(
    facts: dict[str, object], change: ChangeKind | None
) -> None:
    found = alerts({**facts, "spender.labels": []}, "max", change)
    (severity,) = [severity for rule, severity in found.items() if rule in WITHIN_REACH]
    assert severity.reaches(Severity.HIGH)


@given(ANYTHING, RAW, CHANGES)
def test_of_what_is_within_reach_an_approval_is_told_once(
    facts: dict[str, object], raw: str, change: ChangeKind | None
) -> None:
    assert len(WITHIN_REACH & alerts(facts, raw, change).keys()) <= 1


@given(ANYTHING, RAW, CHANGES, st.sampled_from(["phishing", "exploited"]))
def test_of_whom_a_list_warns_the_rules_on_incidents_tell(
    facts: dict[str, object], raw: str, change: ChangeKind | None, label: str
) -> None:
    found = paged(alerts({**facts, "spender.labels": ["known", label], "spender.address": "0x1"}, raw, change))
    assert found
    assert {PACK_BY_ID[rule].place.file for rule in found} == {PACK_BY_ID["exploited-spender"].place.file}


@given(ANYTHING, RAW, CHANGES)
def test_the_money_of_a_scam_is_neither_high_nor_critical(
    facts: dict[str, object], raw: str, change: ChangeKind | None
) -> None:
    scam, poor = {**facts, "token.risk": True}, {**facts, "token.risk": True, "exposure.usd": 0.0}
    for rule, severity in alerts(scam, raw, change).items():
        assert not severity.reaches(Severity.HIGH) or alerts(poor, raw, change)[rule] is severity


@given(ANYTHING, RAW, DOLLARS)
def test_of_what_nobody_says_that_it_is_a_scam_the_money_counts(facts: dict[str, object], raw: str, usd: float) -> None:
    unsaid, honest = ({**facts, "token.risk": risk, "exposure.usd": usd} for risk in (None, False))
    assert alerts(unsaid, raw) == alerts(honest, raw)


@given(ANYTHING, RAW)
def test_of_a_dangerous_token_one_rule_tells(facts: dict[str, object], raw: str) -> None:
    found = alerts(facts, raw)
    assert len([rule for rule in found if PACK_BY_ID[rule].place.file.endswith("tokens.yaml")]) <= 1


@given(ANYTHING, RAW, DOLLARS, DOLLARS)
def test_more_money_is_never_less_bad(facts: dict[str, object], raw: str, one: float, other: float) -> None:
    less, more = (alerts({**facts, "exposure.usd": usd}, raw) for usd in sorted((one, other)))
    assert less.keys() <= more.keys()
    assert all(more[rule].reaches(severity) for rule, severity in less.items())


@pytest.mark.parametrize(
    ("usd", "stranger", "nameless", "listed"),
    [
        (None, "high", "high", "low"),
        (0.0, "high", "high", "low"),
        (1_001.0, "high", "critical", "low"),
        (10_001.0, "high", "critical", "medium"),
        (100_001.0, "critical", "critical", "medium"),
    ],
)
def test_an_unlimited_allowance_grows_worse_with_money(
    usd: float | None, stranger: str, nameless: str, listed: str
) -> None:
    assert alerts({"exposure.usd": usd}, "max") == {"unlimited-to-stranger": stranger}
    assert alerts({"exposure.usd": usd, "spender.name": ""}, "max") == {"unlimited-to-nameless": nameless}
    assert alerts({"exposure.usd": usd, "spender.labels": ["known"]}, "max") == {"unlimited-to-listed": listed}


@given(ANYTHING, RAW, CHANGES)
def test_a_known_spender_is_medium_at_most(facts: dict[str, object], raw: str, change: ChangeKind | None) -> None:
    found = alerts({**facts, "spender.labels": ["known"]}, raw, change)
    assert all(not severity.reaches(Severity.HIGH) for severity in found.values())
    if raw == "max":
        assert {"unlimited-to-listed", "operator-to-listed"} & found.keys()


@pytest.mark.parametrize("labels", [[], ["known"], ["mine"], ["trusted"], ["exploited"]])
@pytest.mark.parametrize("name", ["", "Uniswap"])
@pytest.mark.parametrize("raw", ["max", "limited", "unreadable"])
def test_a_new_approval_is_told_once(labels: list[str], name: str, raw: str) -> None:
    found = alerts({"spender.labels": labels, "spender.name": name}, raw, ChangeKind.NEW)
    assert len(found) == (0 if labels == ["trusted"] else 1)


@pytest.mark.parametrize("labels", [[], ["known"], ["mine"]])
@pytest.mark.parametrize("name", ["", "Uniswap"])
@pytest.mark.parametrize("raw", ["max", "limited"])
@pytest.mark.parametrize("kind", [ChangeKind.INCREASED, ChangeKind.RESTORED])
def test_what_comes_back_or_grows_is_told_at_most_twice(
    labels: list[str], name: str, raw: str, kind: ChangeKind
) -> None:
    found = alerts({"spender.labels": labels, "spender.name": name}, raw, kind)
    assert len(paged(found)) == (2 if raw == "max" and not labels else 1)


@given(ANYTHING, RAW)
def test_the_first_reading_of_a_wallet_raises_nothing_that_speaks_of_a_change(
    facts: dict[str, object], raw: str
) -> None:
    assert alerts(facts, raw, ChangeKind.BASELINE) == alerts(facts, raw)


@pytest.mark.parametrize("kind", [ChangeKind.DECREASED, ChangeKind.STATUS])
def test_a_fall_and_a_mere_step_of_the_transaction_are_no_alert(kind: ChangeKind) -> None:
    assert alerts({}, "limited", kind) == {}


def test_an_ordinary_limited_approval_is_no_alert() -> None:
    assert alerts({}) == {}
