"""The bench measures every figure that it promises; how good they are is no matter of a test."""

import json

import pytest
from anvil import missing

from benchmarks.__main__ import SMALLEST, measure, table
from benchmarks.figures import Figure, Goal
from benchmarks.subjects import SUBJECTS

GOALS = {
    "scans": 3,
    "chain": 1,
    "rules": 1,
    "pacing": 3,
    "start": 2,
    "queries": 2,
    "growth": 1,
    "delivery": 1,
    "memory": 1,
}
"""How many figures of each subject have a goal."""


def test_every_subject_is_held_to_its_goals() -> None:
    assert SUBJECTS.keys() == GOALS.keys()


MARKS = {
    "memory": pytest.mark.soak(reason="a daemon that is watched for some seconds"),
    "chain": pytest.mark.skipif(missing() is not None, reason=str(missing())),
}


@pytest.mark.parametrize("subject", [pytest.param(name, marks=MARKS.get(name, ())) for name in GOALS])
async def test_a_subject_is_measured_at_the_smallest_size(subject: str) -> None:
    figures = await measure([subject], SMALLEST)
    assert sum(figure.goal is not None for figure in figures) == GOALS[subject]
    assert all(figure.value >= 0 and figure.floor for figure in figures)
    assert all(figure.name in table(figures) for figure in figures)
    kept = json.loads(json.dumps([figure.kept() for figure in figures]))
    assert [one["met"] for one in kept] == [figure.met for figure in figures]


def test_a_goal_is_met_at_its_limit_and_missed_beyond_it() -> None:
    at_most, at_least = Goal(1.5), Goal(90, at_least=True)
    assert [at_most.met(value) for value in (1.5, 1.51)] == [True, False]
    assert [at_least.met(value) for value in (90, 89.9)] == [True, False]
    assert Figure("a", "b", 1.6, "×", at_most).met is False
    assert Figure("a", "b", 1.6, "×").met is None
    assert "NO" in table([Figure("a", "b", 1.6, "×", at_most)])
