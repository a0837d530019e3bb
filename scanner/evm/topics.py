"""The events that speak of rights over tokens, by the standards that define them. `_` stands before what is indexed.

Two events may share a topic and differ in what is indexed: the number of a log's topics tells them apart.
"""

from scanner.evm.keccak import topic

__all__ = [
    "APPROVAL",
    "APPROVAL_FOR_ALL",
    "AUTHORIZED_OPERATOR",
    "ERC6909_APPROVAL",
    "ERC6909_OPERATOR_SET",
    "ERC6909_TRANSFER",
    "PERMIT2_APPROVAL",
    "PERMIT2_LOCKDOWN",
    "PERMIT2_NONCE_INVALIDATION",
    "PERMIT2_PERMIT",
    "REVOKED_OPERATOR",
    "TRANSFER",
]

APPROVAL = topic("Approval(address,address,uint256)")
"""ERC-20: (_owner, _spender, amount). ERC-721: (_owner, _approved, _id)."""

APPROVAL_FOR_ALL = topic("ApprovalForAll(address,address,bool)")
"""ERC-721 and ERC-1155: (_owner, _operator, approved)."""

TRANSFER = topic("Transfer(address,address,uint256)")
"""ERC-20: (_from, _to, amount). ERC-721: (_from, _to, _id)."""

AUTHORIZED_OPERATOR = topic("AuthorizedOperator(address,address)")
"""ERC-777: (_operator, _holder)."""

REVOKED_OPERATOR = topic("RevokedOperator(address,address)")
"""ERC-777: (_operator, _holder)."""

ERC6909_APPROVAL = topic("Approval(address,address,uint256,uint256)")
"""ERC-6909: (_owner, _spender, _id, amount)."""

ERC6909_OPERATOR_SET = topic("OperatorSet(address,address,bool)")
"""ERC-6909: (_owner, _spender, approved)."""

ERC6909_TRANSFER = topic("Transfer(address,address,address,uint256,uint256)")
"""ERC-6909: (caller, _sender, _receiver, _id, amount)."""

PERMIT2_APPROVAL = topic("Approval(address,address,address,uint160,uint48)")
"""Permit2: (_owner, _token, _spender, amount, expiration)."""

PERMIT2_PERMIT = topic("Permit(address,address,address,uint160,uint48,uint48)")
"""Permit2: (_owner, _token, _spender, amount, expiration, nonce)."""

PERMIT2_LOCKDOWN = topic("Lockdown(address,address,address)")
"""Permit2: (_owner, token, spender). What the spender may take has become nothing."""

PERMIT2_NONCE_INVALIDATION = topic("NonceInvalidation(address,address,address,uint48,uint48)")
"""Permit2: (_owner, _token, _spender, newNonce, oldNonce). Signed permits that nobody used are void."""
