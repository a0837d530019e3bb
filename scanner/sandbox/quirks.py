"""The readings that the API's documents allow. Each is a dialect that a right client has to understand."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "AmountForm",
    "CursorForm",
    "EndStyle",
    "LimitCounts",
    "OwnerField",
    "Packing",
    "PriceForm",
    "Quirks",
    "RawForm",
    "RiskForm",
    "RowForm",
    "SpenderField",
    "SymbolForm",
]


class EndStyle(StrEnum):
    """How the end of a list shows. The first five are clean: they stand on the page with the last row.

    `EMPTY_PAGE`: one more page, without a project, under another cursor. `SAME`: the last page carries the cursor
    that it was asked with (a first page carries one, whose page repeats it). `NO_DATA`: one more page with `data: []`.
    """

    MISSING = "missing"
    NULL = "null"
    EMPTY = "empty"
    ZERO = "zero"
    ZERO_NUMBER = "zero-number"
    EMPTY_PAGE = "empty-page"
    SAME = "same"
    NO_DATA = "no-data"

    @property
    def clean(self) -> bool:
        """Whether the page with the last row says that it is the last."""
        return self not in (EndStyle.EMPTY_PAGE, EndStyle.SAME, EndStyle.NO_DATA)


class CursorForm(StrEnum):
    """What a cursor looks like: a position as text or as a number, or text that means nothing to a client."""

    TEXT = "text"
    NUMBER = "number"
    OPAQUE = "opaque"


class SpenderField(StrEnum):
    """Which field names the spender; `ALL` three agreeing, `DIFFERENT` two that contradict each other, or none."""

    APPROVAL_ADDRESS = "approvalAddress"
    APPROVE_ADDRESS = "approveAddress"
    SPENDER_ADDRESS = "spenderAddress"
    ALL = "all"
    DIFFERENT = "different"
    NONE = "none"


class SymbolForm(StrEnum):
    """A token's symbol as text (the example), as a list (the table), null, or left out."""

    TEXT = "text"
    LIST = "list"
    NULL = "null"
    MISSING = "missing"


class AmountForm(StrEnum):
    """How `approvalNum` is written: digits; the maximum as a word or as -1; a JSON number; or nothing readable."""

    TEXT = "text"
    WORD = "unlimited"
    MINUS_ONE = "-1"
    NUMBER = "number"
    GARBAGE = "garbage"


class Packing(StrEnum):
    """What comes back when several addresses are asked for at once.

    An entry for each in the order asked (`EACH`) or in another (`REVERSED`), one for each chain with the rows of all
    its owners (`PER_CHAIN`), the last one left out (`MISSING`), or the first one twice (`TWICE`).
    """

    EACH = "each"
    REVERSED = "reversed"
    PER_CHAIN = "per-chain"
    MISSING = "missing"
    TWICE = "twice"


class LimitCounts(StrEnum):
    """What `limit` counts: approvals, or projects with all their tokens."""

    ROWS = "rows"
    PROJECTS = "projects"


class RowForm(StrEnum):
    """Which of the two row formats that were seen the successor answers with."""

    DATA_LIST = "dataList"
    APPROVAL_LIST = "approvalList"


class RawForm(StrEnum):
    """Whether a balance comes with `rawBalance`, in the smallest unit, or with "" there."""

    GIVEN = "given"
    EMPTY = "empty"


class OwnerField(StrEnum):
    """Whether a balance says under `address` whose it is, or nothing."""

    OWNER = "owner"
    EMPTY = "empty"


class PriceForm(StrEnum):
    """How `tokenPrice` is written: "0" only where nobody knows one (`PLAIN`), everywhere, or "" everywhere."""

    PLAIN = "plain"
    ZERO = "zero"
    EMPTY = "empty"


class RiskForm(StrEnum):
    """Whether `isRiskToken` is a boolean, as the table has it, or a text."""

    BOOL = "bool"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """One reading of the documents. The default is the plainest.

    `largest_page` caps a page whatever `limit` says. `overlap` repeats so many rows of a page at the head of the
    next. `shuffled` gives the rows of a page in another order every time. `cursor_key` may be the typo `cusor`.
    `always_200` answers errors with HTTP 200, whatever status the code's table has. `path` and `address_key` are the
    variants of other copies of the documents.

    Of balances: `masked_symbol` shows asterisks for a symbol, and without `truncated` a balance has all of its digits.
    Of exchanges: with `part_frozen` a quarter of everything is frozen, and `maintenance` closes the old version.
    """

    end: EndStyle = EndStyle.EMPTY
    cursor: CursorForm = CursorForm.TEXT
    cursor_key: str = "cursor"
    spender: SpenderField = SpenderField.APPROVAL_ADDRESS
    symbol: SymbolForm = SymbolForm.TEXT
    amount: AmountForm = AmountForm.TEXT
    packing: Packing = Packing.EACH
    limit_counts: LimitCounts = LimitCounts.ROWS
    largest_page: int = 100
    overlap: int = 0
    shuffled: bool = False
    chain_as_number: bool = False
    code_as_number: bool = False
    always_200: bool = False
    row_form: RowForm = RowForm.DATA_LIST
    path: str = "/api/v5/wallet/security/approvals"
    address_key: str = "addressList"
    raw: RawForm = RawForm.GIVEN
    balance_address: OwnerField = OwnerField.OWNER
    price: PriceForm = PriceForm.PLAIN
    risk: RiskForm = RiskForm.BOOL
    masked_symbol: bool = False
    truncated: bool = True
    part_frozen: bool = False
    maintenance: bool = False

    def __post_init__(self) -> None:
        if self.largest_page < 1 or self.overlap < 0:
            raise ValueError("largest_page has to be 1 or more, and overlap 0 or more")
