"""What happens to rights on a chain, the logs that contracts write of it, and what follows, each the slow way."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from eth_hash.auto import keccak
from hypothesis import strategies as st
from msgspec.structs import replace

from scanner.domain.approvals import Kind
from scanner.domain.nominations import PERMIT2, Key, Nomination
from scanner.evm.values import Log

__all__ = ["ELSEWHERE", "HAPPENINGS", "OWNERS", "SPENDERS", "TOKENS", "Happening", "expected", "log", "logs"]


def _address(byte: str) -> str:
    return "0x" + byte * 20


OWNERS = (_address("a1"), _address("a2"))
STRANGER = _address("5a")
NOBODY = _address("00")
SPENDERS = (_address("b1"), _address("b2"), OWNERS[0])
TOKENS = (_address("c1"), _address("c2"))
ELSEWHERE = _address("d1")


@dataclass(frozen=True)
class Happening:
    """An event by its signature and arguments (those of `indexed` become topics), and the contract that wrote it."""

    contract: str
    signature: str
    indexed: tuple[str | int, ...]
    data: tuple[str | int, ...] = ()


def _raw(value: str | int) -> bytes:
    return bytes(12) + bytes.fromhex(value[2:]) if isinstance(value, str) else value.to_bytes(32)


def log(happening: Happening, place: int = 0) -> Log:
    """The log of it in block `place`, one second after the block before."""
    return Log(
        happening.contract,
        ("0x" + keccak(happening.signature.encode()).hex(), *("0x" + _raw(value).hex() for value in happening.indexed)),
        "0x" + b"".join(map(_raw, happening.data)).hex(),
        hex(place),
        "0x" + "00" * 32,
        f"0x{place:064x}",
        "0x0",
        hex(1_700_000_000 + place),
    )


def logs(happenings: Sequence[Happening], first: int = 0) -> list[Log]:
    """Their logs, one in each block from `first` on."""
    return [log(happening, first + place) for place, happening in enumerate(happenings)]


_OWNERS = st.sampled_from((*OWNERS, STRANGER))
_SPENDERS = st.sampled_from((*SPENDERS, NOBODY))
_TOKENS = st.sampled_from(TOKENS)
_AMOUNTS = st.sampled_from((0, 1, 7, 2**160 - 1))
_INSTANCES = st.sampled_from((PERMIT2, ELSEWHERE))
_THREE = st.tuples(_OWNERS, _TOKENS, _SPENDERS)

HAPPENINGS = st.one_of(
    st.builds(
        Happening,
        _TOKENS,
        st.just("Approval(address,address,uint256)"),
        st.tuples(_OWNERS, _SPENDERS),
        st.tuples(_AMOUNTS),
    ),
    st.builds(
        Happening, _TOKENS, st.just("Approval(address,address,uint256)"), st.tuples(_OWNERS, _SPENDERS, _AMOUNTS)
    ),
    st.builds(
        Happening,
        _TOKENS,
        st.just("ApprovalForAll(address,address,bool)"),
        st.tuples(_OWNERS, _SPENDERS),
        st.tuples(st.sampled_from((0, 1))),
    ),
    st.builds(
        Happening,
        _TOKENS,
        st.sampled_from(("AuthorizedOperator(address,address)", "RevokedOperator(address,address)")),
        st.tuples(_SPENDERS, _OWNERS),
    ),
    st.builds(
        Happening,
        _TOKENS,
        st.just("Approval(address,address,uint256,uint256)"),
        st.tuples(_OWNERS, _SPENDERS, st.sampled_from((0, 3))),
        st.tuples(_AMOUNTS),
    ),
    st.builds(
        Happening,
        _TOKENS,
        st.just("OperatorSet(address,address,bool)"),
        st.tuples(_OWNERS, _SPENDERS),
        st.tuples(st.sampled_from((0, 1))),
    ),
    st.builds(
        Happening,
        _INSTANCES,
        st.just("Approval(address,address,address,uint160,uint48)"),
        _THREE,
        st.tuples(_AMOUNTS, st.just(9)),
    ),
    st.builds(
        Happening,
        _INSTANCES,
        st.just("Permit(address,address,address,uint160,uint48,uint48)"),
        _THREE,
        st.tuples(_AMOUNTS, st.just(9), st.just(1)),
    ),
    st.builds(
        Happening,
        _INSTANCES,
        st.just("NonceInvalidation(address,address,address,uint48,uint48)"),
        _THREE,
        st.tuples(st.just(2), st.just(1)),
    ),
    st.builds(
        Happening,
        _INSTANCES,
        st.just("Lockdown(address,address,address)"),
        st.tuples(_OWNERS),
        st.tuples(_TOKENS, _SPENDERS),
    ),
    st.builds(
        Happening,
        _TOKENS,
        st.just("Transfer(address,address,uint256)"),
        st.tuples(_OWNERS, _OWNERS),
        st.tuples(_AMOUNTS),
    ),
    st.builds(Happening, _TOKENS, st.just("Transfer(address,address,uint256)"), st.tuples(_OWNERS, _OWNERS, _AMOUNTS)),
)
"""Anything that contracts can tell of."""


def _says(happening: Happening) -> list[tuple[Key, int | None, bool]]:
    """The rights that an event speaks of, the amount, and whether it is written only when a right is given."""
    name = happening.signature.split("(")[0]
    one, *rest = happening.indexed
    token, data, count = happening.contract, happening.data, len(happening.indexed)
    via = None if token == PERMIT2 else token

    def right(
        owner: object, kind: Kind, contract: object, spender: object, id_: object = None, at: str | None = None
    ) -> Key:
        return (str(owner), kind, str(contract), str(spender), id_ if isinstance(id_, int) else None, at)

    if name == "Transfer":
        return [(right(rest[0], Kind.ERC20, token, PERMIT2), None, False)] if count == 2 else []
    if name == "Lockdown":
        locked, spender = data
        return [
            (right(one, Kind.PERMIT2, locked, spender, at=via), 0, False),
            (right(one, Kind.ERC20, locked, token), None, False),
        ]
    if "uint48" in happening.signature:
        taken, spender = rest
        amount = None if name == "NonceInvalidation" else int(data[0])
        return [
            (right(one, Kind.PERMIT2, taken, spender, at=via), amount, True),
            (right(one, Kind.ERC20, taken, token), None, False),
        ]
    if name == "OperatorSet":
        return [(right(one, Kind.ERC6909, token, rest[0]), int(data[0]), False)]
    if happening.signature == "Approval(address,address,uint256,uint256)":
        return [(right(one, Kind.ERC6909, token, rest[0], rest[1]), int(data[0]), False)]
    if name == "ApprovalForAll":
        return [(right(one, Kind.ERC721_ALL, token, rest[0]), int(data[0]), False)]
    if name in ("AuthorizedOperator", "RevokedOperator"):
        return [(right(rest[0], Kind.ERC777, token, one), int(name == "AuthorizedOperator"), False)]
    if count == 3:
        return [
            (right(one, Kind.ERC721, token, rest[0], rest[1]), 1, True),
            (right(one, Kind.ERC20, token, rest[0]), int(rest[1]), False),
        ]
    return [(right(one, Kind.ERC20, token, rest[0]), int(data[0]), False)]


def expected(happenings: Sequence[Happening], first: int = 0) -> dict[Key, Nomination]:
    """What they nominate for the owners."""
    found: dict[Key, Nomination] = {}
    for place, happening in enumerate(happenings, first):
        said = _says(happening)
        if said and said[0][0][3] == NOBODY:
            continue
        for key, amount, anew in said:
            if key[0] in OWNERS:
                found[key] = _after(found.get(key, Nomination(*key)), amount, place, anew=anew)
    return found


def _after(before: Nomination, amount: int | None, place: int, *, anew: bool) -> Nomination:
    if amount is None:
        return before
    if amount <= (0 if anew else before.amount or 0):
        return replace(before, amount=amount)
    at = datetime.fromtimestamp(1_700_000_000 + place, UTC)
    return replace(before, amount=amount, block=place, tx=f"0x{place:064x}", at=at)
