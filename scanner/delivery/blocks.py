"""What a message says of one approval: all of its alerts that have come to the same, told together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from scanner.delivery.links import explorer_url, revoke_url, transaction_url
from scanner.delivery.words import allowance, at_stake, changed, listed, one_line, size, spender, token, wallet
from scanner.domain.addresses import short
from scanner.domain.alerts import Alert, Move, Severity
from scanner.domain.approvals import Target
from scanner.domain.hostile import harmless
from scanner.domain.messages import Due
from scanner.domain.plain import moment

__all__ = ["Block", "Stage", "blocks", "called", "line"]

LONGEST_TITLE = 120
LONGEST_ADVICE = 400

_UNWATCHED_ADVICE = (
    "nobody checks this any more and the approval may still be in force. "
    "Look at it yourself, and revoke it if it is not needed."
)


_NOT_FINAL = "the block that shows it may still be reorganised away; you are told if it is."


class Stage(IntEnum):
    """What has become of an alert, in the order in which a message tells it."""

    OPEN = 0
    RESOLVED = 1
    MOOT = 2
    UNWATCHED = 3

    @classmethod
    def of(cls, due: Due) -> "Stage":
        """The stage that a notice tells of; moot is what ended before its channel heard of it."""
        if due.what is Move.RESOLVED:
            return cls.RESOLVED if due.told else cls.MOOT
        return cls.UNWATCHED if due.what is Move.UNWATCHED else cls.OPEN


@dataclass(frozen=True, slots=True)
class Block:
    """The alerts of one approval at one stage, the worst first, and the numbers of all notices that this settles."""

    stage: Stage
    dues: tuple[Due, ...]
    notices: tuple[int, ...]

    @property
    def severity(self) -> Severity:
        """That of its worst alert."""
        return self.dues[0].alert.severity

    @property
    def critical(self) -> bool:
        """Whether it has to be named, whatever the room."""
        return self.severity is Severity.CRITICAL

    def full(self) -> str:
        """All that a person needs to act on it."""
        if self.stage is Stage.MOOT:
            return "\n".join(_present(self._headings(), self._who(), self._what(), self._ids()))
        return "\n".join(_present(self._headings(), self._who(), self._what(), self._advice(), self._ids()))

    def lean(self) -> str:
        """Who, what and where, for a channel whose messages are short."""
        first = self.dues[0]
        revoke = revoke_url(first.target.chain, first.target.owner) if self.stage is Stage.OPEN else None
        return "\n".join(_present(self._headings(), self._who(), [revoke], self._ids()))

    def shortest(self, longest: int) -> str:
        """The worst alert in the fewest words that still say which one it is, in at most that size."""
        first = self.dues[0]
        return line(first.alert, first.target, longest, _mark(first))

    def split(self) -> tuple["Block", ...]:
        """A block for each alert; every number stays with one of them."""
        first, *others = self.dues
        seqs = {due.seq for due in others}
        own = tuple(seq for seq in self.notices if seq not in seqs)
        return (Block(self.stage, (first,), own), *(Block(self.stage, (due,), (due.seq,)) for due in others))

    def _headings(self) -> list[str]:
        return [f"{_mark(due)}: {one_line(due.alert.title, LONGEST_TITLE)}" for due in self.dues]

    def _who(self) -> list[str | None]:
        first = self.dues[0]
        approval, known = first.beside.counted(first.held.approval), first.beside
        said, worth = listed(known.spender), at_stake(known.exposure) if first.held.in_force else None
        return [
            f"Wallet: {wallet(first.target)}",
            f"Spender: {spender(approval)}",
            said and f"On your lists: {one_line(said, LONGEST_ADVICE)}",
            f"Token: {token(approval, risk=known.exposure.risk is True)}",
            f"Allowance: {allowance(approval) if first.held.in_force else 'none any more'}",
            None if approval.final or not first.held.in_force else f"Not final yet: {_NOT_FINAL}",
            worth and f"At stake: {worth}",
        ]

    def _what(self) -> list[str]:
        told = [changed(due.change, due.beside) for due in self.dues if due.change is not None]
        said = [f"Changed: {'; '.join(dict.fromkeys(told))}"] if told else []
        since = f"Open since: {moment(min(due.alert.opened_at for due in self.dues))}"
        if self.stage is Stage.OPEN:
            return [*said, since] if any(due.what is Move.REMINDED for due in self.dues) else said
        if self.stage is Stage.MOOT:
            since = f"It was so {_span(self.dues)}, and ended before this could be sent."
        reasons = "; ".join(dict.fromkeys(due.alert.reason for due in self.dues if due.alert.reason))
        return [*said, since, *([f"Reason: {one_line(reasons, LONGEST_ADVICE)}"] if reasons else [])]

    def _advice(self) -> list[str | None]:
        approval, target = self.dues[0].held.approval, self.dues[0].target
        if self.stage is Stage.RESOLVED:
            stays = " The approval itself is still in force." if self.dues[0].held.in_force else ""
            return [f"Do: nothing more for this alert.{stays}"]
        revoke = revoke_url(target.chain, target.owner)
        look = explorer_url(target.chain, approval.spender.address)
        grant = transaction_url(target.chain, approval.granted_tx)
        links = [
            revoke and f"Revoke: {revoke}",
            look and f"The spender on its explorer: {look}",
            grant and f"The grant on its explorer: {grant}",
        ]
        if self.stage is Stage.UNWATCHED:
            return [f"Do: {_UNWATCHED_ADVICE}", *links]
        danger = one_line(self.dues[0].why, LONGEST_ADVICE)
        fixes = dict.fromkeys(one_line(due.fix, LONGEST_ADVICE) for due in self.dues)
        todo = " ".join(fix for fix in fixes if fix) or "revoke it unless you know why it is there."
        return [danger and f"Danger: {danger}", f"Do: {todo}", *links]

    def _ids(self) -> list[str]:
        ids = ", ".join(due.alert.id for due in self.dues)
        return [f"Alert: {ids}" if len(self.dues) == 1 else f"Alerts, in the order above: {ids}"]


def _span(dues: Sequence[Due]) -> str:
    """From when to when alerts were open."""
    began = min(due.alert.opened_at for due in dues)
    ended = max((due.alert.resolved_at for due in dues if due.alert.resolved_at is not None), default=None)
    return f"from {moment(began)}" + ("" if ended is None else f" to {moment(ended)}")


def _mark(due: Due) -> str:
    severity = due.alert.severity.upper()
    stage = Stage.of(due)
    if stage is Stage.RESOLVED:
        return f"RESOLVED ({severity})"
    if stage is Stage.UNWATCHED:
        return f"NO LONGER WATCHED ({severity})"
    if stage is Stage.MOOT:
        return f"OPENED AND ENDED ({severity})"
    if due.what is Move.REMINDED:
        return f"STILL OPEN, {severity}"
    return f"WORSE, NOW {severity}" if due.what is Move.WORSENED and due.told else severity


def _present(*parts: Iterable[str | None]) -> list[str]:
    return [line for part in parts for line in part if line]


def line(alert: Alert, target: Target, longest: int, mark: str = "") -> str:
    """An alert in one line of at most that size: how bad it is, its id, whose wallet it hits, and its title."""
    which = f"{mark or alert.severity.upper()} {alert.id} {short(target.owner)} "
    return which + one_line(alert.title, max(0, longest - size(which)))


def called(due: Due) -> str:
    """The wallet in a title: its label, or the ends of its address."""
    return harmless(due.target.label) or short(due.target.owner)


def blocks(dues: Sequence[Due]) -> list[Block]:
    """Notices of one channel, told together by approval: the critical first, then what is open, then what has ended.

    An alert is told once, as what it has become: of several notices about it the last one speaks.
    """
    last: dict[str, Due] = {}
    seqs: dict[str, list[int]] = {}
    for due in sorted(dues, key=lambda due: due.seq):
        last[due.alert.id] = due
        seqs.setdefault(due.alert.id, []).append(due.seq)
    together: dict[tuple[Stage, str], list[Due]] = {}
    for due in sorted(last.values(), key=lambda due: (-due.alert.severity.rank, due.seq)):
        together.setdefault((Stage.of(due), due.held.approval.id), []).append(due)
    found = [
        Block(stage, tuple(group), tuple(seq for due in group for seq in seqs[due.alert.id]))
        for (stage, _), group in together.items()
    ]
    return sorted(found, key=_order)


def _order(block: Block) -> tuple[bool, int, int, str, str, int]:
    first = block.dues[0]
    where = (first.held.approval.spender.address, first.held.approval.owner)
    return (not block.critical, block.stage, -block.severity.rank, *where, first.seq)
