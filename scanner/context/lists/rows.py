"""One row of a list, in whatever form the list has: what it says, checked."""

import re
from dataclasses import dataclass

from scanner.domain.addresses import BadAddressError, any_address, normal_address
from scanner.domain.chains import Chain, UnknownChainError, by_eip155, by_index, find_chain
from scanner.domain.lists import EXPLOITED, TRUSTED, Entry

__all__ = ["Row", "WrongRowError", "entry"]

LONGEST_NAME = 200
"""Characters of a name or an incident that are kept: more is no name, and everything is kept for every row."""

_LABEL = re.compile(r"[a-z0-9_-]{1,64}")
_EIP155 = re.compile(r"[0-9]{1,15}")
_EXPLOIT = "exploit:"
_ETHEREUM = by_index("1")


class WrongRowError(ValueError):
    """A row that makes no sense; says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """What a row says, as text; None or empty where it says nothing.

    `chain` is a name or a chainIndex, `chain_id` an EIP-155 id. `risk_factors` are separated by semicolons:
    `exploit:NAME` says that the address was exploited, any other that it is not to be relied on. `incident` tells what
    happened.
    """

    address: str | None
    chain: str | None = None
    chain_id: str | None = None
    name: str | None = None
    label: str | None = None
    risk_factors: str | None = None
    incident: str | None = None


def entry(row: Row, label: str) -> Entry:
    """What a row of a list with this label says of an address. Raises WrongRowError."""
    index, chain = _chain(row)
    address = _address(row.address, chain)
    factors = [factor.strip() for factor in (row.risk_factors or "").split(";") if factor.strip()]
    own, described = _label(row.label)
    labels = {label.lower(), own} - {""}
    incident = row.incident
    if factors:
        # Whoever keeps the list warns of this one: it vouches for nothing more than that.
        exploits = [factor[len(_EXPLOIT) :].strip() for factor in factors if factor.lower().startswith(_EXPLOIT)]
        labels = {EXPLOITED} if exploits or EXPLOITED in labels else set()
        incident = incident or "; ".join(exploits)
    if TRUSTED in labels and index is None:
        raise WrongRowError("a trusted address has to name its chain: the same address may be another's elsewhere")
    return Entry(address, tuple(sorted(labels)), index, _short(row.name or described), _short(incident))


def _chain(row: Row) -> tuple[str | None, Chain | None]:
    """The chainIndex that a row means, and the chain where it is known; a row without one means every chain."""
    index: str | None = None
    chain: Chain | None = None
    if row.chain_id:
        if not _EIP155.fullmatch(row.chain_id):
            raise WrongRowError(f"{row.chain_id!r} is not an EIP-155 chain id")
        number = int(row.chain_id)
        # Every chain with such an id has EVM addresses, whether the table knows it or not.
        index, chain = (str(number), _ETHEREUM) if (known := by_eip155(number)) is None else (known.index, known)
    if row.chain:
        try:
            chain = find_chain(row.chain)
        except UnknownChainError as error:
            raise WrongRowError(str(error)) from error
        if index not in (None, chain.index):
            raise WrongRowError(f"chain {row.chain!r} and chain_id {row.chain_id!r} are two chains")
        index = chain.index
    return index, chain


def _address(text: str | None, chain: Chain | None) -> str:
    if not text:
        raise WrongRowError("there is no address")
    try:
        return any_address(text) if chain is None else normal_address(text, chain)
    except BadAddressError as error:
        raise WrongRowError(str(error) if len(text) <= LONGEST_NAME else "a text this long is no address") from error


def _label(text: str | None) -> tuple[str, str | None]:
    """A row's own label, or else what it says of the address: a label is one word, anything longer describes."""
    word = (text or "").lower()
    return (word, None) if _LABEL.fullmatch(word) else ("", text)


def _short(text: str | None) -> str | None:
    return text[:LONGEST_NAME] if text else None
