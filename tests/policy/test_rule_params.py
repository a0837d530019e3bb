"""Params of rules and the exceptions that they allow: as they are written, with every mistake at its place."""

from pathlib import Path

import pytest

from scanner.policy.loading import load
from scanner.policy.params import bind, names_in

RULE = """\
rules:
  - id: a
    title: A
    severity: low
    why: A danger.
    fix: A remedy.
    tests: [{name: none, given: {}, expect: undecided}]
"""


def loaded(folder: Path, *lines: str) -> list[tuple[int, int, str]]:
    """What is wrong with a rule with these lines, numbered from 1: line, column and code."""
    path = folder / "rule.yaml"
    path.write_text(RULE + "".join(f"    {line}\n" for line in lines), "utf-8")
    first = RULE.count("\n")
    return [(p.place.line - first, p.place.column, p.code) for p in load([path]).problems]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("params: {usd: 5}", "when: exposure.usd > params.usd"), []),
        (("params: {usd: 5}", "when: exposure.usd > params.usx"), [(1, 19, "unused-param"), (2, 26, "unknown-param")]),
        (("when: exposure.usd > params.usd",), [(1, 26, "unknown-param")]),
        (("params: {usd: 5, age: 3d}", "when: exposure.usd > params.usd"), [(1, 27, "unused-param")]),
        (("params: {usd: 5d}", "when: exposure.usd > params.usd"), [(2, 24, "rule-type")]),
        (("params: {usd: {a: b}}", "when: exposure.usd > params.usd"), [(1, 19, "bad-param")]),
        (("params: {Usd: 5}", "when: exposure.usd > params.Usd"), [(1, 19, "bad-param")]),
        (("params: {usd: }", "when: exposure.usd > params.usd"), [(1, 18, "bad-param")]),
        (("params: [usd]", "when: exposure.usd > 5"), [(1, 13, "rule-shape")]),
        (
            ("params: {p: '(('}", "when: 'spender.name == \"x y\" || token.symbol.matches(params.p)'"),
            [(2, 58, "rule-constant")],
        ),
        (("exceptions: [[spender, token], [chain]]", "when: exposure.usd > 5"), []),
        (("exceptions: []", "when: exposure.usd > 5"), []),
        (("exceptions: [[spendr]]", "when: exposure.usd > 5"), [(1, 18, "bad-word")]),
        (("exceptions: [spender]", "when: exposure.usd > 5"), [(1, 18, "bad-word")]),
        (("exceptions: spender", "when: exposure.usd > 5"), [(1, 17, "rule-shape")]),
    ],
)
def test_a_mistake_has_its_place_and_leads_to_no_other(
    tmp_path: Path, lines: tuple[str, ...], expected: list[tuple[int, int, str]]
) -> None:
    assert loaded(tmp_path, *lines) == expected


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("exposure.usd > params.usd", "exposure.usd > 5.0"),
        (
            "token.symbol == 'params.usd' || exposure.usd > params.usd",
            "token.symbol == 'params.usd' || exposure.usd > 5.0",
        ),
        (
            r'token.symbol.matches(r"\") || exposure.usd > params.usd',
            r'token.symbol.matches(r"\") || exposure.usd > 5.0',
        ),
        ("exposure.usd > params.usd // params.usd\n|| true", "exposure.usd > 5.0 // params.usd\n|| true"),
        ("exposure.usd > params.usd2", "exposure.usd > params.usd2"),
        ("x.params.usd > params.usd", "x.params.usd > 5.0"),
        ("token.symbol == params.odd", r'token.symbol == "\"a\\\nb"'),
    ],
)
def test_a_value_stands_where_the_name_was_and_nowhere_else(text: str, bound: str) -> None:
    assert bind(text, {"usd": 5.0, "odd": '"a\\\nb'}) == bound


def test_names_in_texts_and_comments_are_no_uses() -> None:
    assert names_in("'params.a' == \"params.b\" && params.c > 1 // params.d") == {"c"}
