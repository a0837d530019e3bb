"""Carets point into a condition wherever and however YAML has it written."""

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from scanner.places import Document, read_yaml
from scanner.policy.carets import place_in

CHARS = st.sampled_from([*"abz.09()[]!=<>&|+ \"'\\#:,{}-ßé\n"])


def written(text: str, style: str | None) -> Document:
    entry = yaml.MappingNode(
        "tag:yaml.org,2002:map",
        [
            (
                yaml.ScalarNode("tag:yaml.org,2002:str", "when"),
                yaml.ScalarNode("tag:yaml.org,2002:str", text, style=style),
            )
        ],
    )
    root = yaml.SequenceNode("tag:yaml.org,2002:seq", [entry])
    return read_yaml(yaml.serialize(root, allow_unicode=True, width=30), "rules.yaml")


@example("000000000000000000\n\n 0", None)  # where the line is broken, its first blank is escaped
@given(st.text(CHARS, min_size=1, max_size=60), st.sampled_from([None, '"', "'", "|", ">"]))
def test_every_visible_character_is_found_in_every_style(text: str, style: str | None) -> None:
    document = written(text, style)
    assert document.data == [{"when": text}]
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        for column, char in enumerate(line, start=1):
            place = place_in(document, (0, "when"), text, number, column)
            if not char.isspace():
                assert place.text[place.column - 1] == char, (place, char)


@pytest.mark.parametrize(
    ("yaml_text", "line", "column"),
    [
        ("when: true && foo", 1, 15),
        ("when:    'x''y == foo'", 1, 19),
        ("when: true || '😀' == foo", 1, 22),
        (r'when: "\"x\" == foo"', 1, 17),
        ("when: |\n  true &&\n    foo\n", 3, 5),
        ("when: >-  # folded\n  true &&\n  foo\n", 3, 3),
        ("when:\n  true\n  && foo", 3, 6),
        ('when: "true &&\n  foo"', 2, 3),
    ],
)
def test_a_place_within_each_style(yaml_text: str, line: int, column: int) -> None:
    document = read_yaml(yaml_text, "rules.yaml")
    assert isinstance(document.data, dict)
    text = document.data["when"]
    assert isinstance(text, str)
    offset = text.index("foo")
    row = text.count("\n", 0, offset) + 1
    place = place_in(document, ("when",), text, row, offset - text.rfind("\n", 0, offset))
    assert (place.line, place.column) == (line, column)
    assert place.text[place.column - 1 :].startswith("foo")


@pytest.mark.parametrize("yaml_text", ['when: "true &&"', "when: true &&", "when: |\n  true &&\n\n", "when: 'true &&'"])
def test_what_is_missing_at_the_end_is_missing_behind_the_last_character(yaml_text: str) -> None:
    document = read_yaml(yaml_text, "rules.yaml")
    assert isinstance(document.data, dict)
    text = str(document.data["when"])
    place = place_in(document, ("when",), text, 1, len("true &&") + 1)
    assert place.text[: place.column - 1].endswith("&&")


@pytest.mark.parametrize("yaml_text", ["when: &mark true && foo", r'when: "\x66oo"', "when: !!str foo"])
def test_where_the_text_cannot_be_followed_the_value_itself_is_the_place(yaml_text: str) -> None:
    document = read_yaml(yaml_text, "rules.yaml")
    assert isinstance(document.data, dict)
    text = str(document.data["when"])
    assert place_in(document, ("when",), text, 1, 1) == document.place(("when",))
