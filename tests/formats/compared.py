"""A hand-made comparison of two sources, with a row of each verdict."""

from shown import MAX, NOW, OWNER, SPENDER, TOKEN

from scanner.domain.approvals import Allowance, Approval, End, Kind, Snapshot, Spender, Target, Token
from scanner.domain.reconciled import Reconciliation
from scanner.domain.reconciliation import Cause, Row, Verdict
from scanner.errors import Reason, Trouble

__all__ = ["COMPARED"]

_TARGET = Target("1", OWNER, "treasury")
_DOWN = Trouble(Reason.UNAVAILABLE, "the API does not answer")


def _right(raw: int | None, kind: Kind = Kind.ERC20, token_id: int | None = None) -> Approval:
    token = Token(TOKEN, "USDT", 6)
    allowance = Allowance(raw, in_words=kind is Kind.ERC721_ALL)
    return Approval("1", OWNER, token, Spender(SPENDER, "Swap"), allowance, kind, token_id=token_id)


_HUGE, _SOME, _LESS = _right(int(MAX)), _right(2_500_000), _right(1_000_000)
_EVERY_NFT, _UNREADABLE = _right(None, Kind.ERC721_ALL), _right(None, Kind.ERC6909, 7)

COMPARED = Reconciliation.of(
    NOW,
    NOW,
    [
        (
            Snapshot(_TARGET, {}, End.COMPLETE, frozenset(Kind), "evm", NOW, block=23_000_000),
            Snapshot(_TARGET, {}, End.INCOMPLETE, frozenset({Kind.ERC20}), "okx", NOW, trouble=_DOWN),
            [
                Row(_HUGE, Verdict.EQUAL, _HUGE, _HUGE, None, 23_000_000),
                Row(_LESS, Verdict.AMOUNTS_DIFFER, _LESS, _SOME, Cause.SPENT, 22_999_000),
                Row(_SOME, Verdict.ONLY_OKX, None, _SOME, Cause.SPOOFED, 22_998_000),
                Row(_SOME, Verdict.ONLY_EVM, _SOME, None, None, 23_000_000),
                Row(_EVERY_NFT, Verdict.ONLY_EVM, _EVERY_NFT, None, Cause.NOT_COVERED, 23_000_000),
                Row(_UNREADABLE, Verdict.UNPROVEN, _UNREADABLE, None, Cause.UNREAD, None),
            ],
        )
    ],
)
