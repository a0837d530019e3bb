"""Money that moves, through the default pack and the life of alerts: no flapping, and what is unknown moves nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stock import default_pack
from strategies import minutes

from scanner.domain.alerts import ENDS, Alert, AlertState, Move, Severity, Transition, reconcile
from scanner.policy.rules import findings
from scanner.policy.trials import given_facts

PACK = default_pack()
BALANCES = ("exposure.usd", "exposure.first_usd", "balance.amount", "token.price_usd")
"""What can become unknown again. What was once said of a token's risk is kept."""


class Watch:
    """One approval, judged again and again by the whole pack; its alerts live as they do in the store."""

    def __init__(self, *, unlimited: bool = False, **known: object) -> None:
        self.same: Mapping[str, object] = {
            "allowance.unlimited": unlimited,
            **{name.replace("__", "."): value for name, value in known.items()},
        }
        self.alerts: list[Alert] = []
        self.rounds = 0

    def see(self, **known: object) -> list[Transition]:
        """Judge it with these facts about its money; the others of them are not known."""
        self.rounds += 1
        money = {name.replace("__", "."): value for name, value in known.items()}
        facts = given_facts({**self.same, **money}.items(), [])
        found = findings(PACK.judge(facts), approval="a1", facts=facts, proven=True)
        steps = reconcile(self.alerts, found, gone={}, baseline=(), at=minutes(self.rounds))
        now = {alert.id: alert for alert in self.alerts} | {step.alert.id: step.alert for step in steps}
        self.alerts = [alert for alert in now.values() if alert.state is not AlertState.RESOLVED]
        return steps

    @property
    def severity(self) -> Severity | None:
        """How bad its one alert is."""
        assert len(self.alerts) <= 1
        return self.alerts[0].severity if self.alerts else None


def moves(steps: Sequence[Transition]) -> list[tuple[Move, Severity]]:
    return [(step.move, step.alert.severity) for step in steps]


def test_money_that_grows_is_one_alert_that_worsens() -> None:
    watch = Watch()
    told = [moves(watch.see(exposure__usd=float(usd))) for usd in (50, 5_000, 50_000, 500_000, 50)]
    assert told == [
        [],
        [(Move.OPENED, Severity.MEDIUM)],
        [(Move.WORSENED, Severity.HIGH)],
        [(Move.WORSENED, Severity.CRITICAL)],
        [(Move.RESOLVED, Severity.CRITICAL)],
    ]


def test_an_acknowledged_alert_is_open_again_when_money_makes_it_worse() -> None:
    watch = Watch(unlimited=True, spender__name="")
    watch.see(exposure__usd=5.0)
    watch.alerts = [replace(alert, state=AlertState.ACKNOWLEDGED) for alert in watch.alerts]
    (step,) = watch.see(exposure__usd=5_000.0)
    assert (step.move, step.alert.state, step.alert.severity) == (Move.WORSENED, AlertState.OPEN, Severity.CRITICAL)
    assert step.alert.values is not None
    assert step.alert.values["exposure.real_usd"] == "5,000"


def test_money_that_arrives_under_an_old_approval_alerts() -> None:
    watch = Watch(unlimited=True)
    watch.see(exposure__usd=0.0, exposure__first_usd=0.0)
    (step,) = watch.see(exposure__usd=20_000.0, exposure__first_usd=0.0)
    assert (step.alert.rule, step.move, step.alert.severity) == ("exposure-grown", Move.OPENED, Severity.HIGH)
    assert watch.see(exposure__usd=9_000.0, exposure__first_usd=0.0) == []


OWN = st.fixed_dictionaries(
    {
        "unlimited": st.booleans(),
        "spender__name": st.sampled_from(["", "Uniswap"]),
        "spender__labels": st.sampled_from([[], ["known"], ["trusted"], ["exploited"]]),
    }
)
DOLLARS = st.sampled_from([0.0, 79.0, 90.0, 101.0, 850.0, 1_001.0, 9_000.0, 10_001.0, 90_000.0, 100_001.0])
MONEY = st.fixed_dictionaries(
    {
        "exposure__usd": DOLLARS,
        "exposure__first_usd": DOLLARS,
        "balance__amount": st.sampled_from([0.0, 7.0]),
        "token__price_usd": st.just(2.0),
        "token__risk": st.booleans(),
    }
)


@given(OWN, st.lists(MONEY, max_size=5), st.sets(st.sampled_from([name.replace(".", "__") for name in BALANCES])))
def test_what_becomes_unknown_neither_opens_nor_resolves_nor_moves_anything(
    own: dict[str, object], history: list[dict[str, object]], lost: set[str]
) -> None:
    watch = Watch(**own)  # type: ignore[arg-type]  # - the strategy gives a truth for `unlimited`
    for money in history:
        watch.see(**money)
    last = history[-1] if history else {}
    watch.see(**last)
    assert watch.see(**{name: value for name, value in last.items() if name not in lost}) == []
    assert watch.see() == []


STEPS = ((100, Severity.LOW), (1_000, Severity.MEDIUM), (10_000, Severity.HIGH), (100_000, Severity.CRITICAL))


@given(st.lists(st.none() | DOLLARS | st.floats(0, 200_000), max_size=12))
def test_a_severity_climbs_over_a_threshold_and_falls_a_fifth_below_it(history: list[float | None]) -> None:
    watch = Watch()
    level = 0
    for usd in history:
        steps = watch.see(exposure__usd=usd)
        if usd is not None:
            level = max(sum(usd > over for over, _ in STEPS), min(level, sum(usd >= over * 0.8 for over, _ in STEPS)))
        assert watch.severity == (STEPS[level - 1][1] if level else None)
        assert len(steps) <= 1


@given(
    st.sampled_from([over for over, _ in STEPS]),
    st.lists(st.floats(0.8, 1), min_size=1, max_size=10),
    st.booleans(),
)
def test_a_price_that_trembles_below_a_threshold_does_nothing(
    over: float, trembling: list[float], above_first: bool
) -> None:
    watch = Watch()
    watch.see(exposure__usd=over * (1.01 if above_first else 0.8))
    for part in trembling:
        assert watch.see(exposure__usd=over * part) == []


@pytest.mark.parametrize("unlimited", [True, False])
def test_an_alert_hands_over_when_the_allowance_or_the_lists_change(unlimited: bool) -> None:
    watch = Watch(unlimited=unlimited)
    watch.see(exposure__usd=5_000.0, exposure__first_usd=5_000.0)
    others: list[dict[str, object]] = [
        {"allowance.unlimited": not unlimited},
        {"spender.labels": ["known"]},
        {"spender.labels": []},
    ]
    for other in others:
        watch.same = {**watch.same, **other}
        steps = watch.see(exposure__usd=5_000.0, exposure__first_usd=5_000.0)
        assert sorted(step.move in ENDS for step in steps) == [False, True]
        assert len(watch.alerts) == 1
