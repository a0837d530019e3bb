"""One cause, one message: which alerts belong together, and when a message about them may go."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from scanner.domain.alerts import Alert
from scanner.domain.approvals import Approval, stable_id
from scanner.domain.telling import GroupBy, Telling

__all__ = ["GroupState", "due_at", "group_key"]


@dataclass(frozen=True, slots=True)
class GroupState:
    """What one channel knows, or is about to be told, of a group.

    `told_at` is when it was last told of it; `open` says that another alert of the group is open; `wallets` are the
    owners that it knows as hit, of those that are asked about.
    """

    told_at: datetime | None = None
    open: bool = False
    wallets: frozenset[str] = frozenset()


def group_key(by: Collection[GroupBy], alert: Alert, approval: Approval) -> str:
    """The name of the group that an alert belongs to: the same for all that have in common what `by` asks for.

    A spender or a token that the source did not name is nobody else's: it groups with its own target's at most.
    """
    unknown = f"unknown of {approval.owner} on {approval.chain}"
    parts = {
        GroupBy.SPENDER: approval.spender.address or unknown,
        GroupBy.OWNER: approval.owner,
        GroupBy.CHAIN: approval.chain,
        GroupBy.TOKEN: f"{approval.chain} {approval.token.address or unknown}",
        GroupBy.RULE: alert.rule,
        GroupBy.SEVERITY: alert.severity.value,
    }
    return stable_id(*(f"{field} {parts[field]}" for field in GroupBy if field in by))


def due_at(told_at: datetime | None, telling: Telling, at: datetime, *, urgent: bool) -> datetime:
    """When a channel is to be told what came up in a group at a time.

    The first message waits a little for more of the same. What follows within the interval waits for its end, unless
    it is urgent. A `told_at` that lies ahead is a clock that was set back, and holds nothing up for longer.
    """
    soon = at + telling.group_wait
    if urgent or told_at is None:
        return soon
    return max(soon, min(told_at, at) + telling.group_interval)
