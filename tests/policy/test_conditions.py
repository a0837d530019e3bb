"""Conditions: what compiles, what they decide, and what they say of a mistake."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.domain.alerts import Judgement
from scanner.policy.engine import Condition, compile_condition, known_facts
from scanner.policy.faults import Fault
from scanner.policy.fields import FIELDS, FieldType

HOLDS, FAILS, UNDECIDED = Judgement.HOLDS, Judgement.FAILS, Judgement.UNDECIDED

VALUES: dict[FieldType, st.SearchStrategy[object]] = {
    FieldType.TRUTH: st.booleans(),
    FieldType.TEXT: st.text(st.characters(exclude_categories=["Cs"]), max_size=10),
    FieldType.TEXTS: st.lists(st.sampled_from(["known", "trusted", "exploited", "mine"]), max_size=3),
    FieldType.COUNT: st.integers(0, 2**63 - 1),
    FieldType.NUMBER: st.floats(),
    FieldType.DURATION: st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=3_000_000)),
}
EVERYTHING = st.fixed_dictionaries({name: VALUES[field.type] for name, field in FIELDS.items()})


def sound(text: str) -> Condition:
    compiled = compile_condition(text)
    assert isinstance(compiled, Condition), compiled
    return compiled


def faults(text: str) -> list[Fault]:
    compiled = compile_condition(text)
    assert not isinstance(compiled, Condition)
    return compiled


def judge(text: str, **known: object) -> Judgement:
    return sound(text).judge(known_facts({name.replace("__", "."): value for name, value in known.items()}))


@pytest.mark.parametrize(
    ("text", "known", "judgement"),
    [
        ("allowance.unlimited", {"allowance.unlimited": True}, HOLDS),
        ("allowance.unlimited", {"allowance.unlimited": False}, FAILS),
        ("allowance.unlimited", {}, UNDECIDED),
        ("!allowance.unlimited", {}, UNDECIDED),
        ("allowance.unlimited || !allowance.unlimited", {}, UNDECIDED),
        ("allowance.unlimited || spender.trusted", {"spender.trusted": True}, HOLDS),
        ("allowance.unlimited && spender.trusted", {"spender.trusted": False}, FAILS),
        ("allowance.unlimited && spender.trusted", {"spender.trusted": True}, UNDECIDED),
        ('spender.labels[0] == "known"', {"spender.labels": []}, UNDECIDED),
    ],
)
def test_what_cannot_be_decided_is_a_third_outcome(text: str, known: dict[str, object], judgement: Judgement) -> None:
    assert sound(text).judge(known_facts(known)) is judgement


@pytest.mark.parametrize("wrong", [None, 1, "true", b"x", [True]])
def test_a_value_of_the_wrong_type_is_undecided_and_never_true(wrong: object) -> None:
    assert judge("allowance.unlimited", allowance__unlimited=wrong) is UNDECIDED


@pytest.mark.parametrize("operator", [">", ">=", "==", "!=", "<=", "<"])
@pytest.mark.parametrize("left", [1, 2, 3])
def test_numbers_compare_across_int_and_double(operator: str, left: int) -> None:
    expected = {">": left > 2, ">=": left >= 2, "==": left == 2, "!=": left != 2, "<=": left <= 2, "<": left < 2}
    judgement = HOLDS if expected[operator] else FAILS
    assert judge(f"exposure.usd {operator} 2", exposure__usd=float(left)) is judgement
    assert judge(f"spender.owners {operator} 2.0", spender__owners=left) is judgement
    assert judge(f"spender.owners {operator} exposure.usd", spender__owners=left, exposure__usd=2.0) is judgement


@pytest.mark.parametrize(
    "text",
    [
        'spender.labels == ["known"]',
        'spender.name == "A" && spender.trusted == true',
        'approval.age > duration("1h") && approval.age == days(2)',
        'spender.labels.exists(label, label.startsWith("kno"))',
        'spender.name.matches("^[A-Z]$")',
        'spender.owners in [1, 2] && spender.name in ["A", "B"]',
    ],
)
def test_the_usual_functions_work(text: str) -> None:
    known = {"spender.labels": ["known"], "spender.name": "A", "spender.trusted": True, "spender.owners": 2}
    assert sound(text).judge(known_facts({**known, "approval.age": timedelta(days=2)})) is HOLDS


def test_a_condition_knows_which_fields_it_reads() -> None:
    text = 'spender.labels.exists(owner, owner == "owner.label") || "token.symbol" == spender.name'
    assert sound(text).reads == ("spender.labels", "spender.name")
    assert sound("true").reads == ()


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_can_be_asked_and_is_told_as_read(name: str) -> None:
    literal = {
        FieldType.TRUTH: "true",
        FieldType.TEXT: f'"{FIELDS[name].choices[0] if FIELDS[name].choices else "x"}"',
        FieldType.TEXTS: '["x"]',
        FieldType.COUNT: "1",
        FieldType.NUMBER: "1",
        FieldType.DURATION: "days(1)",
    }[FIELDS[name].type]
    assert sound(f"{name} == {literal}").reads == (name,)


@pytest.mark.parametrize(
    ("text", "line", "column", "code", "says"),
    [
        ("allowance.unlimted", 1, 1, "unknown-field", "did you mean 'allowance.unlimited'?"),
        ("true && allowance.unlimted", 1, 9, "unknown-field", "allowance.unlimited"),
        ("true &&\n  spender.nam.size() > 2", 2, 3, "unknown-field", "spender.name"),
        ('"ß€😀" == spendr.name', 1, 10, "unknown-field", "spender.name"),
        ("unlimited", 1, 1, "unknown-field", "did you mean 'allowance.unlimited'?"),
        ("allowance", 1, 1, "unknown-field", "allowance.amount"),
        ("True", 1, 1, "unknown-field", "did you mean 'true'?"),
        ("has(token.risk)", 1, 1, "unknown-function", "if_unknown"),
        ('spender.name.startWith("x")', 1, 14, "unknown-function", "did you mean 'startsWith'?"),
        ('exposure.usd > "x"', 1, 14, "rule-type", "`>` does not work between a number and text"),
        ("allowance.unlimited && spender.labels", 1, 21, "rule-type", ".size() > 0"),
        ('spender.labels == "known"', 1, 16, "rule-type", '"known" in spender.labels'),
        ("approval.age > 90", 1, 14, "rule-type", "days(90)"),
        ("spender.name == null", 1, 14, "rule-type", "undecided"),
        ("exposure.usd + 1 > 2", 1, 14, "rule-type", "2.0"),
        ("spender.trusted ? true : 1", 1, 17, "rule-type", "one kind"),
        ("spender.owners", 1, 1, "not-a-condition", "a whole number"),
        ("spender.labels", 1, 1, "not-a-condition", "a list"),
        ("allowance.unlimited and spender.trusted", 1, 21, "rule-syntax", "`&&`"),
        ("not spender.trusted", 1, 5, "rule-syntax", "`!`"),
        ('spender.name = "and"', 1, 14, "rule-syntax", "`==`"),
        ("(allowance.unlimited", 1, 21, "rule-syntax", "closing parenthesis"),
        ("allowance.unlimited &&", 1, 23, "rule-syntax", "too early"),
        ("(" * 500 + "true" + ")" * 500, 1, 1, "rule-syntax", "recursion limit"),
        ("true" + " || true" * 20_000, 1, 1, "rule-syntax", "limit: 100000"),
    ],
)
def test_a_mistake_is_said_in_words_at_its_place(text: str, line: int, column: int, code: str, says: str) -> None:
    (fault,) = faults(text)
    assert (fault.line, fault.column, fault.code) == (line, column, code)
    assert says in f"{fault.message} ({fault.hint})"
    assert "INVALID_ARGUMENT" not in fault.message


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ('approval.age > duration("90d")', 16, "days(90)"),
        ("approval.age > days(99999999999)", 16, "has no meaning"),
        ('spender.name.matches("[")', 22, "missing ]"),
        ('approval.status == "grantd"', 20, "did you mean 'granted'?"),
        ('approval.kind in ["erc20", "erc72"]', 28, "erc721"),
        ('change.kind != "rise"', 16, "increased"),
        ('chain.name == "eth"', 15, "the chain's name is 'ethereum'"),
        ('chain.name == "etherum"', 15, "did you mean 'ethereum'?"),
    ],
)
def test_a_constant_that_can_never_work_is_a_mistake(text: str, column: int, says: str) -> None:
    (fault,) = faults(text)
    assert (fault.line, fault.column, fault.code) == (1, column, "rule-constant")
    assert says in f"{fault.message} ({fault.hint})"


def test_what_stands_within_a_text_is_no_constant() -> None:
    assert sound(r"""spender.name == "duration(\"90d\")" || spender.name == 'approval.status == "x"'""")


def test_all_mistakes_of_a_condition_are_said_at_once() -> None:
    said = faults('spender.nam == "" &&\nfoo(2) &&\n  exposure.usd > "x"')
    assert [(fault.line, fault.column) for fault in said] == [(1, 1), (2, 1), (3, 16)]


CONDITIONS = [
    sound(text)
    for text in (
        "allowance.unlimited && spender.labels.size() == 0 || exposure.usd > 1000",
        '!(spender.trusted || "known" in spender.labels) && approval.age > days(30)',
        "spender.owners >= exposure.usd ? token.risk : allowance.covers_balance",
        'spender.labels.exists(label, label == "exploited" || token.risk)',
        'spender.name.matches("a+") && token.symbol.size() > 2 || balance.amount / 2.0 < token.price_usd',
        "spender.approvals + spender.owners > 5",
    )
]


@given(EVERYTHING, st.sets(st.sampled_from(sorted(FIELDS))), st.sampled_from(CONDITIONS))
def test_a_missing_fact_never_changes_a_decision_into_the_opposite(
    everything: dict[str, object], missing: set[str], condition: Condition
) -> None:
    full = condition.judge(known_facts(everything))
    less = condition.judge(known_facts({name: value for name, value in everything.items() if name not in missing}))
    assert less in {full, UNDECIDED}
    if not missing.intersection(condition.reads):
        assert less is full


def test_a_moment_is_no_duration() -> None:
    assert judge("approval.age > days(1)", approval__age=datetime(2026, 1, 1, tzinfo=UTC)) is UNDECIDED
