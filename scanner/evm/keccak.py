"""What the EVM calls events and functions by: the hash of their signature."""

__all__ = ["selector", "topic"]


def topic(signature: str) -> str:
    """The first topic of an event's logs: `Approval(address,address,uint256)` as 32 bytes of hex with 0x."""
    from eth_hash.auto import keccak  # 15 ms that only who reads a chain needs

    return "0x" + keccak(signature.encode()).hex()


def selector(signature: str) -> str:
    """What calldata for a function begin with: `allowance(address,address)` as 4 bytes of hex with 0x."""
    return topic(signature)[:10]
