"""What may be written in a rule file: every key, what it means, and which are needed."""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["GRADE_KEYS", "RULE_KEYS", "TEST_KEYS", "Key"]


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a mapping in a rule file."""

    name: str
    meaning: str
    needed: bool = False


def _keys(*keys: Key) -> Mapping[str, Key]:
    return {key.name: key for key in keys}


RULE_KEYS = _keys(
    Key("id", "The rule's name: letters, digits and single hyphens. Alerts are known by it", needed=True),
    Key("title", "What an alert is called", needed=True),
    Key("severity", "How bad it is, at least", needed=True),
    Key("when", "The condition, in CEL", needed=True),
    Key("until", "When an open alert is over, instead of as soon as `when` no longer holds"),
    Key("grades", "What makes it worse than `severity`, each worse than the one before it"),
    Key("on", "The kinds of change that the rule is about; without it the rule describes a state"),
    Key("why", "The danger, in one sentence"),
    Key("fix", "The remedy, in one sentence"),
    Key("noise", "When it is a false alarm, in one sentence"),
    Key("if_unknown", "What comes of a condition that cannot be decided; `ignore` unless it says `alert`"),
    Key("params", "Thresholds by name, which conditions read as `params.NAME` and a configuration can change"),
    Key("exceptions", "Which fields an exception from this rule has to name"),
    Key("tests", "What the rule has to say of which approvals"),
)

GRADE_KEYS = _keys(
    Key("severity", "How bad it is there", needed=True),
    Key("when", "When it is that bad, in CEL", needed=True),
    Key("until", "When it is that bad no longer, instead of as soon as `when` does not hold"),
)

TEST_KEYS = _keys(
    Key("name", "What the test shows", needed=True),
    Key("given", "What is special about the approval, by field; the rest is that of a plain one", needed=True),
    Key("expect", "What the rule has to say: an alert is open afterwards, none is, or nothing is decided", needed=True),
    Key("severity", "How bad the alert has to be afterwards"),
    Key("open", "The alert is open already: `true`, or the severity that it has"),
)
