"""Addresses as people write them, brought to the one form that is stored and compared."""

import re

from scanner.domain.chains import CHAINS, Chain, Family

__all__ = ["BadAddressError", "any_address", "checksummed", "is_evm", "is_hash", "normal_address", "short"]

_EVM = re.compile(r"0x[0-9a-fA-F]{40}")
_HASH = re.compile(r"0x[0-9a-f]{64}")
_BASE58 = "[1-9A-HJ-NP-Za-km-z]"
_OTHERS = {
    Family.UTXO: re.compile(r"[0-9A-Za-z:]{14,100}"),
    Family.TRON: re.compile(rf"T{_BASE58}{{33}}"),
    Family.SOLANA: re.compile(rf"{_BASE58}{{32,44}}"),
    Family.TON: re.compile(r"(?:-1|0):[0-9a-fA-F]{64}|[A-Za-z0-9_+/-]{48}"),
    Family.SUI: re.compile(r"0x[0-9a-fA-F]{1,64}"),
}

_LIKE_EVM = re.compile(r"0[xX].{0,40}|[0-9a-fA-F]{40}")
_ON_EVM = next(chain for chain in CHAINS if chain.family is Family.EVM)


class BadAddressError(ValueError):
    """Not an address of that family; says why."""


def is_evm(text: str) -> bool:
    """Whether the text has the form of an EVM address; its checksum is not looked at."""
    return _EVM.fullmatch(text) is not None


def is_hash(text: str) -> bool:
    """Whether the text is the hash of an EVM chain's transaction, in lower case."""
    return _HASH.fullmatch(text) is not None


def normal_address(text: str, chain: Chain) -> str:
    """The stored form of an address that a person wrote: lower case on EVM chains, as written elsewhere.

    Raises BadAddressError for a malformed address, or a mixed-case one whose EIP-55 checksum does not fit.
    """
    if chain.family is not Family.EVM:
        if not _OTHERS[chain.family].fullmatch(text):
            raise BadAddressError(f"{text!r} is not an address of {chain.title}")
        return text
    if not is_evm(text):
        raise BadAddressError(f"{text!r} is not an EVM address: 0x and 40 hexadecimal digits are expected")
    digits = text[2:]
    if digits not in (digits.lower(), digits.upper()) and text != checksummed(text):
        raise BadAddressError(f"{text!r} does not fit its EIP-55 checksum: a character is mistyped")
    return text.lower()


def any_address(text: str) -> str:
    """The stored form of an address of whatever family it fits.

    Raises BadAddressError where it fits none, or is an EVM address whose EIP-55 checksum does not fit.
    """
    if _LIKE_EVM.fullmatch(text):
        return normal_address(text, _ON_EVM)
    if any(form.fullmatch(text) for form in _OTHERS.values()):
        return text
    raise BadAddressError(f"{text!r} is not an address of any known chain")


def checksummed(address: str) -> str:
    """The EIP-55 form of an EVM address."""
    from eth_hash.auto import keccak  # 15 ms that most commands never need

    digits = address[2:].lower()
    nibbles = keccak(digits.encode()).hex()
    return "0x" + "".join(
        digit.upper() if int(nibble, 16) > 7 else digit for digit, nibble in zip(digits, nibbles, strict=False)
    )


def short(address: str) -> str:
    """An address that still can be told apart: its ends are what look-alikes are made to share, so eight digits."""
    return f"{address[:10]}…{address[-8:]}" if len(address) > 22 else address
