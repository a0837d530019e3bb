"""Contracts that no package has, in a few dozen instructions each: tokens that are odd or hostile, and ERC-6909."""

from collections.abc import Mapping

from assembly import deployable
from calldata import selector, topic, words

PERMIT2 = "0x000000000022d473030f116ddee9f6b43ac78ba3"

__all__ = ["PERMIT2", "herald", "multitoken", "registry", "thief", "token"]

FIRST, SECOND, THIRD = (f"{4 + 32 * number} CALLDATALOAD" for number in range(3))
ANSWER = "0 MSTORE 0x20 0 RETURN"
TRUE = f"1 {ANSWER}"
REFUSE = "0 0 REVERT"
MAXIMUM = hex(2**256 - 1)


def slot(*parts: str) -> str:
    """The place in storage that belongs to these words."""
    filled = " ".join(f"{part} {32 * number} MSTORE" for number, part in enumerate(parts))
    return f"{filled} {32 * len(parts)} 0 KECCAK256"


def log(event: str, *indexed: str, data: str) -> str:
    """Emits an event with one word of data."""
    topics = " ".join(reversed([topic(event), *indexed]))
    return f"{data} 0 MSTORE {topics} 0x20 0 LOG{len(indexed) + 1}"


def stored(data: bytes) -> str:
    """Puts these very bytes into memory, from its start on."""
    padded = data.ljust(-(-len(data) // 32) * 32, b"\0")
    return " ".join(f"0x{padded[at : at + 32].hex()} {at} MSTORE" for at in range(0, len(padded), 32))


def given(data: bytes) -> str:
    """Gives back these very bytes."""
    return f"{stored(data)} {len(data)} 0 RETURN"


def contract(functions: Mapping[str, str]) -> str:
    """Init code of a contract that does what is given for each function's signature, and reverts on anything else."""
    table = " ".join(f"DUP1 0x{selector(name)} EQ @to{number} JUMPI" for number, name in enumerate(functions))
    bodies = " ".join(f"to{number}: POP {body}" for number, body in enumerate(functions.values()))
    return deployable(f"0 CALLDATALOAD 0xe0 SHR {table} {REFUSE} {bodies}")


APPROVAL, TRANSFER = "Approval(address,address,uint256)", "Transfer(address,address,uint256)"
ALLOWANCE = f"{slot(FIRST, SECOND)} SLOAD {ANSWER}"


def token(symbol: bytes | None = None, decimals: int | None = None, *, generous: bool = False) -> str:
    """An ERC-20 as far as approvals go. Its allowances shrink with every spend, also the largest, and no log says so.

    `symbol` is what `symbol()` gives back, raw; it reverts where None is given, as `decimals()`. `pretend(owner,
    spender, amount)` emits an Approval that never was. After `fail(1)` no allowance can be read. A `generous` one
    allows Permit2 everything, for everybody, without an event.
    """
    to_permit2 = f"{SECOND} {PERMIT2} EQ @generous JUMPI" if generous else ""
    functions = {
        "allowance(address,address)": (
            f"0 SLOAD @broken JUMPI {to_permit2} {ALLOWANCE} broken: {REFUSE} generous: {MAXIMUM} {ANSWER}"
        ),
        "approve(address,uint256)": (
            f"{SECOND} {slot('CALLER', FIRST)} SSTORE {log(APPROVAL, 'CALLER', FIRST, data=SECOND)} {TRUE}"
        ),
        "transferFrom(address,address,uint256)": (
            f"{slot(FIRST, 'CALLER')} DUP1 SLOAD {THIRD} DUP2 LT @short JUMPI {THIRD} SWAP1 SUB SWAP1 SSTORE"
            f" {log(TRANSFER, FIRST, SECOND, data=THIRD)} {TRUE} short: {REFUSE}"
        ),
        "mint(address,uint256)": f"{log(TRANSFER, '0', FIRST, data=SECOND)} {TRUE}",
        "pretend(address,address,uint256)": f"{log(APPROVAL, FIRST, SECOND, data=THIRD)} {TRUE}",
        "fail(uint256)": f"{FIRST} 0 SSTORE STOP",
    }
    if symbol is not None:
        functions["symbol()"] = given(symbol)
    if decimals is not None:
        functions["decimals()"] = f"{decimals} {ANSWER}"
    return contract(functions)


def thief(victim: str, data: str) -> str:
    """Calls another contract with these data whenever it is asked for an allowance, and allows nothing itself.

    Who asks it and then the other in one transaction finds the loot taken. `pretend` is as of `token`.
    """
    raw = bytes.fromhex(data.removeprefix("0x"))
    return contract(
        {
            "allowance(address,address)": f"{stored(raw)} 0 0 {len(raw)} 0 0 {victim} GAS CALL POP 0 {ANSWER}",
            "pretend(address,address,uint256)": f"{log(APPROVAL, FIRST, SECOND, data=THIRD)} {TRUE}",
        }
    )


def text(value: bytes) -> bytes:
    """A string as a call gives it back."""
    return bytes.fromhex(words([value]))


def multitoken() -> str:
    """ERC-6909 as far as approvals go: an allowance for each id, and operators."""
    return contract(
        {
            "approve(address,uint256,uint256)": (
                f"{THIRD} {slot('CALLER', FIRST, SECOND)} SSTORE"
                f" {log('Approval(address,address,uint256,uint256)', 'CALLER', FIRST, SECOND, data=THIRD)} {TRUE}"
            ),
            "allowance(address,address,uint256)": f"{slot(FIRST, SECOND, THIRD)} SLOAD {ANSWER}",
            "setOperator(address,bool)": (
                f"{SECOND} {slot('CALLER', FIRST)} SSTORE"
                f" {log('OperatorSet(address,address,bool)', 'CALLER', FIRST, data=SECOND)} {TRUE}"
            ),
            "isOperator(address,address)": ALLOWANCE,
            "supportsInterface(bytes4)": f"{FIRST} 0xe0 SHR 0x0f632fb3 EQ {ANSWER}",
        }
    )


def herald(topics: int) -> str:
    """Emits whatever it is called with: so many topics, then data. It answers every question with nothing at all."""
    start = 32 * topics
    pushed = " ".join(f"{32 * number} CALLDATALOAD" for number in reversed(range(topics)))
    return deployable(
        f"{start} CALLDATASIZE SUB {start} 0 CALLDATACOPY {pushed} {start} CALLDATASIZE SUB 0 LOG{topics} STOP"
    )


def registry() -> str:
    """Stands for the ERC-1820 registry: nobody has registered anything."""
    return deployable(f"0 {ANSWER}")
