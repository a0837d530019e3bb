"""Links for messages, built from the table of chains and addresses that have been checked; from nothing else."""

from scanner.domain.addresses import BadAddressError, is_evm, is_hash, normal_address
from scanner.domain.chains import Chain, UnknownChainError, by_index

__all__ = ["chain_title", "checked_address", "explorer_url", "revoke_url", "transaction_url"]

REVOKE = "https://revoke.cash/address/{owner}?chainId={eip155}"
"""Where an owner sees all approvals on a chain and takes them back."""


def chain_title(index: str) -> str:
    """What people call a chain; its number where the table has no name for it."""
    chain = _chain(index)
    return f"chain {index}" if chain is None else chain.title


def checked_address(index: str, address: str) -> str | None:
    """An address in its stored form, safe wherever it stands; None where it is none of that chain.

    A chain that the table does not know is taken for an EVM one.
    """
    chain = _chain(index)
    if chain is None:
        return address.lower() if is_evm(address) else None
    try:
        return normal_address(address, chain)
    except BadAddressError:
        return None


def explorer_url(index: str, address: str) -> str | None:
    """Where the chain's explorer shows an address; None for a chain or an address that cannot be vouched for."""
    chain, checked = _chain(index), checked_address(index, address)
    return None if chain is None or checked is None else chain.address_url(checked)


def transaction_url(index: str, transaction: str | None) -> str | None:
    """Where the chain's explorer shows a transaction; None for a chain or a hash that cannot be vouched for."""
    chain = _chain(index)
    if chain is None or chain.eip155 is None or transaction is None or not is_hash(transaction):
        return None
    return chain.transaction_url(transaction)


def revoke_url(index: str, owner: str) -> str | None:
    """Where the owner can revoke on that chain; None where there is no such place."""
    chain, checked = _chain(index), checked_address(index, owner)
    if chain is None or checked is None or chain.eip155 is None:
        return None
    return REVOKE.format(owner=checked, eip155=chain.eip155)


def _chain(index: str) -> Chain | None:
    try:
        return by_index(index)
    except UnknownChainError:
        return None
