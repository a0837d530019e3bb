"""What a rule can never say, as far as its conditions show: a rule that passes the check must mean something."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scanner.domain.changes import ChangeKind
from scanner.places import Path
from scanner.policy.engine import Condition
from scanner.policy.possible import COMPARED, FALSE, TRUE, UNKNOWN, Wanted, constant_of, names_of, possible
from scanner.policy.rules import IfUnknown, Rule
from scanner.policy.syntax import Call, Constant, Name, Node, parse_checked

__all__ = ["Flaw", "flaws"]


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something in a sound rule that can have no effect, or always has the same.

    `steps` lead to it within the rule. `harmless` means that the rule still does what it says.
    """

    steps: Path
    message: str
    code: str
    hint: str = ""
    harmless: bool = False


def flaws(rule: Rule, on: Sequence[ChangeKind] = ()) -> Iterator[Flaw]:
    """Everything in a rule that can never be reached, or that it always says. `on` are its changes as written."""
    when = _tree(rule.condition)
    # Whoever alerts on what is unknown may well ask for what cannot be: then only the unknown alerts.
    asks = rule.if_unknown is IfUnknown.IGNORE
    if asks and not possible([(when, TRUE)]):
        yield Flaw(("when",), "this can never hold", "never-holds", _blame(when))
        return
    if asks and any(name.startswith("change.") for name in rule.condition.reads):
        for index, kind in enumerate(on):
            if not possible([(when, TRUE)], kind):
                said = f"`when` can never hold for a change of the kind `{kind}`"
                yield Flaw(("on", index), said, "unreachable-on", "leave it out, or mend the condition")
    if not rule.on and not possible([(when, FALSE)]):
        known = ", where it is known" if possible([(when, UNKNOWN)]) else ""
        yield Flaw(("when",), f"this holds for every approval{known}", "always-holds", harmless=True)
    yield from _unreached(rule, when)
    yield from _endless(rule)


def _unreached(rule: Rule, when: Node) -> Iterator[Flaw]:
    """The grades that no alert of the rule can have."""
    opens = TRUE | UNKNOWN if rule.if_unknown is IfUnknown.ALERT else TRUE
    states: list[list[Wanted]] = [[(when, opens)]]
    if rule.until is not None:
        states.append([(when, FALSE), (_tree(rule.until), FALSE | UNKNOWN)])
    trees = [_tree(grade.condition) for grade in rule.grades]
    for index, tree in enumerate(trees):
        steps: Path = ("grades", index, "when")
        if not any(possible([*state, (tree, TRUE)]) for state in states):
            hint = _blame(tree, *states[0])
            yield Flaw(steps, "where the rule holds, this grade can never be reached", "unreachable-grade", hint)
            continue
        worse = [(other, FALSE | UNKNOWN) for other in trees[index + 1 :]]
        if not any(possible([*state, (tree, TRUE), *worse]) for state in states):
            hint = "the worst grade that holds counts"
            yield Flaw(steps, "a worse grade holds wherever this one does", "unreachable-grade", hint)


def _endless(rule: Rule) -> Iterator[Flaw]:
    ends: list[tuple[Path, Condition | None]] = [(("until",), rule.until)]
    ends += [(("grades", index, "until"), grade.until) for index, grade in enumerate(rule.grades)]
    for steps, until in ends:
        tree = None if until is None else _tree(until)
        # Whoever writes `false` means it.
        if tree is not None and tree != Constant(value=False) and not possible([(tree, TRUE)]):
            yield Flaw(steps, "this can never hold, so nothing ends by it", "never-ends", _blame(tree), harmless=True)


def _blame(tree: Node, *others: Wanted) -> str:
    """Which field alone keeps conditions from holding; "" where it takes several, or none."""
    wanted = [(tree, TRUE), *others]
    for variable in dict.fromkeys(name for node, _ in wanted for name in names_of(node)):
        if possible(wanted, loose=variable):
            signed = any(_is_signed(node, variable) for node, _ in wanted)
            return f"no value of {variable} fits" + (": it is never negative" if signed else "")
    return ""


def _is_signed(node: Node, name: str) -> bool:
    """Whether a field that is never negative is held against 0 or less."""
    match node:
        case Call(operator, (left, right)) if operator in COMPARED:
            constant = constant_of(left) if right == Name(name) else constant_of(right) if left == Name(name) else None
            return isinstance(constant, int | float) and not isinstance(constant, bool) and constant <= 0
        case Call(_, arguments):
            return any(_is_signed(argument, name) for argument in arguments)
        case _:
            return False


def _tree(condition: Condition) -> Node:
    return parse_checked(condition.expression.serialize())
