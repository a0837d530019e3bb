"""The facts of a past moment, from the words in which an alert keeps them.

Words are short: long numbers and durations have lost their ends. So what a rule makes of them is believed only where it
is what the alert was told as.
"""

from collections.abc import Mapping
from datetime import timedelta

from scanner.domain.alerts import Alert, Judgement
from scanner.domain.explanation import Explanation
from scanner.policy.engine import known_facts
from scanner.policy.explaining import explain
from scanner.policy.fields import FIELDS, Facts, FieldType
from scanner.policy.rules import Rule

__all__ = ["explain_then", "remembered"]

_TRUTHS = {"yes": True, "no": False}
_UNITS = {"day": 86_400, "hour": 3_600, "minute": 60, "second": 1}


def explain_then(rule: Rule, alert: Alert, kind: str | None = None) -> Explanation | None:
    """What the rule makes of the values that an alert was opened or last graded with; `kind` is that of its change.

    None where these are not kept, or where the rule as it is now does not make the same alert of them.
    """
    if alert.values is None or set(alert.values) != set(rule.fields_read):
        return None
    facts = {**remembered(alert.values), **({} if kind is None else {"change.kind": kind})}
    verdict = rule.judge(known_facts(facts))
    open_ = verdict.judgement in {Judgement.HOLDS, Judgement.LINGERS}
    return explain(rule, facts) if open_ and alert.severity in {verdict.severity, verdict.lingers} else None


def remembered(values: Mapping[str, str]) -> Facts:
    """The facts that these words say, as far as they say it: the other way of `fields.in_words`."""
    found = {name: _value(FIELDS[name].type, said) for name, said in values.items() if name in FIELDS}
    return {name: value for name, value in found.items() if value is not None}


def _value(kind: FieldType, said: str) -> object | None:
    try:
        match kind:
            case FieldType.TRUTH:
                return _TRUTHS.get(said)
            case FieldType.TEXT:
                return "" if said == "none" else said
            case FieldType.TEXTS:
                return [] if said == "none" else said.split(", ")
            case FieldType.COUNT:
                return int(said)
            case FieldType.NUMBER:
                return float(said.replace(",", ""))
            case FieldType.DURATION:
                count, unit = said.split(" ")
                return timedelta(seconds=int(count) * _UNITS[unit.removesuffix("s")])
    except (ValueError, KeyError):
        return None
