"""What holds for every set of notices and every channel."""

import re
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st
from owed import WALLET, approval, due

from scanner.delivery.frame import repeated
from scanner.delivery.messages import LEAST_BUDGET, compose
from scanner.delivery.words import size
from scanner.domain.alerts import Move, Severity
from scanner.domain.approvals import Target, Token
from scanner.domain.messages import Due, FirstReading

MOVES = st.sampled_from([Move.OPENED, Move.OPENED, Move.WORSENED, Move.REMINDED, Move.RESOLVED, Move.UNWATCHED])
NAMES = st.text(max_size=70)


@st.composite
def notices(draw: st.DrawFn) -> list[Due]:
    """Notices of one channel: some about the same alert, some alerts of the same approval."""
    found = []
    severities: dict[int, Severity] = {}
    for seq in range(1, draw(st.integers(1, 25)) + 1):
        alert = draw(st.integers(1, 20))
        severity = severities.setdefault(alert, draw(st.sampled_from(list(Severity)[1:])))
        row = approval(alert // 3, token=Token("0x" + "a" * 40, draw(NAMES), draw(st.none() | st.integers(0, 80))))
        found.append(
            due(
                seq,
                severity=severity,
                what=draw(MOVES),
                of=row,
                alert=alert,
                title=f"{draw(st.text(max_size=150))}.",
                target=Target("1", WALLET.owner, draw(NAMES)),
                reading=draw(st.sampled_from(["scan", None])),
                told=draw(st.booleans()),
            )
        )
    return found


BUDGETS = st.integers(LEAST_BUDGET, 1000) | st.integers(1000, 6000)


@given(notices(), BUDGETS)
@settings(max_examples=150, deadline=None)
def test_every_alert_is_named_or_counted_within_the_budget(dues: list[Due], budget: int) -> None:
    ids = count(10**15)
    packed = compose(dues, budget, lambda: str(next(ids)), {"scan": FirstReading(250, 3)})

    for message in packed:
        assert size(message.title) + size("\n") + size(repeated(message.body)) <= budget
        assert message.body.splitlines()[-1] == f"ref {message.id}"
        assert repeated(message.body).splitlines()[-2:] == ["(possible repeat)", f"ref {message.id}"]
        assert len(message.title.splitlines()) <= 1
    assert len({message.id for message in packed}) == len(packed)

    told = sorted(seq for message in packed for seq in message.notices)
    assert told == sorted(one.seq for one in dues), "each notice is in exactly one message"

    alerts = {one.alert.id: one.alert for one in dues}
    named = [found for message in packed for found in re.findall(r"AW-[0-9A-F]{10}", message.body)]
    assert len(named) == len(set(named)), "no alert is named twice"
    critical = {name for name, alert in alerts.items() if alert.severity is Severity.CRITICAL}
    assert critical <= set(named)
    counted = sum(
        int(more) for message in packed for more in re.findall(r"^and (\d+) more", message.body, re.MULTILINE)
    )
    assert len(named) + counted == len(alerts)


@given(notices())
@settings(max_examples=30, deadline=None)
def test_a_message_is_as_severe_as_the_worst_alert_in_it(dues: list[Due]) -> None:
    ids = count(1)
    by_seq = {one.seq: one for one in dues}
    for message in compose(dues, 4000, lambda: str(next(ids)), {}):
        worst = max(by_seq[seq].alert.severity.rank for seq in message.notices)
        assert message.severity.rank == worst


def test_a_long_title_leaves_room_for_which_part_it_is() -> None:
    dues = [due(seq, severity=Severity.CRITICAL, title="an alert with a long title " * 5) for seq in (1, 2, 3)]
    packed = compose(dues, 900, map(str, count(1)).__next__, {})
    assert len(packed) == 3
    for place, message in enumerate(packed, start=1):
        assert message.title.endswith(f"… ({place} of 3)")
        assert size(message.title) <= 110
