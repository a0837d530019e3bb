"""`rules`: which are in force, and what is wrong with those that are not. Works without a configuration."""

from typing import TYPE_CHECKING

import typer

from scanner.cli.console import configuration_or_none, now, show
from scanner.cli.options import Form, FormName, group
from scanner.cli.rules_backtest import backtest
from scanner.cli.rules_check import check
from scanner.cli.rules_explain import explain
from scanner.cli.rules_schema import schema
from scanner.cli.rules_test import run_tests

if TYPE_CHECKING:
    from scanner.formats.documents import Rules
    from scanner.policy.engine import Condition
    from scanner.policy.rules import Pack

__all__ = ["rules"]

rules = group("List the rules in force; check, try, explain or replay them.")
rules.command("backtest")(backtest)
rules.command("check")(check)
rules.command("explain")(explain)
rules.command("schema")(schema)
rules.command("test")(run_tests)


@rules.command("list")
def list_rules(context: typer.Context, form: Form = FormName.TABLE) -> None:
    """List the rules in force: the default pack's and your own."""
    from scanner.packs import load_pack

    show(_document(load_pack(configuration_or_none(context), now())), form)


def _document(pack: "Pack") -> "Rules":
    from collections import Counter

    from scanner.formats.documents import GradeEntry, ParamEntry, RuleEntry, Rules
    from scanner.policy.params import param_type, written

    exceptions = Counter(exemption.rule for exemption in pack.exemptions)
    entries = (
        RuleEntry(
            id=rule.id,
            title=rule.title,
            severity=rule.severity.value,
            on=tuple(sorted(kind.value for kind in rule.on)),
            when=rule.when,
            why=rule.why,
            fix=rule.fix,
            noise=rule.noise,
            fields=rule.fields_read,
            tests=len(rule.tests),
            file=rule.place.file,
            line=rule.place.line,
            until=_text(rule.until),
            grades=tuple(
                GradeEntry(grade.severity.value, grade.condition.text.strip(), _text(grade.until))
                for grade in rule.grades
            ),
            params=tuple(
                ParamEntry(name, param_type(value).value, written(value)) for name, value in rule.params.items()
            ),
            exceptions=exceptions[rule.id],
        )
        for rule in sorted(pack.rules, key=lambda rule: (-rule.severity.rank, rule.id))
    )
    return Rules(rules=tuple(entries), problems=len(pack.problems))


def _text(condition: "Condition | None") -> str | None:
    return None if condition is None else condition.text.strip()
