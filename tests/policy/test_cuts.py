"""Where rules can change their minds while one number moves: every such place is a cut, and nothing else is."""

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.domain.alerts import Judgement
from scanner.policy.cuts import FIRST, Cuts, cuts_of
from scanner.policy.engine import Condition, compile_condition, known_facts
from scanner.policy.loading import load

USD = "exposure.usd"


def conditions(folder: Path, *keys: str) -> tuple[Condition, ...]:
    """The conditions of rules of which each has these keys."""
    written = "".join(
        f"  - {{id: r{number}, title: T, severity: low, why: W, fix: F, {text}}}\n" for number, text in enumerate(keys)
    )
    (folder / "rules.yaml").write_text(f"rules:\n{written}")
    pack = load([folder])
    assert pack.problems == ()
    return pack.conditions


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("exposure.usd > 5", [5]),
        ("5.0 <= exposure.usd || exposure.usd == 7", [5, 7]),
        ("!(exposure.usd < 2.0 * 50.0 && token.risk)", [100]),
        ("token.risk ? exposure.usd > 1 : exposure.usd > 2", [1, 2]),
        ("token.price_usd > 3 && balance.amount > 4", []),
        ("exposure.first_usd > 9", []),
        ("exposure.real_usd > 9", []),
    ],
)
def test_a_number_is_cut_where_it_is_held_against_a_constant(tmp_path: Path, when: str, expected: list[float]) -> None:
    found = cuts_of(conditions(tmp_path, f"when: '{when}'"), USD)
    assert (found.fixed, found.numbers()) == (True, expected)


def test_ends_grades_and_params_cut_as_conditions_do(tmp_path: Path) -> None:
    keys = (
        "params: {low: 10, high: 90}, when: exposure.usd > params.low, until: exposure.usd < 8, "
        "grades: [{severity: high, when: exposure.usd > params.high, until: exposure.usd < 70}]"
    )
    assert cuts_of(conditions(tmp_path, keys), USD).numbers() == [8, 10, 70, 90]


def test_what_was_first_at_stake_makes_cuts_that_move_with_it(tmp_path: Path) -> None:
    found = cuts_of(conditions(tmp_path, "when: exposure.usd > 10.0 * exposure.first_usd || exposure.usd > 7"), USD)
    assert not found.fixed
    assert not found.everywhere
    assert found.numbers() == [7]
    assert found.numbers(3.0) == [7, 30]


@pytest.mark.parametrize(
    "when",
    [
        "exposure.usd * 2.0 > 5",
        "exposure.usd > token.price_usd",
        "exposure.usd > exposure.usd * 0.5",
        "exposure.usd in [1.0, 2.0]",
        "owner.tags.exists(tag, exposure.usd > 5)",
        "(exposure.usd > 5) == token.risk",
        "exposure . usd > 5",
        "exposure.usd > 0.0 / 0.0",
        "exposure.usd == dyn([5.0])",
        "exposure.usd > (exposure.first_usd > 0.5 ? exposure.first_usd : token.price_usd)",
    ],
)
def test_a_number_that_is_used_otherwise_is_asked_about_everywhere(tmp_path: Path, when: str) -> None:
    found = cuts_of(conditions(tmp_path, f"when: '{when}'", "when: exposure.usd > 3"), USD)
    assert found.everywhere
    assert found.numbers() == [3]


def test_a_method_of_an_age_is_a_use_of_it(tmp_path: Path) -> None:
    found = conditions(tmp_path, "when: approval.age.getHours() > 5")
    assert cuts_of(found, "approval.age").everywhere
    assert cuts_of(found, "approval.unchanged_for") == Cuts()


def test_durations_are_cut_by_what_they_come_to(tmp_path: Path) -> None:
    found = cuts_of(
        conditions(tmp_path, "when: approval.age > days(1) + days(2) || duration('90m') > approval.age"), "approval.age"
    )
    assert found.durations() == [timedelta(minutes=90), timedelta(days=3)]


LEAVES = st.sampled_from(
    [
        *("exposure.usd > 2", "exposure.usd >= 2", "5.0 < exposure.usd", "exposure.usd == 7", "exposure.usd != 4"),
        *("exposure.usd > 3.0 * exposure.first_usd", "exposure.first_usd <= exposure.usd", "token.risk", "true"),
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
    max_leaves=5,
)


@given(CONDITIONS, st.sampled_from([None, 1.0, 2.5]), st.sampled_from([None, True, False]))
def test_between_two_cuts_a_condition_says_the_same(text: str, first: float | None, risk: bool | None) -> None:
    condition = compile_condition(text)
    assert isinstance(condition, Condition)
    beside = {name: value for name, value in ((FIRST, first), ("token.risk", risk)) if value is not None}
    found = cuts_of([condition], USD).numbers(first)

    def says(usd: float) -> Judgement:
        return condition.judge(known_facts({**beside, USD: usd}))

    edges = [0.0, *found, 100.0]
    for low, high in pairwise(edges):
        inside = {says(low + (high - low) * part) for part in (0.01, 0.3, 0.5, 0.7, 0.99)}
        assert len(inside) == 1, (low, high)
