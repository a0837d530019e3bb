"""What is wrong with an answer of a node: there are no standard codes, so that providers' words decide.

The words of a revert are a contract's own: nothing in them may be taken for the node's.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto

from scanner.domain.hostile import quoted

__all__ = ["Fault", "What", "judged"]


class What(Enum):
    """What kind of fault it is: each is answered in its own way."""

    UNAVAILABLE = auto()
    """No answer, or the node says that it cannot now."""
    LATE = auto()
    """No answer in time: perhaps too much was asked for."""
    NONSENSE = auto()
    """An answer that cannot be what was asked for: cut off, no JSON, of another request, contradicting itself."""
    LIMITED = auto()
    """Too many requests."""
    REFUSED = auto()
    """The key, the plan or the address is not accepted."""
    OTHER_CHAIN = auto()
    """It serves another chain."""
    RANGE = auto()
    """Too many blocks, logs or bytes for one answer."""
    BATCH = auto()
    """Batches are refused, or such large ones."""
    BEHIND = auto()
    """It does not have that block yet, or no more since the chain was reorganised."""
    ABSENT = auto()
    """It says that there is no such block."""
    PRUNED = auto()
    """It does not keep that state or history any more."""
    UNSUPPORTED = auto()
    """It does not offer the method."""
    STARVED = auto()
    """It grants a call less gas than its data alone take: nothing was executed."""
    REVERTED = auto()
    """The call was executed and reverted: this is an answer."""
    REJECTED = auto()
    """It does not accept the request, for a reason that nobody knows."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, for people (`said`, goes on after the endpoint's name).

    `retry_after` is in seconds, `suggested` a number of blocks. `in_words` says that the node itself said so, with an
    error of JSON-RPC.
    """

    what: What
    said: str
    retry_after: float | None = None
    suggested: int | None = None
    in_words: bool = False


_LOGS = "eth_getLogs"
_CALL = "eth_call"

_REVERTED = re.compile(
    r"revert|vm exception|vm execution error|evm ?error|invalid ?opcode|opcode .*not defined|bad ?instruction"
    r"|out ?of ?gas|gas required exceeds|gas uint64 overflow|stack ?(under|over)flow|stack limit|invalid ?jump"
    r"|bad jump|write protection|return data out of bounds|invalidfeopcode|precompile",
)
_STARVED = re.compile(r"intrinsic gas|floor data gas")
_LIMITED = re.compile(
    r"rate.?limit|too many (requests|connections)|requests? (per|/) ?(second|minute|day)|request (count|limit|rate)"
    r"|throughput|compute units|capacity|quota|throttl|credits"
)
_LIMIT = re.compile(r"^\W*limit exceeded\W*$")
_SIZE = re.compile(
    r"range|\bblocks\b|more than [\d,]+|results?\b|response size|too (large|big|wide|many|broad)|size exceed|exceed"
    r"|max(imum)?\b|limit|timed? ?out|deadline"
)
_OVERSIZED = re.compile(
    r"too (large|big)|(?<!took )(?<!takes )(?<!running )too long|(size|length)\b.* exceed|exceed.* (size|length)\b"
)
_REFUSED = re.compile(
    r"unauthori[sz]ed|api.?key|project id|forbidden|access denied|authenticat|payment required|subscription|blocked"
    r"|invalid token|plan\b"
)
_PRUNED = re.compile(
    r"missing trie node|state (is )?(not|un)available|state .*not (be )?(found|available)|historical (state|data)"
    r"|prun|archive|proof window|ancient|histories|older than|state already"
)
_BEHIND = re.compile(
    r"header.*not found|unknown (block|header)|block.*(not found|not exist|unknown|not yet|not available)"
    r"|block.*cannot be found|could not find block|beyond .*(head|latest)|after last accepted|in the future"
    r"|not (currently )?canonical|unfinalized|(greater|higher|larger) than .*(head|latest|current)|past .*(head|latest)"
)
_BATCH = re.compile(r"batch")
_UNSUPPORTED = re.compile(r"method.*(not|n't) (found|supported|exist|available|allowed|whitelisted|enabled)")
_BUSY = re.compile(r"internal|time.?out|timed out|busy|try again|overload|upstream|unavailable|server error|aborted")

_HEX_RANGE = re.compile(r"\[\s*(0x[0-9a-f]+)\s*,\s*(0x[0-9a-f]+)\s*\]")
_BLOCKS = re.compile(r"(?:(?<![\d.])0\s*-\s*)?(?<![\w.])(\d[\d,]*)(k?)\s*(?:-\s*)?(?:blocks?\b|block range|range)")
_AFTER = re.compile(r"(?:range|blocks)\b[^\d\[]{0,24}?(\d[\d,]*)(k?)\b(?!\s*(?:logs|results|mb|seconds|s\b))")


def judged(method: str, code: int | None, words: str, *, data: bool = False) -> Fault:
    """What an error object means for that method. `data` says whether it carried the data of a revert."""
    text = words.lower()
    shown = f"answered {method} with error" + (f" {code}" if code is not None else "")
    said = f"{shown} ({quoted(words)})" if words.strip() else shown
    what = _what(method, code, text, data=data)
    return Fault(what, said, suggested=_suggested(text) if what is What.RANGE else None, in_words=True)


def _what(method: str, code: int | None, text: str, *, data: bool) -> What:  # noqa: C901 - one row each
    if method == _CALL and (code == 3 or data or _REVERTED.search(text)):
        return What.REVERTED
    if method == _CALL and _STARVED.search(text):
        return What.STARVED
    if code == -32601 or _UNSUPPORTED.search(text):
        return What.UNSUPPORTED
    if code == 429 or _LIMITED.search(text):
        return What.LIMITED
    if _BATCH.search(text):
        return What.BATCH
    if code == 4444 or _PRUNED.search(text):
        return What.PRUNED
    if _BEHIND.search(text):
        return What.BEHIND
    if method == _LOGS and (code == -32005 or _SIZE.search(text)):
        return What.RANGE
    if method == _CALL and _OVERSIZED.search(text):
        return What.RANGE
    if code == -32005 or _LIMIT.search(text):
        return What.LIMITED
    if _REFUSED.search(text):
        return What.REFUSED
    if code == -32603 or _BUSY.search(text):
        return What.REJECTED if method == _LOGS else What.UNAVAILABLE
    return What.REJECTED


def _suggested(text: str) -> int | None:
    """How many blocks the words of a refusal say that one query may span, if they do."""
    if found := _HEX_RANGE.search(text):
        return max(1, int(found[2], 16) - int(found[1], 16) + 1)
    found = _BLOCKS.search(text) or _AFTER.search(text)
    if found is None:
        return None
    return max(1, int(found[1].replace(",", "")) * (1000 if found[2] else 1))
