"""Hand-made documents about rules."""

from shown import GRAVE, PLAIN, REPORT, before

from scanner.domain.explanation import (
    ConditionEntry,
    Explanation,
    FlipEntry,
    OperandEntry,
    ValueEntry,
    WayEntry,
)
from scanner.formats.backtests import DifferenceEntry, EpisodeEntry, RuleBacktest
from scanner.formats.documents import (
    Backtest,
    Checked,
    Document,
    ExceptionEntry,
    Explained,
    GradeEntry,
    ParamEntry,
    RuleEntry,
    Rules,
    SilenceEntry,
    TrialEntry,
    Trials,
)
from scanner.formats.flaws import FlawEntry

__all__ = ["EXPLANATION", "RULED"]

EXPLANATION = Explanation(
    rule="much-money",
    title="Much money within reach",
    judgement="fails",
    severity="low",
    said=("It does not hold.",),
    values=(
        ValueEntry("exposure.usd", "4,210"),
        ValueEntry("token.risk", "unknown", "until the source says something of the token"),
    ),
    conditions=(
        ConditionEntry(
            kind="when",
            severity=None,
            text="exposure.usd >= 10000 && !token.risk",
            outcome="fails",
            tree=OperandEntry(
                "exposure.usd >= 10000 && !token.risk",
                "all",
                "fails",
                operands=(
                    OperandEntry("exposure.usd >= 10000", "test", "fails", "exposure.usd is 4,210"),
                    OperandEntry(
                        "!token.risk",
                        "not",
                        "undecided",
                        operands=(OperandEntry("token.risk", "test", "undecided", "token.risk is not known"),),
                    ),
                ),
            ),
            ways=(
                WayEntry(
                    "holds",
                    (
                        FlipEntry("exposure.usd >= 10000", "holds", "exposure.usd is 4,210; it has to be more"),
                        FlipEntry("token.risk", "fails", "token.risk is not known; it would have to be no"),
                    ),
                ),
            ),
        ),
        ConditionEntry(
            kind="until",
            severity="critical",
            text="exposure.usd < 8000",
            outcome="holds",
            tree=OperandEntry("exposure.usd < 8000", "test", "holds", "exposure.usd is 4,210"),
        ),
    ),
)

RULED: dict[str, Document] = {
    "explained": Explained(
        approval=GRAVE,
        explanation=EXPLANATION,
        alerts=REPORT.alerts[:1],
        silenced={REPORT.alerts[0].id: "S-01234567"},
        silences=(
            SilenceEntry(
                "S-01234567", {"rule": "much-money"}, False, "kim", "we are on it", before(days=1), before(days=-1)
            ),
            SilenceEntry(
                "S-89ABCDEF", {"rule": "much-money"}, True, "lee", "too loud", before(days=1), before(days=-2)
            ),
        ),
        excepted=ExceptionEntry(("owner", "spender"), "our own settlement", None, "config.yaml:9:5"),
        notes=("An exception keeps the rule silent about it.",),
    ),
    "rules": Rules(
        rules=(
            RuleEntry(
                id="allowance-increased",
                title="Allowance was raised",
                severity="medium",
                on=("increased",),
                when="true",
                why="More can be taken than before.",
                fix="Lower it.",
                fields=(),
                tests=2,
                file="rules/changes.yaml",
                line=3,
            ),
            RuleEntry(
                id="much-money",
                title="Much money within reach",
                severity="low",
                on=(),
                when="exposure.usd > 100",
                why="It can be taken.",
                fix="Revoke it.",
                fields=("exposure.usd",),
                tests=4,
                file="rules/exposure.yaml",
                line=3,
                until="exposure.usd < 80",
                grades=(
                    GradeEntry("medium", "exposure.usd > 1000"),
                    GradeEntry("critical", "exposure.usd > 9000", "exposure.usd < 8000"),
                ),
                params=(ParamEntry("age", "duration", "90d"), ParamEntry("names", "list of texts", "[a, b]")),
                exceptions=2,
            ),
        ),
        problems=1,
    ),
    "trials": Trials(
        passed=1,
        failed=1,
        seconds=0.25,
        tests=(
            TrialEntry(
                kind="scenario",
                subject="A stranger in a hurry",
                title="step 2: everything",
                file="hurry.yaml",
                line=31,
                passed=False,
                seconds=0.2,
                expected=("alerts: alert opened, rule a, severity high",),
                found=("alerts: alert opened, rule a, severity critical",),
                facts=("a treasury usdt stranger: exposure.usd 9,000",),
            ),
            TrialEntry("rule", "a", "=nothing is held", "a.yaml", 4, True, 0.05),
        ),
    ),
    "checked": Checked(
        rules=21,
        flaws=(
            FlawEntry(
                "warning", "no-why", "mine has no `why`", "one sentence on the danger", "r.yaml", 2, 5, "  - id: mine"
            ),
            FlawEntry(
                "problem",
                "unknown-field",
                "there is no field 'exposre.usd'",
                "did you mean 'exposure.usd'?",
                "r.yaml",
                5,
                44,
                "    when: allowance.unlimited && ( true || exposre.usd > 100 ) && spender.labels.size() == 0",
            ),
            FlawEntry("problem", "rules-unreadable", "the folder cannot be read", None, "rules", None, None, None),
        ),
    ),
    "backtest": Backtest(
        since=before(days=90),
        until=before(),
        lived=340,
        scans=2160,
        rules=(
            RuleBacktest("much-money", "Much money within reach", 2, 3, 2, 1, 1, 2, 3),
            RuleBacktest("gone-by-now", "A rule of old", 1, 0, 0, 1, 0, 1, 0),
        ),
        differences=(
            DifferenceEntry(
                "new",
                "much-money",
                "Much money within reach",
                "grave",
                False,
                None,
                EpisodeEntry("high", before(days=9), None),
            ),
            DifferenceEntry(
                "gone",
                "gone-by-now",
                "=A rule of old",
                "grave",
                True,
                EpisodeEntry("low", before(days=20), before(days=19), "AW-0000000003"),
                None,
            ),
            DifferenceEntry(
                "changed",
                "much-money",
                "Much money within reach",
                "plain",
                False,
                EpisodeEntry("low", before(days=30), before(days=3), "AW-0000000004"),
                EpisodeEntry("critical", before(days=31), before(days=3)),
            ),
        ),
        approvals=(GRAVE, PLAIN),
        messages={"mail": 2, "ops": 3},
        messages_would={"ops": 4},
    ),
}
"""One document of every kind that the `rules` commands print."""
