"""CEL: compiles a condition against the registry of fields, and decides it for one approval's facts.

The library's own ways, which this module is built around: an evaluation never raises but gives an error *value*,
whose plain value is a text; a variable left out gives such a value, which `||` and `&&` absorb where the other side
decides. So "undecided" is whatever is neither True nor False.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from typing import TypeAlias

from cel_expr_python import cel

from scanner.domain.alerts import Judgement
from scanner.policy.faults import Fault, explain, mistaken_constants, not_a_condition
from scanner.policy.fields import FIELDS, FieldType
from scanner.policy.params import NO_PARAMS, Params, bind, param_type, unbound_column

__all__ = ["Condition", "Known", "compile_condition", "known_facts", "reads", "value_of"]

Known: TypeAlias = cel.Activation
"""The facts of one approval, made ready for conditions."""

_TYPES = {
    FieldType.TRUTH: cel.Type.BOOL,
    FieldType.TEXT: cel.Type.STRING,
    FieldType.TEXTS: cel.Type.List(cel.Type.STRING),
    FieldType.COUNT: cel.Type.INT,
    FieldType.NUMBER: cel.Type.DOUBLE,
    FieldType.DURATION: cel.Type.DURATION,
}

# The stock checker refuses to compare a whole number with a double, though the runtime can. The operators are taken
# out of the library and declared again, with the mixed pairs.
_ORDER = {"_>_": "greater", "_<_": "less", "_>=_": "greater_equals", "_<=_": "less_equals"}
_EQUALITY = {"_==_": "equals", "_!=_": "not_equals"}
_NUMBERS = {"int64": cel.Type.INT, "uint64": cel.Type.UINT, "double": cel.Type.DOUBLE}
_ORDERED = {
    "string": cel.Type.STRING,
    "bool": cel.Type.BOOL,
    "bytes": cel.Type.BYTES,
    "timestamp": cel.Type.TIMESTAMP,
    "duration": cel.Type.DURATION,
}
_LISTS = {f"list_{name}": cel.Type.List(kind) for name, kind in (*_NUMBERS.items(), ("string", cel.Type.STRING))}

# `has(token.risk)` would mean the field's value, not whether it is known: the macro does not see dotted names.
_LIBRARY = "stdlib:\n  exclude_macros:\n    - has\n  exclude_functions:\n" + "".join(
    f'    - name: "{operator}"\n' for operator in (*_ORDER, *_EQUALITY)
)


def _comparison(operator: str, name: str, others: Mapping[str, object]) -> cel.FunctionDecl:
    pairs = {
        f"{name}_{a}" if a == b else f"{name}_{a}_{b}": (_NUMBERS[a], _NUMBERS[b]) for a in _NUMBERS for b in _NUMBERS
    }
    pairs |= {f"{name}_{kind}": (type_, type_) for kind, type_ in others.items()}
    return cel.FunctionDecl(
        operator, [cel.Overload(key, return_type=cel.Type.BOOL, parameters=[*pair]) for key, pair in pairs.items()]
    )


@cache
def _environment(without: str = "", params: tuple[tuple[str, FieldType], ...] = ()) -> cel.Env:
    """The fields, operators and functions that a condition may use; `without` leaves one field undeclared."""
    days = cel.Overload(
        "days_int", return_type=cel.Type.DURATION, parameters=[cel.Type.INT], impl=lambda count: timedelta(days=count)
    )
    return cel.NewEnv(
        config=cel.NewEnvConfigFromYaml(_LIBRARY),
        variables={
            **{name: _TYPES[known.type] for name, known in FIELDS.items() if name != without},
            **{f"params.{name}": _TYPES[type_] for name, type_ in params},
        },
        functions=[
            *(_comparison(operator, name, _ORDERED) for operator, name in _ORDER.items()),
            *(_comparison(operator, name, {**_ORDERED, **_LISTS}) for operator, name in _EQUALITY.items()),
            cel.FunctionDecl("days", [days]),
        ],
    )


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition: its text, and the fields that it reads, sorted.

    `bound` is the text with the values of its params in their places: what is run, and what means the same by itself.
    """

    text: str
    reads: tuple[str, ...]
    expression: cel.Expression = field(repr=False, compare=False)
    bound: str = ""

    def judge(self, known: Known) -> Judgement:
        """Decide it for the facts that `known_facts` made ready."""
        outcome = self.expression.eval(known).plain_value()
        if outcome is True:
            return Judgement.HOLDS
        return Judgement.FAILS if outcome is False else Judgement.UNDECIDED


def known_facts(facts: Mapping[str, object]) -> Known:
    """One approval's facts made ready for any number of conditions, in the thread in which this was called."""
    return _environment().Activation(facts)


def compile_condition(text: str, params: Params = NO_PARAMS) -> Condition | list[Fault]:
    """A condition that may read these params, or everything that is wrong with its text."""
    declared = tuple((name, param_type(value)) for name, value in params.items())
    try:
        expression = _environment(params=declared).compile(text)
    except RuntimeError as error:
        return explain(str(error), text, params)
    if expression.return_type() != cel.Type.BOOL:
        return [not_a_condition(text, expression.return_type().name())]
    bound = bind(text, params)
    faults = mistaken_constants(text, _constant_error) or [
        replace(fault, column=unbound_column(text, params, fault.line, fault.column))
        for fault in mistaken_constants(bound, _constant_error)
    ]
    if faults:
        return faults
    read = tuple(name for name in sorted(FIELDS) if reads(bound, name))
    return Condition(text, read, _environment().compile(bound), bound)


@cache
def reads(text: str, name: str) -> bool:
    """Whether a sound condition, or a part of one, needs a field: without its declaration it no longer compiles."""
    if name.rpartition(".")[2] not in text:
        return False
    try:
        _environment(name).compile(text)
    except RuntimeError:
        return True
    return False


def value_of(text: str, facts: Mapping[str, object]) -> object | None:
    """What a part of a sound condition, of whatever type, comes to; None where that is not known."""
    expression = _part(text)
    value = None if expression is None else expression.eval(known_facts(facts))
    return None if value is None or value.type() == cel.Type.ERROR else value.plain_value()


@cache
def _part(text: str) -> cel.Expression | None:
    """A part of a condition, ready to be asked; None where it makes no sense by itself."""
    try:
        return _environment().compile(text)
    except RuntimeError:
        return None


def _constant_error(expression: str) -> str | None:
    """What the library says of an expression without fields, or None where it has a value."""
    value = _environment().compile(expression).eval()
    return str(value.plain_value()) if value.type() == cel.Type.ERROR else None
