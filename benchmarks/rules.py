"""What it costs to ask the default rules, beside another implementation of the same language."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.metadata import version

import celpy
from celpy import celtypes
from celpy.adapter import json_to_cel
from celpy.evaluation import CELEvalError, Context

from benchmarks.far_side import owner
from benchmarks.figures import Figure, Goal, Sizes, median, spend
from scanner.domain.alerts import Judgement
from scanner.domain.approvals import Allowance, Approval, Spender, Target, Token
from scanner.domain.changes import Held
from scanner.domain.exposure import UNVALUED, Exposure
from scanner.domain.lists import NOBODY, Standing
from scanner.domain.surroundings import Surroundings
from scanner.policy.engine import Condition, known_facts
from scanner.policy.fields import Facts, facts
from scanner.policy.loading import default_rules, load

__all__ = ["figures"]

DISTINCT = 2_000
"""Approvals that differ; they come again and again."""

AT = datetime(2026, 1, 1, tzinfo=UTC)


async def figures(sizes: Sizes) -> Sequence[Figure]:
    """Every condition of the default pack's rules on states, once for each approval."""
    pack = load([default_rules()])
    conditions = [rule.condition for rule in pack.rules if not rule.on]
    distinct = [_facts(number) for number in range(min(DISTINCT, sizes.judged))]
    known = [distinct[number % len(distinct)] for number in range(sizes.judged)]
    said: list[list[Judgement]] = []
    taken = [spend(lambda: [_ours(conditions, one) for one in known]) for _ in range(sizes.runs)]
    programs = [_program(condition) for condition in conditions]
    some = known[: sizes.judged_by_floor]
    floor = spend(lambda: said.extend(_theirs(programs, one) for one in some))
    assert said == [_ours(conditions, one) for one in some], "the two do not say the same"
    each = median(taken).cpu / sizes.judged
    bare = floor.cpu / len(some)
    whole = spend(lambda: [pack.judge(one) for one in known])
    return [
        Figure(
            f"default pack ({len(conditions)} conditions), {sizes.judged:,} approvals: times as fast",
            f"cel-python {version('cel-python')} on the same facts, of {len(some):,} approvals",
            bare / each,
            "×",
            Goal(50, at_least=True),
            {"seconds_each": each, "floor_seconds_each": bare, "pack_seconds_each": whole.cpu / sizes.judged},
        )
    ]


def _facts(number: int) -> Facts:
    """What is known of one approval: most to known spenders, some unlimited, some worth nothing that is known."""
    raw = 2**256 - 1 if number % 3 == 0 else 10**18 + number
    approval = Approval(
        "1", owner(number), Token(owner(number % 90), f"TKN{number % 90}"), _spender(number), Allowance(raw)
    )
    began = AT - timedelta(days=number % 400)
    worth = Exposure(Decimal(2), Decimal(number), Decimal(2), Decimal(2 * number), number % 3 == 0, risk=False)
    beside = Surroundings(
        exposure=worth if number % 4 else UNVALUED,
        first_usd=Decimal(number),
        spender=NOBODY if number % 20 == 0 else Standing(("known",), "Router"),
    )
    return facts(
        Held(approval, began, began, began),
        target=Target("1", owner(number), "treasury", ("cold",)),
        spender_approvals=number % 300,
        spender_owners=number % 70,
        beside=beside,
        at=AT,
    )


def _spender(number: int) -> Spender:
    return Spender(owner(number % 50), None if number % 20 == 0 else f"Project {number % 50}")


def _ours(conditions: Sequence[Condition], known: Facts) -> list[Judgement]:
    ready = known_facts(known)
    return [condition.judge(ready) for condition in conditions]


Program = Callable[[Context], object]


def _program(condition: Condition) -> Program:
    environment = celpy.Environment()
    program: Program = environment.program(environment.compile(condition.bound), functions={"days": _days}).evaluate
    return program


def _days(count: celtypes.Value, *_: celtypes.Value) -> celtypes.Value:
    return celtypes.DurationType(seconds=int(str(count)) * 86_400)


def _theirs(programs: Sequence[Program], known: Facts) -> list[Judgement]:
    ready = _nested(known)
    return [_said(program, ready) for program in programs]


def _said(program: Program, ready: Context) -> Judgement:
    try:
        said = program(ready)
    except CELEvalError:
        return Judgement.UNDECIDED
    return Judgement.HOLDS if said else Judgement.FAILS


def _nested(known: Mapping[str, object]) -> Context:
    """The facts as the other implementation takes them: an object for each first word, and every number a double."""
    found: dict[str, celtypes.MapType] = {}
    for name, value in known.items():
        room, _, field = name.partition(".")
        found.setdefault(room, celtypes.MapType())[celtypes.StringType(field)] = _value(value)
    return found


def _value(value: object) -> celtypes.Value:
    match value:
        case bool() | str() | float() | list():
            return json_to_cel(value)
        case int():
            return celtypes.DoubleType(value)
        case timedelta():
            return celtypes.DurationType(value)
        case _:
            raise TypeError(value)
