"""Conditions taken apart: where an operand begins and ends, and what stays whole."""

import pytest

from scanner.policy.splitting import Comparison, Join, Part, comparison, split


def drawn(part: Part) -> object:
    """A part as nested tuples: a test is its text, the rest begins with how it is joined."""
    return (part.join.value, *map(drawn, part.operands)) if part.operands else part.text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("allowance.unlimited", "allowance.unlimited"),
        ("a && b && c", ("all", "a", "b", "c")),
        ("a || b && c", ("any", "a", ("all", "b", "c"))),
        ("(a || b) && c", ("all", ("any", "a", "b"), "c")),
        ("((a))", "a"),
        ("(a) && (b)", ("all", "a", "b")),
        ("!a", ("not", "a")),
        ("!!a", ("not", ("not", "a"))),
        ("!(a && b)", ("not", ("all", "a", "b"))),
        ("!a && b", ("all", ("not", "a"), "b")),
        ("a ? b : c", ("choice", "a", "b", "c")),
        ("a ? b : c ? d : e", ("choice", "a", "b", ("choice", "c", "d", "e"))),
        ("a ? b ? c : d : e", ("choice", "a", ("choice", "b", "c", "d"), "e")),
        ("a || b ? c && d : e", ("choice", ("any", "a", "b"), ("all", "c", "d"), "e")),
        ("!a.matches('x')", ("not", "a.matches('x')")),
    ],
)
def test_operands_are_found_at_every_depth(text: str, expected: object) -> None:
    assert drawn(split(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "!a == b",
        "!a in [true]",
        '"x && y" == c',
        "'x || y' == c",
        r'"a \" && b" == c',
        r"r'\' == c",
        '"""x " && y""" == c',
        r"'''a ' || b''' == c",
        'owner.tags.exists(t, t == "x" && t != "y")',
        "[a && b, c].size() > 1",
        '{"k": a ? b : c}["k"]',
        "(a + b) * (c + d) > 1",
        "exposure.usd > (a ? 1.0 : 2.0)",
        r'token.symbol.matches("(a|b)||c\\)")',
    ],
)
def test_strings_calls_lists_and_comparisons_stay_whole(text: str) -> None:
    assert split(text) == Part(text)


def test_comments_and_line_breaks_are_left_out_and_the_blanks_in_texts_are_not() -> None:
    part = split('  a // b && c\n   &&\n "x  y // z" == d ')
    assert part == Part('a && "x  y // z" == d', Join.ALL, (Part("a"), Part('"x  y // z" == d')))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("exposure.usd > 1000", Comparison("exposure.usd", ">", "1000")),
        ("days(90) <= approval.age", Comparison("days(90)", "<=", "approval.age")),
        ('"a == b" in owner.tags', Comparison('"a == b"', "in", "owner.tags")),
        ("(a == b) != c", Comparison("(a == b)", "!=", "c")),
        ("a == b == c", None),
        ("!a == b", None),
        ("spender.labels.exists(l, l == 'x')", None),
    ],
)
def test_a_comparison_has_two_sides(text: str, expected: Comparison | None) -> None:
    assert comparison(text) == expected
