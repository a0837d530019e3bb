"""Pages of the successor, `/api/v6/security/approval-mng`: undocumented, as it was seen in client code."""

from scanner.sandbox.pages import Asked, Json, next_cursor
from scanner.sandbox.quirks import AmountForm, EndStyle, Quirks, RowForm
from scanner.sandbox.worlds import UINT256_MAX, Day, Row

__all__ = ["PATH", "flat_approvals"]

PATH = "/api/v6/security/approval-mng"


def flat_approvals(day: Day, asked: Asked, quirks: Quirks) -> list[Json]:
    """The `data` of a v6 answer: one entry with the rows of all addresses asked for, and how many there are in all.

    Cursors are numbers and a clean end is 0. Rows say which chain they are of, and nothing of the owner.
    """
    rows = [row for chain, owner in asked.entries for row in day.of(chain, owner)]
    if asked.offset and asked.offset >= len(rows) and quirks.end is EndStyle.NO_DATA:
        return []
    reached = asked.offset + asked.size
    end = EndStyle.ZERO_NUMBER if quirks.end.clean else quirks.end
    shown = rows[asked.offset : reached]
    return [
        {
            **next_cursor("cursor", asked, reached, len(rows), end),
            quirks.row_form.value: [_row(day, row, quirks) for row in shown],
            "total": len(rows),
        }
    ]


def _row(day: Day, row: Row, quirks: Quirks) -> dict[str, Json]:
    if quirks.row_form is RowForm.APPROVAL_LIST:
        return {
            "chainIndex": row.token.chain,
            "tokenSymbol": row.token.symbol,
            "tokenAddress": row.token.address,
            "spenderAddress": row.spender.address,
            "protocolName": row.spender.name,
            "allowance": "unlimited" if row.raw == UINT256_MAX else str(row.raw),
            "riskLevel": "high" if day.risky(row.token) else "low",
        }
    return {
        "chainIndex": int(row.token.chain),
        "network": row.token.chain,
        "symbol": row.token.symbol,
        "tokenAddress": row.token.address,
        "approvalAddress": row.spender.address,
        "protocolName": row.spender.name,
        "remainAmount": "rather a lot" if quirks.amount is AmountForm.GARBAGE else str(row.raw),
        "remainAmtPrecise": "" if row.amount is None else f"{row.amount:f}",
        "blockTime": 1_700_000_000_000,
        "tags": None,
        "vulnerabilityFlag": False,
    }
