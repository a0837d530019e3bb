"""What it costs to ask the default rules, beside another implementation of the same language."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from importlib.metadata import version

import celpy
from celpy import celtypes
from celpy.adapter import json_to_cel
from celpy.evaluation import CELEvalError, Context

from benchmarks.far_side import owner
from benchmarks.figures import Figure, Goal, Sizes, spend
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

AT_ONCE = 2_000
"""Approvals whose facts are held in memory at a time."""

AT = datetime(2026, 1, 1, tzinfo=UTC)


async def figures(sizes: Sizes) -> Sequence[Figure]:
    """The default pack as scans ask it, and by itself the engine below it: each condition of the rules on states."""
    conditions = [rule.condition for rule in load([default_rules()]).rules if not rule.on]
    some = [_facts(number) for number in range(sizes.judged_by_floor)]
    programs = [_program(condition) for condition in conditions]
    said: list[list[Judgement]] = []
    floor = spend(lambda: said.extend(_theirs(programs, one) for one in some))
    assert said == [_ours(conditions, one) for one in some], "the two do not say the same"
    theirs = f"cel-python {version('cel-python')}, {len(conditions)} conditions on the facts of {len(some):,} approvals"
    bare = floor.cpu / len(some)
    # What a pack remembers of other approvals it has to learn in each run.
    packs = [load([default_rules()]) for _ in range(sizes.runs)]
    whole = statistics.median(_each(pack.judge, sizes.judged) for pack in packs)
    asked = statistics.median(_each(partial(_ours, conditions), sizes.judged) for _ in range(sizes.runs))
    return [
        Figure(
            f"default pack, {sizes.judged:,} approvals of which no two are the same: times as fast",
            theirs,
            bare / whole,
            "×",
            Goal(50, at_least=True),
            {"seconds_each": whole, "floor_seconds_each": bare},
        ),
        Figure(
            f"its {len(conditions)} conditions, each asked of each of {sizes.judged:,} approvals: times as fast",
            theirs,
            bare / asked,
            "×",
            parts={"seconds_each": asked, "floor_seconds_each": bare},
        ),
    ]


def _each(judge: Callable[[Facts], object], count: int) -> float:
    """Seconds of CPU time that it takes to judge an approval, of so many; to make its facts is not counted."""
    taken = 0.0
    for start in range(0, count, AT_ONCE):
        known = [_facts(number) for number in range(start, min(count, start + AT_ONCE))]
        taken += spend(partial(_judge_all, judge, known)).cpu
    return taken / count


def _judge_all(judge: Callable[[Facts], object], known: Sequence[Facts]) -> None:
    for one in known:
        judge(one)


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
