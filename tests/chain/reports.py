"""What the command's JSON says of a world, in the oracle's words; and a configuration that reads it from the chain."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from truth import Held, Right

__all__ = ["chain_source", "rights", "wallets_of"]


def rights(report: dict[str, Any]) -> dict[Right, Held]:
    """The approvals of a report that no two rows may share."""
    rows = [(_right(approval), _held(approval)) for approval in report["approvals"]]
    found = dict(rows)
    assert len(found) == len(rows), "two rows for one right"
    return found


def _right(approval: dict[str, Any]) -> Right:
    token_id = approval["token_id"]
    return Right(
        approval["owner"],
        approval["kind"],
        approval["token"]["address"],
        approval["spender"]["address"],
        None if token_id is None else int(token_id),
        approval["via"],
    )


def _held(approval: dict[str, Any]) -> Held:
    raw, expires_at = approval["allowance"]["raw"], approval["expires_at"]
    assert raw is not None or approval["allowance"]["unlimited"], f"unknown: {approval}"
    return Held(
        None if raw is None else int(raw),
        None if expires_at is None else int(datetime.fromisoformat(expires_at).timestamp()),
    )


def chain_source(urls: Sequence[str], **settings: Any) -> dict[str, Any]:
    """The section `source`: Ethereum through these endpoints, and nothing else."""
    return {"evm": {"ethereum": {"rpc": list(urls), **settings}}, "confirm_absence_after": "0s"}


def wallets_of(owners: Iterable[str]) -> list[dict[str, Any]]:
    """The section `wallets`."""
    return [{"address": owner, "label": f"owner {place}", "chains": ["ethereum"]} for place, owner in enumerate(owners)]
