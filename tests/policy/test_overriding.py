"""Overrides and exceptions: what they change, what they leave alone, and every mistake at its place."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stock import default_pack

from scanner.domain.alerts import Judgement, Severity
from scanner.domain.approvals import Allowance, Approval, Spender, Token
from scanner.errors import Place, Problem
from scanner.places import Data
from scanner.policy.engine import known_facts
from scanner.policy.exceptions import Exemptions, idle
from scanner.policy.loading import load
from scanner.policy.overriding import Override, amended, overridden
from scanner.policy.params import param_value, written
from scanner.policy.rules import Exemption, Pack, Rule

NOW = datetime(2026, 11, 20, tzinfo=UTC)
DEFAULT = default_pack()
RULES = """\
rules:
  - id: plain
    title: Plain
    severity: medium
    why: A danger.
    fix: A remedy.
    params: {usd: 1000, age: 90d, names: [Uniswap, Curve], pattern: ^a}
    when: >-
      exposure.usd > params.usd && approval.age > params.age
      && !(spender.name in params.names) && token.symbol.matches(params.pattern)
  - id: graded
    title: Graded
    severity: low
    why: A danger.
    fix: A remedy.
    params: {high_usd: 5000}
    when: exposure.usd > 0.1 * params.high_usd
    until: exposure.usd < 0.08 * params.high_usd
    grades:
      - {severity: high, when: exposure.usd > params.high_usd, until: exposure.usd < 0.8 * params.high_usd}
  - id: worst
    title: Worst
    severity: critical
    why: A danger.
    fix: A remedy.
    when: allowance.unlimited
  - id: worst-but-one
    title: Worst but for a spender
    severity: critical
    why: A danger.
    fix: A remedy.
    exceptions: [[spender], [token, owner]]
    when: allowance.unlimited
  - id: without-exception
    title: Without exception
    severity: low
    why: A danger.
    fix: A remedy.
    exceptions: []
    when: allowance.unlimited
"""


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    path = tmp_path_factory.mktemp("rules") / "own.yaml"
    path.write_text(RULES, "utf-8")
    loaded = load([path])
    assert loaded.problems == ()
    return loaded


def rule_of(pack: Pack, name: str) -> Rule:
    [found] = [rule for rule in pack.rules if rule.id == name]
    return found


def at(rule: str) -> Callable[[Sequence[str]], Place]:
    """Places that tell which part of an override they are of."""
    return lambda steps: Place(".".join((rule, *steps)))


def codes(problems: Sequence[Problem]) -> list[tuple[str, str]]:
    return [(problem.place.file, problem.code) for problem in problems]


def says(rule: Rule, **facts: object) -> Judgement:
    plain = {"spender.name": "Someone", "token.symbol": "abc", "approval.age": timedelta(days=100)}
    return rule.judge(known_facts(plain | {name.replace("__", "."): value for name, value in facts.items()})).judgement


def test_a_param_is_read_as_its_default_until_it_is_overridden(pack: Pack) -> None:
    rule = rule_of(pack, "plain")
    assert says(rule, exposure__usd=1001.0) is Judgement.HOLDS
    assert says(rule, exposure__usd=1000.0) is Judgement.FAILS
    lower = rule_of(overridden(pack, [Override(rule="plain", params={"usd": "999.5"})]), "plain")
    assert says(lower, exposure__usd=1000.0) is Judgement.HOLDS
    assert says(lower, exposure__usd=999.5) is Judgement.FAILS


@pytest.mark.parametrize(
    "params", [{"age": "101d"}, {"age": "100d1s"}, {"names": ["Someone"]}, {"pattern": "^b"}, {"pattern": "90d"}]
)
def test_params_of_every_type_can_be_overridden(pack: Pack, params: dict[str, Data]) -> None:
    assert says(rule_of(pack, "plain"), exposure__usd=2000.0) is Judgement.HOLDS
    changed = overridden(pack, [Override(rule="plain", params=params)])
    assert changed.problems == ()
    assert says(rule_of(changed, "plain"), exposure__usd=2000.0) is Judgement.FAILS


def test_a_param_moves_grades_and_ends_too(pack: Pack) -> None:
    rule = rule_of(overridden(pack, [Override(rule="graded", params={"high_usd": "100"})]), "graded")
    assert rule.judge(known_facts({"exposure.usd": 101.0})).severity is Severity.HIGH
    assert rule.judge(known_facts({"exposure.usd": 90.0})).lingers is Severity.HIGH
    assert rule.judge(known_facts({"exposure.usd": 79.0})).lingers is None
    assert rule.judge(known_facts({"exposure.usd": 9.0})).judgement is Judgement.LINGERS
    assert rule.judge(known_facts({"exposure.usd": 7.0})).judgement is Judgement.FAILS


def test_a_severity_is_that_of_the_mildest_alerts(pack: Pack) -> None:
    changed = rule_of(overridden(pack, [Override(rule="graded", severity=Severity.MEDIUM)]), "graded")
    assert changed.severities == (Severity.MEDIUM, Severity.HIGH)


def test_a_rule_can_be_switched_off(pack: Pack) -> None:
    changed = overridden(pack, [Override(rule="plain", enabled=False)])
    assert [rule.id for rule in changed.rules] == [rule.id for rule in pack.rules if rule.id != "plain"]
    assert "plain" in changed.ids


def test_a_rule_in_force_whose_alerts_nobody_is_told_of_is_warned_of(pack: Pack) -> None:
    muted = [
        Override(rule="plain", muted=True, place=at("plain")),
        Override(rule="graded", muted=True, enabled=False, place=at("graded")),
        Override(rule="worst", place=at("worst")),
    ]
    changed = overridden(pack, muted)
    assert codes([one for one in changed.warnings if one not in pack.warnings]) == [("plain.channels", "nobody-told")]
    assert changed.problems == ()
    assert rule_of(changed, "plain") == rule_of(pack, "plain")


def test_overrides_of_nothing_change_nothing() -> None:
    assert overridden(DEFAULT, []) == DEFAULT
    assert overridden(DEFAULT, [Override(rule=rule.id) for rule in DEFAULT.rules]) == DEFAULT
    same = [
        Override(
            rule=rule.id,
            severity=rule.severity,
            params={
                name: [*value] if isinstance(value, tuple) else written(value) for name, value in rule.params.items()
            },
        )
        for rule in DEFAULT.rules
    ]
    assert overridden(DEFAULT, same) == DEFAULT
    assert amended(DEFAULT, [], [], NOW) == DEFAULT


@pytest.mark.parametrize(
    ("override", "where", "code", "hint"),
    [
        (Override(rule="plian", place=at("plian")), "plian", "unknown-rule", "did you mean 'plain'?"),
        (Override(rule="plain", params={"udd": "1"}, place=at("p")), "p.params.udd", "unknown-param", "'usd'"),
        (Override(rule="worst", params={"usd": "1"}, place=at("w")), "w.params.usd", "unknown-param", "it has none"),
        (Override(rule="plain", params={"usd": "90d"}, place=at("p")), "p.params.usd", "bad-param", "such as 1000"),
        (Override(rule="plain", params={"age": "90"}, place=at("p")), "p.params.age", "bad-param", "such as 90d"),
        (
            Override(rule="plain", params={"names": "a"}, place=at("p")),
            "p.params.names",
            "bad-param",
            "[Uniswap, Curve]",
        ),
        (Override(rule="plain", params={"names": [["a"]]}, place=at("p")), "p.params.names", "bad-param", "such as"),
        (Override(rule="plain", params={"pattern": ["a"]}, place=at("p")), "p.params.pattern", "bad-param", "^a"),
        (Override(rule="plain", params={"usd": None}, place=at("p")), "p.params.usd", "bad-param", "such as 1000"),
        (Override(rule="plain", params={"pattern": "(("}, place=at("p")), "p.params.pattern", "rule-constant", "RE2"),
        (Override(rule="graded", severity=Severity.HIGH, place=at("g")), "g.severity", "grade-order", "mildest"),
    ],
)
def test_a_mistake_leaves_the_rule_as_it_was_and_has_its_place(
    pack: Pack, override: Override, where: str, code: str, hint: str
) -> None:
    changed = overridden(pack, [override])
    assert codes(changed.problems) == [(where, code)]
    assert hint in changed.problems[0].hint
    assert changed.rules == pack.rules


def test_an_override_with_which_a_rule_could_never_alert_is_a_mistake(tmp_path: Path) -> None:
    text = "rules: [{id: some, title: Some, severity: low, params: {low: 100, high: 200}, when: PLACE}]"
    between = "exposure.usd > params.low && exposure.usd < params.high"
    (tmp_path / "some.yaml").write_text(text.replace("PLACE", between))
    some = load([tmp_path])
    changed = overridden(some, [Override(rule="some", params={"low": "300"}, place=at("s"))])
    assert codes(changed.problems) == [("s.params.low", "never-holds")]
    assert changed.rules == some.rules
    assert overridden(some, [Override(rule="some", params={"low": "199"})]).problems == ()


def test_one_wrong_part_of_an_override_keeps_all_of_it_from_the_rule(pack: Pack) -> None:
    changed = overridden(pack, [Override(rule="plain", severity=Severity.LOW, params={"usd": "1", "x": "2"})])
    assert rule_of(changed, "plain") == rule_of(pack, "plain")


# Exceptions.

ADDRESSES = {
    name: tuple(f"0x{start}{number:038x}" for number in range(3))
    for name, start in (("spender", "aa"), ("token", "bb"), ("owner", "cc"))
}
CHAINS = ("1", "56")


def approval(spender: str, token: str, owner: str, chain: str) -> Approval:
    return Approval(chain, owner, Token(token, "T"), Spender(spender, None), Allowance(5))


EXEMPTIONS = st.builds(
    Exemption,
    rule=st.sampled_from(["one", "two"]),
    reason=st.just("why not"),
    spender=st.none() | st.sampled_from(ADDRESSES["spender"]),
    token=st.none() | st.sampled_from(ADDRESSES["token"]),
    owner=st.none() | st.sampled_from(ADDRESSES["owner"]),
    chain=st.none() | st.sampled_from(CHAINS),
    until=st.none() | st.sampled_from([NOW - timedelta(1), NOW, NOW + timedelta(1)]),
).filter(lambda one: one.names - {"chain"})
APPROVALS = st.builds(
    approval,
    st.sampled_from((*ADDRESSES["spender"], "")),
    st.sampled_from((*ADDRESSES["token"], "")),
    st.sampled_from(ADDRESSES["owner"]),
    st.sampled_from(CHAINS),
)


@given(st.lists(EXEMPTIONS, max_size=6), APPROVALS)
def test_an_exception_never_affects_an_approval_outside_its_tuple(known: list[Exemption], one: Approval) -> None:
    expected = {
        exemption.rule
        for exemption in known
        if exemption.spender in {None, one.spender.address}
        and exemption.token in {None, one.token.address}
        and exemption.owner in {None, one.owner}
        and exemption.chain in {None, one.chain}
        and (exemption.until is None or exemption.until > NOW)
    }
    found = Exemptions(known).of(one, NOW)
    assert found.keys() == expected
    assert all(exemption.rule == rule for rule, exemption in found.items())


def test_exceptions_that_fit_nothing_are_found() -> None:
    spender, token, owner = (names[0] for names in ADDRESSES.values())
    known = [
        Exemption(rule="r", reason="used", spender=spender, token=token),
        Exemption(rule="r", reason="idle", spender=spender, chain="56"),
        Exemption(rule="r", reason="over", spender=spender, chain="56", until=NOW),
        Exemption(rule="r", reason="used as well", owner=owner),
    ]
    assert [one.reason for one in idle(known, [approval(spender, token, owner, "1")], NOW)] == ["idle"]


SPENDER, TOKEN, OWNER = (names[0] for names in ADDRESSES.values())


@pytest.mark.parametrize(
    ("rule", "names", "code"),
    [
        ("plain", {"spender": SPENDER}, None),
        ("plain", {"owner": OWNER}, None),
        ("plain", {"chain": "1"}, "exception-too-wide"),
        ("plain", {}, "exception-too-wide"),
        ("plane", {"spender": SPENDER}, "unknown-rule"),
        ("worst", {"spender": SPENDER}, "exception-too-wide"),
        ("worst", {"spender": SPENDER, "chain": "1"}, "exception-too-wide"),
        ("worst", {"owner": OWNER}, "exception-too-wide"),
        ("worst", {"spender": SPENDER, "token": TOKEN}, None),
        ("worst", {"spender": SPENDER, "owner": OWNER}, None),
        ("worst-but-one", {"spender": SPENDER}, None),
        ("worst-but-one", {"token": TOKEN}, "exception-not-allowed"),
        ("worst-but-one", {"token": TOKEN, "owner": OWNER, "chain": "1"}, None),
        ("without-exception", {"spender": SPENDER, "token": TOKEN, "owner": OWNER}, "exception-not-allowed"),
    ],
)
def test_an_exception_names_enough_for_its_rule(pack: Pack, rule: str, names: dict[str, str], code: str | None) -> None:
    exemption = Exemption(rule=rule, reason="ours", place=Place("c.yaml", 4, 7), **names)  # type: ignore[arg-type]  # - each of its fields is a text
    changed = amended(pack, [], [exemption], NOW)
    assert codes(changed.problems) == ([] if code is None else [("c.yaml", code)])
    assert changed.exemptions == ((exemption,) if code is None else ())


def test_a_rule_that_was_made_critical_asks_for_more_of_an_exception(pack: Pack) -> None:
    exemption = Exemption(rule="plain", reason="ours", spender=SPENDER)
    changed = amended(pack, [Override(rule="plain", severity=Severity.CRITICAL)], [exemption], NOW)
    assert [problem.code for problem in changed.problems] == ["exception-too-wide"]


def test_an_exception_that_is_over_is_a_warning(pack: Pack) -> None:
    over = Exemption(rule="plain", reason="ours", spender=SPENDER, until=NOW)
    changed = amended(pack, [], [over], NOW)
    assert changed.problems == ()
    assert "exception-ended" in {problem.code for problem in changed.warnings}
    assert amended(pack, [], [over], NOW - timedelta(seconds=1)).warnings == pack.warnings


def test_an_exception_from_a_broken_or_disabled_rule_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(RULES.replace("severity: medium", "severity: middling"), "utf-8")
    exemption = Exemption(rule="plain", reason="ours", spender=SPENDER)
    changed = amended(load([path], disable=["graded"]), [], [exemption], NOW)
    assert changed.exemptions == (exemption,)
    assert [problem.code for problem in changed.problems] == ["bad-word"]


@given(
    st.floats(-1e6, 1e6).map(lambda number: round(number, 6))
    | st.timedeltas(timedelta(), timedelta(days=900)).map(lambda span: timedelta(seconds=int(span.total_seconds())))
    | st.lists(st.text("abc ", min_size=1), max_size=3).map(tuple)
)
def test_a_value_is_written_as_it_can_be_read(value: float | timedelta | tuple[str, ...]) -> None:
    text = written(value)
    data: Data = [*value] if isinstance(value, tuple) else text
    assert param_value(data) == value
