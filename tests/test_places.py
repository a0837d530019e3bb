"""YAML read as text, with places."""

from collections.abc import Iterator

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from scanner.places import read_yaml

SAMPLE = """\
address: 0xEd0C6079229E2d407672a117c22b62064f4a4312
answer: no
list:
  - 007
  - {deep: 1_000}
nothing:
quoted: "null"
date: 2026-11-20
"""


def test_a_scalar_is_the_text_that_was_written() -> None:
    assert read_yaml(SAMPLE, "f").data == {
        "address": "0xEd0C6079229E2d407672a117c22b62064f4a4312",
        "answer": "no",
        "list": ["007", {"deep": "1_000"}],
        "nothing": None,
        "quoted": "null",
        "date": "2026-11-20",
    }


def test_every_key_and_value_has_its_place() -> None:
    document = read_yaml(SAMPLE, "f")
    assert str(document.place(("list", 1, "deep"), key=True)) == "f:5:6"
    assert str(document.place(("list", 1, "deep"))) == "f:5:12"
    assert str(document.place(("list", 0))) == "f:4:5"
    assert document.place(("answer",)).text == "answer: no"


def test_what_is_missing_stands_where_its_parent_does() -> None:
    document = read_yaml(SAMPLE, "f")
    assert str(document.place(("list", 1, "other"))) == "f:5:5"
    assert str(document.place(("other", "deeper"))) == "f:1:1"
    assert str(read_yaml("", "f").place(("other",))) == "f"


@pytest.mark.parametrize(
    ("text", "place", "code"),
    [
        ("a: 1\nb: 2\na: 3", "f:3:1", "duplicate-key"),
        ("a: {x: 1, x: 2}", "f:1:11", "duplicate-key"),
        ("a: [1", "f:1:6", "yaml-syntax"),
        ("a: 1\n b: 2", "f:2:3", "yaml-syntax"),
        ("a: 1\n\tb: 2", "f:2:1", "yaml-syntax"),
        ("x: 1\ny: *pass", "f:2:4", "yaml-syntax"),
        ("a: 1\nb: x\0y", "f:2:5", "yaml-syntax"),
        ("b\n\0", "f:2:1", "yaml-syntax"),
        ("a: 1\n---\nb: 2", "f:2:1", "yaml-syntax"),
        ('a: "\\UFFFFFFFF"', "f", "yaml-syntax"),
        ('a: "\\U00110000"', "f", "yaml-syntax"),
        ('a: "\\ud800"', "f:1:4", "yaml-escape"),
        ("? [a]\n: 1", "f:1:3", "yaml-key"),
        ("b: {<<: {a: 1}}", "f:1:5", "yaml-merge"),
        ("a: &a [*a]", "f:1:4", "yaml-alias"),
    ],
)
def test_what_a_person_did_not_mean_is_a_problem_with_its_place(text: str, place: str, code: str) -> None:
    (problem,) = read_yaml(text, "f").problems
    assert (str(problem.place), problem.code) == (place, code)


def test_a_password_that_begins_with_an_asterisk_is_not_repeated() -> None:
    (problem,) = read_yaml("passphrase: *hunter2", "f").problems
    assert "hunter2" not in problem.message
    assert "needs quotes" in problem.message


def test_a_file_with_one_mistake_still_says_the_rest() -> None:
    document = read_yaml("a: 1\na: 2\nb: 3", "f")
    assert document.data == {"a": "1", "b": "3"}


def test_deep_nesting_is_a_problem_not_a_crash() -> None:
    for depth in (60, 5000):
        (problem,) = read_yaml("[" * depth + "]" * depth, "f").problems
        assert problem.code == "yaml-depth"


def test_nesting_without_an_end_does_not_fill_the_stack() -> None:
    for text in ("[" * 200_000, "- " * 200_000, "{a: " * 100_000):
        (problem,) = read_yaml(text, "f").problems
        assert problem.code == "yaml-depth"


def test_aliases_of_aliases_come_to_an_end() -> None:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    (problem,) = read_yaml("\n".join(lines), "f").problems
    assert problem.code == "yaml-size"


YAMLISH = st.lists(
    st.sampled_from(
        [
            *"abc:-?&*!|>'\"%@`{}[],#~\n \t\\0",
            ": ",
            "- ",
            "\n  ",
            "<<: ",
            "&x ",
            "*x",
            "!!binary ",
            "\\ud800",
            "\\U00FFFFFF",
        ]
    )
    | st.characters(),
    max_size=40,
).map("".join)


@given(YAMLISH)
def test_no_text_makes_it_raise(text: str) -> None:
    document = read_yaml(text, "f")
    for problem in document.problems:
        assert problem.message
        assert problem.place.line <= max(len(document.lines), 1) + 1


WRITABLE = st.characters(codec="utf-8", exclude_categories=["Cc", "Cn", "Cs", "Zl", "Zp"], exclude_characters="\ufeff")


@given(st.text(alphabet=WRITABLE, max_size=30))
def test_a_quoted_text_comes_back_as_it_was(text: str) -> None:
    quoted = "'" + text.replace("'", "''") + "'"
    assert read_yaml(f"a: {quoted}", "f").data == {"a": text}


def marks(node: yaml.Node, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], tuple[int, int]]]:
    """Where the library says, in Python, that each value stands."""
    yield path, (node.start_mark.line + 1, node.start_mark.column + 1)
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield from marks(item, (*path, number))
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from marks(value, (*path, key.value))


@given(YAMLISH)
@example("params: {usd: }")
@example("params: {usd: , age: # none\n }")
@example("a: [b: ]")
@example("a: !")
@example("a: &x !\nb: *x")
@example("a: !~! ")
@example("a: |# c\n")
@example("a: >-2#\n")
@example("a: [b?]")
@example("a: {? b}")
def test_what_is_read_in_c_is_what_is_read_in_python(text: str) -> None:
    document = read_yaml(text, "f")
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError):
        assert document.problems
        return
    if node is not None and not document.problems:
        assert document.values == dict(marks(node))
