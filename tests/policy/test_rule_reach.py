"""What a rule can never say, or always says, is told when it is loaded; what is possible is never called impossible."""

from itertools import pairwise, product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.domain.alerts import Judgement
from scanner.errors import Problem
from scanner.policy.engine import Condition, compile_condition, known_facts
from scanner.policy.fields import FIELDS
from scanner.policy.loading import default_rules, load
from scanner.policy.reach import flaws


def told(folder: Path, **keys: str) -> tuple[Problem, ...]:
    """What is said of a rule with these keys, of which `when` has to be one."""
    sound = {"title": "T", "severity": "low", "why": "So.", "fix": "So.", **keys}
    lines = "".join(f"    {key}: {value}\n" for key, value in sound.items())
    test = "    tests: [{name: plain, given: {}, expect: quiet}]\n"
    (folder / "mine.yaml").write_text(f"rules:\n  - id: mine\n{lines}{test}", "utf-8")
    pack = load([folder])
    assert bool(pack.rules) is not bool(pack.problems)
    return (*pack.problems, *pack.warnings)


@pytest.mark.parametrize(
    ("when", "hint"),
    [
        ("exposure.usd > 5 && exposure.usd < 3", "no value of exposure.usd fits"),
        ("exposure.usd > 5 && 5.0 > exposure.usd", "no value of exposure.usd fits"),
        ("exposure.usd < 0", "no value of exposure.usd fits: it is never negative"),
        ("spender.owners <= -1", "no value of spender.owners fits: it is never negative"),
        ("spender.owners > 2 && spender.owners < 3", "no value of spender.owners fits"),
        ("approval.age > days(10) && approval.age < duration('12h30m')", "no value of approval.age fits"),
        ("token.risk && !token.risk", ""),
        ("spender.trusted && spender.trusted == false", "no value of spender.trusted fits"),
        ("spender.name == 'a' && spender.name == 'b'", "no value of spender.name fits"),
        ("chain.name == 'ethereum' && chain.name in ['bsc', 'base']", "no value of chain.name fits"),
        ("!(approval.status in ['granted', 'revoking', 'granting'])", "no value of approval.status fits"),
        ("'known' in spender.labels && spender.labels.size() == 0", "no value of spender.labels fits"),
        ("'a' in owner.tags && 'b' in owner.tags && size(owner.tags) < 2", "no value of owner.tags fits"),
        ("spender.trusted && spender.labels.size() == 0", "no value of spender.labels fits"),
        ("spender.trusted && 'exploited' in spender.labels", ""),
        ("!spender.trusted && 'trusted' in spender.labels && !('exploited' in spender.labels)", ""),
        ("token.symbol.size() > 3 && token.symbol.size() < 2", "no value of token.symbol fits"),
        ("spender.owners > 3 ? exposure.usd < 0 : spender.owners == 7", "no value of spender.owners fits"),
        ("token.symbol.matches('x') && !token.symbol.matches('x')", ""),
        ("exposure.usd > 2.0 * 50.0 && exposure.usd < 0.8 * 100.0 + 3.0", "no value of exposure.usd fits"),
        ("approval.age > days(1) + days(2) && approval.age < days(2)", "no value of approval.age fits"),
        ("1 > 2", ""),
        ("false", ""),
        ("allowance.unlimited && 3 in [1, 2] && 1 == 2", ""),
    ],
)
def test_a_condition_that_can_never_hold_is_a_problem(tmp_path: Path, when: str, hint: str) -> None:
    (problem,) = told(tmp_path, when=f'"{when}"')
    assert (problem.code, problem.place.line, problem.hint) == ("never-holds", 7, hint)


@pytest.mark.parametrize(
    "when",
    [
        "exposure.usd > 3 && exposure.usd < 5",
        "exposure.usd >= 5 && exposure.usd <= 5",
        "exposure.usd <= 0",
        "spender.owners >= 2 && spender.owners < 3",
        "spender.owners > 2.5 && spender.owners < 3.5",
        "exposure.usd > 1000 && exposure.usd >= 10.0 * exposure.first_usd",
        "exposure.usd > 10.0 * exposure.usd",
        "exposure.usd < 2.0 * 50.0 && exposure.usd > 0.8 * 100.0",
        "spender.name == 'a' && spender.name.startsWith('b')",
        "spender.trusted && 'known' in spender.labels",
        "owner.tags.exists(t, t == 'x') && !owner.tags.exists(t, t == 'x')",
        "'a' in owner.tags && 'b' in owner.tags && size(owner.tags) < 3",
        "'a' in owner.tags && 'b' in owner.tags && 'c' in owner.tags && owner.tags.size() > 0",
        "token.symbol > 'b' && token.symbol < 'a'",
        "approval.age > duration('-1h') && approval.age < duration('30m')",
        "approval.age + approval.unchanged_for < duration('-1h')",
        "owner.address == spender.address && owner.address != spender.address",
        "approval.age < duration('1h0.5m') && approval.age > duration('1h')",
    ],
)
def test_what_is_possible_or_not_understood_is_left_alone(tmp_path: Path, when: str) -> None:
    assert told(tmp_path, when=f'"{when}"') == ()


@pytest.mark.parametrize(
    ("when", "known"),
    [
        ("true", ""),
        ("exposure.usd >= 0", ", where it is known"),
        ("token.risk ? true : true", ", where it is known"),
        ("exposure.usd >= 0 && true", ", where it is known"),
        ("!(false || exposure.usd < 0)", ", where it is known"),
        ("spender.trusted || !spender.trusted", ""),
        ("approval.age >= days(0)", ""),
        ("approval.kind != 'erc20' || approval.kind == 'erc20'", ""),
        ("exposure.usd < 5 || exposure.usd >= 5", ", where it is known"),
    ],
)
def test_a_state_that_every_approval_is_in_is_a_warning(tmp_path: Path, when: str, known: str) -> None:
    (warning,) = told(tmp_path, when=f'"{when}"')
    assert (warning.code, warning.place.line) == ("always-holds", 7)
    assert warning.message == f"this holds for every approval{known}"


def test_an_event_rule_may_hold_always(tmp_path: Path) -> None:
    assert told(tmp_path, on="[increased]", when="true") == ()


def test_whoever_alerts_on_the_unknown_may_ask_for_the_impossible(tmp_path: Path) -> None:
    assert told(tmp_path, when="exposure.usd < 0", if_unknown="alert") == ()


@pytest.mark.parametrize(
    ("on", "when", "column"),
    [
        ("[revoked]", "change.kind == 'new'", 10),
        ("[new, revoked]", "change.kind in ['new', 'restored']", 15),
        ("[increased, new]", "change.was_unlimited", 21),
        ("[restored]", "allowance.unlimited && change.was_unlimited", 10),
        ("[baseline]", "change.was_status == 'revoking'", 10),
        ("[status, new]", "change.was_status == 'revoking'", 18),
    ],
)
def test_a_change_that_the_condition_never_fits_is_a_problem(tmp_path: Path, on: str, when: str, column: int) -> None:
    (problem,) = told(tmp_path, on=on, when=f'"{when}"')
    assert (problem.code, problem.place.line, problem.place.column) == ("unreachable-on", 7, column)


def test_a_condition_that_fits_no_change_at_all_is_said_once(tmp_path: Path) -> None:
    (problem,) = told(tmp_path, on="[new, revoked]", when="change.kind == 'new' && exposure.usd < 0")
    assert problem.code == "never-holds"


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"when": "exposure.usd < 5", "grades": "[{severity: high, when: exposure.usd > 5}]"}, "never be reached"),
        (
            {"when": "exposure.usd > 5", "grades": "[{severity: high, when: 9 < 8}]"},
            "never be reached",
        ),
        (
            {
                "when": "exposure.usd < 5",
                "until": "exposure.usd > 7",
                "grades": "[{severity: high, when: exposure.usd > 7}]",
            },
            "never be reached",
        ),
        (
            {
                "when": "exposure.usd > 5",
                "grades": "[{severity: medium, when: exposure.usd > 9}, {severity: high, when: exposure.usd > 8}]",
            },
            "a worse grade holds wherever this one does",
        ),
    ],
)
def test_a_grade_that_no_alert_can_have_is_a_problem(tmp_path: Path, keys: dict[str, str], said: str) -> None:
    (problem,) = told(tmp_path, **keys)
    assert problem.code == "unreachable-grade"
    assert said in problem.message
    assert problem.place.text[problem.place.column - 7 :].startswith("when: ")


@pytest.mark.parametrize(
    "keys",
    [
        # An alert that lingers can still grow worse.
        {
            "when": "exposure.usd < 5",
            "until": "exposure.usd > 8",
            "grades": "[{severity: high, when: exposure.usd > 7}]",
        },
        # Where the worse grade cannot be decided, the milder one counts.
        {
            "when": "allowance.unlimited",
            "grades": "[{severity: medium, when: token.risk}, "
            "{severity: high, when: token.risk && (exposure.usd > 5 || exposure.usd <= 5)}]",
        },
        {
            "when": "exposure.usd < 0",
            "if_unknown": "alert",
            "grades": "[{severity: high, when: allowance.unlimited}]",
        },
    ],
)
def test_a_grade_that_some_alert_can_have_is_left_alone(tmp_path: Path, keys: dict[str, str]) -> None:
    assert told(tmp_path, **keys) == ()


def test_an_end_that_never_comes_is_a_warning_unless_it_is_meant(tmp_path: Path) -> None:
    (warning,) = told(tmp_path, when="exposure.usd > 5", until="exposure.usd < 0")
    assert (warning.code, warning.place.line) == ("never-ends", 8)
    assert told(tmp_path, when="exposure.usd > 5", until="false") == ()


def test_the_default_pack_has_no_flaws() -> None:
    assert [flaw for rule in load([default_rules()]).rules for flaw in flaws(rule, sorted(rule.on))] == []


LEAVES = st.sampled_from(
    [
        *("allowance.unlimited", "token.risk", "spender.trusted", "true", "false"),
        *("exposure.usd > 2", "exposure.usd >= 2", "exposure.usd < 5", "5.0 <= exposure.usd", "exposure.usd == 2"),
        *("spender.owners > 1", "spender.owners <= 2", "spender.owners != 2", "spender.owners < 1"),
        *("spender.name == 'a'", "spender.name in ['a', 'b']", "spender.name != 'b'"),
        *("'known' in spender.labels", "'exploited' in spender.labels", "spender.labels.size() == 0"),
        *("spender.labels.size() < 2", "exposure.usd > exposure.first_usd", "spender.name.startsWith('a')"),
    ]
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds("({} && {})".format, inner, inner),
        st.builds("({} || {})".format, inner, inner),
        st.builds("!({})".format, inner),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
    ),
    max_leaves=7,
)
WORLDS = [
    {name: value for name, value in zip(named, values, strict=True) if value is not None}
    for named in [
        (
            *("allowance.unlimited", "token.risk", "exposure.usd", "exposure.first_usd"),
            *("spender.owners", "spender.name", "spender.labels"),
        )
    ]
    for values in product(
        *((True, False), (True, None), (1.0, 2.0, 3.0, 6.0, None), (0.0, 9.0)),
        *((1, 2, 3), ("a", "ab", "z"), ([], ["known"], ["trusted"], ["known", "exploited"])),
    )
]


@settings(max_examples=60, deadline=None)
@given(CONDITIONS)
def test_nothing_that_happens_was_called_impossible(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    condition = compile_condition(text)
    assert isinstance(condition, Condition)
    folder = tmp_path_factory.mktemp("rules")
    codes = {problem.code for problem in told(folder, when=f'"{text}"')}
    seen = set()
    for world in WORLDS[:: 1 if codes else 7]:
        labels = world["spender.labels"]
        assert isinstance(labels, list)
        trusted = "trusted" in labels and "exploited" not in labels
        seen.add(condition.judge(known_facts({**world, "spender.trusted": trusted})))
    assert Judgement.HOLDS not in seen or "never-holds" not in codes
    assert Judgement.FAILS not in seen or "always-holds" not in codes


@pytest.mark.timeout(30)
def test_what_would_take_too_long_to_settle_counts_as_possible(tmp_path: Path) -> None:
    names = [name for name, known in FIELDS.items() if known.type in {"number", "whole number"}]
    pairs = [
        f"({name} > {at + 2} || {other} < {at + 1})" for at, (name, other) in enumerate(pairwise([*names, names[0]]))
    ]
    texts = [f"(token.symbol != '{text}' || owner.label == '{text}')" for text in "abcdef"]
    never = "(spender.trusted ? token.risk && !token.risk : allowance.unlimited && !allowance.unlimited)"
    when, worse = " && ".join([*pairs, *texts]), " && ".join([*pairs[::-1], never])
    grades = ", ".join(f'{{severity: {severity}, when: "{worse}"}}' for severity in ("medium", "high", "critical"))
    assert told(tmp_path, when=f'"{when}"', grades=f"[{grades}]") == ()


def test_every_field_can_be_asked_for_anything(tmp_path: Path) -> None:
    """Each field alone, so that each sort of value has been searched."""
    ways = {"true or false": "{0} || {0} == false", "list of texts": "{0}.size() > 0", "text": "{0} == 'x'"}
    ways |= {"duration": "{0} > days(3)", "whole number": "{0} > 3", "number": "{0} > 3"}
    for name, field in FIELDS.items():
        when = ways[field.type].format(name)
        if field.choices:
            when = f"{name} == '{field.choices[-1]}'"
        on = {"on": "[increased]"} if name.startswith("change.") else {}
        if name == "change.kind":
            on = {"on": f"[{field.choices[-1]}]"}
        codes = [one.code for one in told(tmp_path, **on, when=f'"{when}"')]
        assert codes == (["always-holds"] if field.type == "true or false" and not on else []), name
