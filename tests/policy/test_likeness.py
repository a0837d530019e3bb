"""What conditions can tell apart: what they say of one approval is what they say of all that are like it."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import product
from math import inf, nextafter
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stock import default_pack

from scanner.domain.alerts import Judgement, Severity
from scanner.domain.changes import ChangeKind
from scanner.errors import Place
from scanner.policy.engine import Condition, compile_condition, known_facts
from scanner.policy.fields import FIELDS, FieldType
from scanner.policy.likeness import Likeness, can_tell
from scanner.policy.rules import Grade, IfUnknown, Judged, Pack, Rule

TOLD = (
    *("allowance.unlimited", "token.risk == allowance.covers_balance", 'approval.status in ["granted", "revoking"]'),
    *("exposure.usd > 100", "exposure.usd >= 100.0", "0.8 * 100.0 > exposure.usd", "exposure.usd != 250"),
    *("exposure.usd >= 10.0 * exposure.first_usd", "exposure.first_usd < exposure.usd", "exposure.first_usd == 25.0"),
    *(
        "spender.owners > exposure.first_usd",
        "spender.owners < 3",
        "spender.owners == 2.5",
        "2.0 <= spender.approvals",
        "exposure.usd < 1.0 / 3.0",
    ),
    *("approval.age > days(2)", "days(1) + days(1) <= approval.age", 'approval.unchanged_for == duration("1h")'),
    *('spender.name != ""', '"Swap" == spender.name', 'spender.name.matches("(?i)^s")', "spender.name.size() > 4"),
    *("spender.address == token.address", "token.address != spender.address", 'spender.address == ""'),
    *('"known" in spender.labels', "spender.labels.size() == 0", "spender.labels[0] == 'known'", "1 < 2"),
    *('spender.labels == ["known"]', "owner.tags != []", "owner.tags == owner.tags", 'spender.labels == dyn("known")'),
    *("spender.name == spender.name", 'exposure.usd == dyn(exposure.first_usd > 30.0 ? dyn("much") : dyn(100.0))'),
    *('owner.tags.exists(tag, tag in ["cold"])', 'spender . name == "Swap"', 'change.was_status == "granted"'),
)
"""Tests of which it is known what they tell apart."""

ASKED = (
    *("exposure.usd * 2.0 > 300.0", "exposure.usd > balance.amount", "exposure.usd in [100.0, 250.0]"),
    *("owner.tags.exists(tag, token.risk)", "spender.labels.exists(label, label == spender.name)"),
    *(
        "approval.age - approval.unchanged_for > days(1)",
        "approval.age > (exposure.first_usd > 20.0 ? days(1) : days(2))",
    ),
    *(
        "exposure.usd > (exposure.first_usd > 0.5 ? exposure.first_usd : balance.amount)",
        "exposure.usd != dyn([100.0])",
    ),
    *(
        "exposure.usd > 0.0 / 0.0",
        "spender.owners < 9007199254740993",
        "spender.address + spender.name == token.address",
    ),
)
"""Tests that only the engine understands."""

CONDITIONS = st.recursive(
    st.sampled_from(TOLD + ASKED),
    lambda inner: st.one_of(
        st.builds("({} && {})".format, inner, inner),
        st.builds("({} || {})".format, inner, inner),
        st.builds("!({})".format, inner),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
    ),
    max_leaves=6,
)
MONEY = [0.0, 25.0, 79.0, 80.0, 99.0, 100.0, nextafter(100.0, 0), nextafter(100.0, inf), 250.0, 1 / 3, 2.0**53, inf]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
_Values = Mapping[str, Sequence[object]]


def each(values: Sequence[object], *names: str) -> _Values:
    """These values for each of these fields."""
    return dict.fromkeys(names, values)


VALUES: _Values = {
    **each([True, False], "allowance.unlimited", "token.risk", "allowance.covers_balance"),
    **each(["granted", "revoking", "granting"], "approval.status", "change.was_status"),
    **each(MONEY, "exposure.usd", "exposure.first_usd", "balance.amount"),
    **each([0, 1, 2, 3, 2**53 - 1, 2**53, 2**53 + 1, 2**62], "spender.owners", "spender.approvals"),
    **each([0 * HOUR, HOUR, 47 * HOUR, 48 * HOUR, 49 * HOUR], "approval.age", "approval.unchanged_for"),
    **each(["", "Swap", "swap", "Uniswap", "SwapSwap"], "spender.name", "spender.address", "token.address"),
    **each([[], ["known"], ["cold"], ["known", "Swap"], ["Swap", "known"]], "spender.labels", "owner.tags"),
}
"""Values on both sides of what tests hold them against, and just there."""


def courses(values: _Values) -> st.SearchStrategy[list[dict[str, object]]]:
    """Facts of which one moves after the other, or becomes unknown, and comes back."""
    begin = st.fixed_dictionaries({}, optional={name: st.sampled_from(some) for name, some in values.items()})
    moves = st.sampled_from([(name, value) for name, some in values.items() for value in (None, *some)])
    return st.builds(_course, begin, st.lists(moves, min_size=5, max_size=40))


def _course(facts: dict[str, object], moves: list[tuple[str, object]]) -> list[dict[str, object]]:
    course = [facts]
    for name, value in moves:
        moved = {**course[-1], name: value}
        course.append({key: known for key, known in moved.items() if known is not None})
    return course


PACK = default_pack()
USD = [0.0, 79.0, 80.0, 100.0, 101.0, 800.0, 1_000.0, 1_001.0, 8_000.0, 10_000.0, 10_001.0, 80_000.0, 100_001.0]
DEFAULT: _Values = {
    **each([True, False], *(name for name, field in FIELDS.items() if field.type is FieldType.TRUTH)),
    **{name: field.choices for name, field in FIELDS.items() if field.choices},
    **each(USD, "exposure.usd", "exposure.real_usd"),
    **each([0.0, 5.0, 80.0, 1_000.0], "exposure.first_usd", "balance.amount"),
    **each([[], ["known"], ["exploited"], ["known", "trusted"]], "spender.labels", "token.labels"),
    **each(["", "0x1", "0x2"], "spender.address", "token.address", "spender.name"),
    **each(["USDC", "claim.xyz", "longsymbol"], "token.symbol"),
    **each([[], ["cold"], ["treasury", "hot"]], "owner.tags"),
    **each([2, 3, 9, 10], "spender.approvals", "spender.owners"),
    **each([0 * DAY, HOUR, DAY, 2 * DAY, 180 * DAY, 181 * DAY, 366 * DAY], "approval.age", "approval.unchanged_for"),
}
"""For each field that the default pack reads, values on both sides of what it is held against."""


def sound(text: str) -> Condition:
    compiled = compile_condition(text)
    assert isinstance(compiled, Condition), compiled
    return compiled


OPTIONAL = st.none() | CONDITIONS.map(sound)
RULES = st.builds(
    lambda when, until, grade, left, if_unknown: Rule(
        "r",
        "T",
        Severity.LOW,
        sound(when),
        Place(""),
        until=until,
        grades=() if grade is None else (Grade(Severity.HIGH, grade, left),),
        if_unknown=if_unknown,
    ),
    *(CONDITIONS, OPTIONAL, OPTIONAL, OPTIONAL, st.sampled_from(IfUnknown)),
)


def asked(rules: tuple[Rule, ...], facts: Mapping[str, object]) -> list[Judged]:
    """What each rule says when it is asked, and nothing is remembered."""
    return [(rule, rule.judge(known_facts(facts))) for rule in rules]


@given(st.lists(RULES, min_size=1, max_size=3), courses(VALUES))
def test_what_is_remembered_is_what_rules_say_when_they_are_asked(
    rules: list[Rule], approvals: list[dict[str, object]]
) -> None:
    pack = Pack(tuple(replace(rule, id=f"r{number}") for number, rule in enumerate(rules)))
    for facts in approvals:
        assert [*pack.judge(facts)] == asked(pack.rules, facts)


@pytest.mark.parametrize("text", TOLD)
def test_facts_that_are_alike_are_judged_alike(text: str) -> None:
    condition = sound(text)
    likeness = Likeness([condition])
    said: dict[Hashable, Judgement] = {}
    for values in product(*((None, *VALUES[name]) for name in condition.reads)):
        facts = {name: value for name, value in zip(condition.reads, values, strict=True) if value is not None}
        judgement = condition.judge(known_facts(facts))
        assert said.setdefault(likeness.of(facts), judgement) is judgement, facts


def test_some_tests_only_the_engine_understands() -> None:
    assert [text for text in (*TOLD, *ASKED) if not can_tell(sound(text))] == [*ASKED]
    with pytest.raises(ValueError, match=r"exposure\.usd in"):
        Likeness([sound("exposure.usd in [1.0, 2.0]")])


def test_a_likeness_sees_what_conditions_see_and_no_more() -> None:
    likeness = Likeness([sound('exposure.usd > 100 && spender.name != "" && spender.address != token.address')])
    plain = {"exposure.usd": 5.0, "spender.name": "A", "spender.address": "0x1", "token.address": "0x2"}
    alike = {"exposure.usd": 99.0, "spender.name": "B", "spender.address": "0x3", "token.address": "0x4"}
    assert likeness.of(plain) == likeness.of(alike) == likeness.of({**plain, "spender.owners": 7})
    for other in ({"exposure.usd": 100.0}, {"exposure.usd": 101.0}, {"spender.name": ""}, {"token.address": "0x1"}):
        assert likeness.of({**plain, **other}) != likeness.of(plain)
    for name in plain:
        assert likeness.of({key: value for key, value in plain.items() if key != name}) != likeness.of(plain)


def test_every_condition_of_the_default_pack_is_one_of_which_it_is_known_what_it_tells_apart() -> None:
    assert [condition.text for condition in PACK.conditions if not can_tell(condition)] == []


@given(courses(DEFAULT), st.sampled_from([None, *ChangeKind]))
def test_the_default_pack_remembers_what_its_rules_say(
    approvals: list[dict[str, object]], kind: ChangeKind | None
) -> None:
    rules = tuple(rule for rule in PACK.rules if not rule.on or kind in rule.on)
    for facts in approvals:
        assert [*PACK.judge(facts, kind)] == asked(rules, facts)


def test_more_than_is_remembered_is_judged_as_well() -> None:
    pack = Pack(
        (Rule("r", "T", Severity.LOW, sound(" || ".join(f"spender.owners == {n}" for n in range(2050))), Place("")),)
    )
    for owners in (*range(-10, 2050), *range(-10, 2050)):
        [(_, verdict)] = pack.judge({"spender.owners": owners})
        assert (verdict.judgement is Judgement.HOLDS) is (owners >= 0)


def test_what_one_thread_made_ready_another_can_use() -> None:
    """The engine's own values are of one thread; transactions run in threads of their own."""
    said: list[Sequence[Judged]] = []
    pack = Pack((Rule("r", "T", Severity.LOW, sound('spender.name.matches("^S") && exposure.usd > 5.0'), Place("")),))
    facts = {"spender.name": "Swap", "exposure.usd": 7.0}
    for _ in range(2):
        thread = Thread(target=lambda: said.append(pack.judge(facts)))
        thread.start()
        thread.join()
    assert [*said, pack.judge(facts)] == [tuple(asked(pack.rules, facts))] * 3
