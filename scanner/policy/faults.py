"""What is wrong with a condition, in words for whoever wrote it, at its place within the condition.

The CEL library gives one text with all errors, a line and column for each. What it lets through and can never work
(a duration in days, a broken regular expression, a status that does not exist) is found here too: a rule that
passes the check must mean something.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from scanner.domain.chains import UnknownChainError, find_chain
from scanner.errors import closest
from scanner.policy.fields import FIELDS, Field

__all__ = ["Fault", "explain", "mistaken_constants", "not_a_condition"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in a condition; line and column are within its text, both from 1."""

    line: int
    column: int
    message: str
    code: str
    hint: str = ""


_ERROR = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*)")
_STATUS = re.compile(r"^[A-Z_]+: | \[[A-Z_]+\]$")
_UNDECLARED = re.compile(r"undeclared reference to '(.+?)' \(in container")
_OVERLOAD = re.compile(r"found no matching overload for '(.+?)' applied to '\((.*)\)'")
_SYNTAX = re.compile(r"(?:at|input):? '([^']*)'")
_STRING = r"""[rR]?(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')"""

_FUNCTIONS = (
    *("all", "exists", "exists_one", "filter", "map"),
    *("contains", "endsWith", "matches", "size", "startsWith"),
    *("days", "duration", "timestamp", "string", "int", "double"),
)
_TYPES = {
    "bool": "true or false",
    "string": "text",
    "int": "a whole number",
    "uint": "a whole number",
    "double": "a number",
    "duration": "a duration",
    "google.protobuf.Duration": "a duration",
    "google.protobuf.Timestamp": "a time",
    "null_type": "null",
}
_OPERATORS = {"@in": "in", "_[_]": "[ ]"}
_SLIPS = (
    (re.compile(r"\band\b"), "`and` is written `&&`"),
    (re.compile(r"\bor\b"), "`or` is written `||`"),
    (re.compile(r"\bnot\b"), "`not` is written `!`"),
    (re.compile(r"(?<![=!<>])=(?!=)"), "equality is written `==`"),
    (re.compile(r"(?<!&)&(?!&)"), "`and` is written `&&`"),
    (re.compile(r"(?<!\|)\|(?!\|)"), "`or` is written `||`"),
)


def explain(said: str, text: str, params: Iterable[str] = ()) -> list[Fault]:
    """The library's errors as faults; `params` are the names that the rule declares.

    Of syntax errors only the first is told: the others mostly follow from it.
    """
    faults = []
    for number, column, message in _ERROR.findall(said):
        fault = _explain_one(_STATUS.sub("", message), text, max(int(number), 1), max(int(column), 1), params)
        faults.append(fault)
        if fault.code == "rule-syntax":
            break
    return faults or [Fault(1, 1, _STATUS.sub("", said), "rule-syntax")]


def _explain_one(message: str, text: str, number: int, column: int, params: Iterable[str]) -> Fault:
    lines = text.split("\n")
    line = lines[number - 1] if number <= len(lines) else ""
    if found := _UNDECLARED.match(message):
        name = found[1]
        start = line.rfind(name, 0, column - 1 + len(name)) + 1 or column
        if line[column - 1 : column] == "(":
            return Fault(number, start, f"there is no function {name!r}", "unknown-function", _function_hint(name))
        if name.startswith("params."):
            return Fault(number, start, f"the rule declares no `{name}`", "unknown-param", _param_hint(name, params))
        return Fault(number, start, f"there is no field {name!r}", "unknown-field", _field_hint(name))
    if found := _OVERLOAD.match(message):
        operator, types = found[1], _split_types(found[2])
        return Fault(number, column, _misfit(operator, types), "rule-type", _type_hint(operator, types))
    if message.startswith("Syntax error"):
        return Fault(number, column, _syntax(message), "rule-syntax", _syntax_hint(text))
    return Fault(number, column, message, "rule-type")


def not_a_condition(text: str, type_name: str) -> Fault:
    """The condition has a value that is neither true nor false."""
    kind = type_name.lower()
    hint = _type_hint("_&&_", [kind])
    return Fault(1, 1, f"a condition has to be true or false, this is {_in_words(kind)}", "not-a-condition", hint)


def _field_hint(name: str) -> str:
    within = [field for field in FIELDS if field.startswith(f"{name}.") or field.endswith(f".{name}")]
    if len(within) > 1:
        return "it is one of " + ", ".join(within)
    if within:
        return f"did you mean {within[0]!r}?"
    return closest(name, FIELDS) or closest(name.lower(), ("true", "false")) or "docs/fields.md names every field"


def _param_hint(name: str, params: Iterable[str]) -> str:
    known = [f"params.{param}" for param in params]
    return closest(name, known) or (f"it declares {', '.join(known)}" if known else "declare it below `params:`")


def _function_hint(name: str) -> str:
    if name == "has":
        return "a condition on a field that is not known is undecided by itself; `if_unknown: alert` makes it alert"
    return closest(name, _FUNCTIONS)


def _split_types(types: str) -> list[str]:
    return re.findall(r"(?:[^,()]|\([^()]*\))+", types.replace(", ", ","))


def _in_words(kind: str) -> str:
    return "a list" if kind.startswith("list") else _TYPES.get(kind, kind)


def _misfit(operator: str, types: list[str]) -> str:
    if operator == "_?_:_":
        return "both sides of `:` have to be of one kind, and true or false has to stand before `?`"
    words = [_in_words(kind) for kind in types]
    name = _OPERATORS.get(operator, operator.strip("_"))
    if len(words) == 2 and operator.startswith(("_", "@")):
        return f"`{name}` does not work between {words[0]} and {words[1]}"
    return f"`{name}` does not work on {' with '.join(words) or 'nothing'}"


def _type_hint(operator: str, types: list[str]) -> str:
    has_list = any(kind.startswith("list") for kind in types)
    if operator in {"_&&_", "_||_", "!_"}:
        if has_list:
            return "`.size() > 0` asks whether a list has entries"
        return (
            "compare it with something, such as `> 0`" if {"int", "double"} & {*types} else "compare it with something"
        )
    if has_list and "string" in types:
        return '`"known" in spender.labels` asks whether a list has an entry'
    if "null_type" in types:
        return "a field that is not known is absent: the condition is undecided by itself"
    if "google.protobuf.Duration" in types:
        return 'a duration is written days(90) or duration("12h")'
    if "string" in types and {"int", "double", "bool"} & {*types}:
        return "numbers, true and false stand without quotation marks, texts within them"
    if {"int", "double"} == {*types}:
        return "write the whole number with a point, such as 2.0"
    return ""


def _syntax(message: str) -> str:
    if "missing ')'" in message:
        return "a closing parenthesis is missing"
    found = _SYNTAX.search(message)
    if found is None:
        return message.removeprefix("Syntax error: ")
    return "the condition ends too early" if found[1] == "<EOF>" else f"{found[1].strip()!r} does not fit here"


def _syntax_hint(text: str) -> str:
    bare = re.sub(_STRING, '""', text)
    return next((hint for slip, hint in _SLIPS if slip.search(bare)), "")


_CONSTANT = re.compile(
    rf"""(?P<call>\b(?:duration|timestamp)\(\s*{_STRING}\s*\)|\bdays\(\s*-?\d+\s*\))
    |\bmatches\(\s*(?P<pattern>{_STRING})\s*\)
    |(?P<field>\b[a-z]+\.[a-z_]+)\s*(?:[=!]=\s*(?P<one>{_STRING})|in\s*\[(?P<several>[^\]]*)\])
    |{_STRING}""",
    re.VERBOSE,
)


def mistaken_constants(text: str, error_of: Callable[[str], str | None]) -> list[Fault]:
    """Constants that can never work; `error_of` says what the library answers to an expression without fields."""
    return [
        Fault(text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset), message, "rule-constant", hint)
        for found in _CONSTANT.finditer(text)
        for offset, message, hint in _mistakes(found, error_of)
    ]


def _mistakes(found: re.Match[str], error_of: Callable[[str], str | None]) -> Iterator[tuple[int, str, str]]:
    if (call := found["call"]) and error_of(call):
        hint = 'write days(90), or h, m and s as in duration("12h30m")' if "duration" in call else ""
        yield found.start("call"), f"{call} has no meaning", hint
    if (pattern := found["pattern"]) and (said := error_of(f'"".matches({pattern})')):
        yield found.start("pattern"), _STATUS.sub("", said), "the regular expressions are RE2's"
    field = FIELDS.get(found["field"] or "")
    if field is None or not field.choices:
        return
    group = "one" if found["one"] else "several"
    for literal in re.finditer(_STRING, found[group]):
        value = literal[0].lstrip("rR")[1:-1]
        if value not in field.choices:
            hint = _choice_hint(field, value)
            yield found.start(group) + literal.start(), f"{field.name} is never {value!r}", hint


def _choice_hint(field: Field, value: str) -> str:
    if field.name == "chain.name":
        try:
            return f"the chain's name is {find_chain(value).name!r}"
        except UnknownChainError:
            return closest(value, field.choices)
    return closest(value, field.choices) or "it is one of " + ", ".join(field.choices)
