"""What people do on a chain, each as a transaction: approvals of every standard, permits, spends, spoofs."""

from typing import Any

from anvil import Node, Sent
from calldata import Value, called, number, selector, topic, words

__all__ = [
    "DAY",
    "UINT48_MAX",
    "UINT96_MAX",
    "UINT160_MAX",
    "UINT256_MAX",
    "allow_id",
    "approve",
    "approve_nft",
    "fail",
    "give",
    "invalidate_nonces",
    "lock_down",
    "mint_nft",
    "move_nft",
    "operator",
    "permit",
    "permit2_allow",
    "permit2_permit",
    "permit2_spend",
    "pretend",
    "receive",
    "safe_sends",
    "spend",
    "spoof",
]

UINT48_MAX, UINT96_MAX, UINT160_MAX, UINT256_MAX = (2**bits - 1 for bits in (48, 96, 160, 256))
DAY = 86_400

OPERATORS = {
    "erc721": ("setApprovalForAll(address,bool)",) * 2,
    "erc777": ("revokeOperator(address)", "authorizeOperator(address)"),
    "erc6909": ("setOperator(address,bool)",) * 2,
}


def approve(owner: str, token: str, spender: str, amount: int) -> Sent:
    return Sent(owner, token, called("approve(address,uint256)", spender, amount))


def spend(spender: str, token: str, owner: str, amount: int) -> Sent:
    """The spender takes some of what it may take."""
    return Sent(spender, token, called("transferFrom(address,address,uint256)", owner, spender, amount))


def receive(minter: str, token: str, owner: str, amount: int) -> Sent:
    return Sent(minter, token, called("mint(address,uint256)", owner, amount))


def give(holder: str, token: str, owner: str, amount: int) -> Sent:
    return Sent(holder, token, called("transfer(address,uint256)", owner, amount))


def mint_nft(minter: str, token: str, owner: str) -> Sent:
    """The next free id, from 0 on, becomes the owner's."""
    return Sent(minter, token, called("mint(address)", owner))


def approve_nft(owner: str, token: str, spender: str, token_id: int) -> Sent:
    return approve(owner, token, spender, token_id)


def move_nft(owner: str, token: str, to: str, token_id: int) -> Sent:
    return Sent(owner, token, called("transferFrom(address,address,uint256)", owner, to, token_id))


def operator(owner: str, token: str, spender: str, on: bool, *, standard: str = "erc721") -> Sent:
    """An operator over all that the owner has in a contract; ERC-1155 says it as ERC-721 does."""
    function = OPERATORS[standard][on]
    return Sent(owner, token, called(function, *((spender, on) if "bool" in function else (spender,))))


def allow_id(owner: str, token: str, spender: str, token_id: int, amount: int) -> Sent:
    """ERC-6909: so much of one id."""
    return Sent(owner, token, called("approve(address,uint256,uint256)", spender, token_id, amount))


def permit(
    node: Node, relayer: str, owner: str, token: str, spender: str, amount: int, *, name: str, version: str | None = "1"
) -> Sent:
    """EIP-2612: the owner signs, somebody else sends it. `name` and `version` are those of the token's domain."""
    fields = {"owner": "address", "spender": "address", "value": "uint256", "nonce": "uint256", "deadline": "uint256"}
    nonce = number(node.call(token, called("nonces(address)", owner))) or 0
    deadline = node.time() + DAY
    values: tuple[Value, ...] = (owner, spender, amount, nonce, deadline)
    domain = {"name": name, "chainId": 1, "verifyingContract": token} | ({"version": version} if version else {})
    signature = _signed(node, owner, domain, {"Permit": fields}, dict(zip(fields, values, strict=True)))
    rs, v = signature[2:130], signature[130:]
    function = "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)"
    return Sent(relayer, token, called(function, owner, spender, amount, deadline) + v.rjust(64, "0") + rs)


def permit2_allow(owner: str, instance: str, token: str, spender: str, amount: int, expires_at: int) -> Sent:
    """Permit2's own approve. An `expires_at` (seconds) of 0 means this block only."""
    function = "approve(address,address,uint160,uint48)"
    return Sent(owner, instance, called(function, token, spender, amount, expires_at))


def permit2_permit(
    node: Node, relayer: str, owner: str, instance: str, token: str, spender: str, amount: int, expires_at: int
) -> Sent:
    """Permit2's permit: the owner signs, somebody else sends it."""
    details = {"token": "address", "amount": "uint160", "expiration": "uint48", "nonce": "uint48"}
    permitted = {"details": "PermitDetails", "spender": "address", "sigDeadline": "uint256"}
    nonce = number(node.call(instance, called("allowance(address,address,address)", owner, token, spender)), 2) or 0
    one: tuple[Value, ...] = (token, amount, expires_at, nonce)
    deadline = node.time() + DAY
    signature = _signed(
        node,
        owner,
        {"name": "Permit2", "chainId": 1, "verifyingContract": instance},
        {"PermitSingle": permitted, "PermitDetails": details},
        {"details": dict(zip(details, one, strict=True)), "spender": spender, "sigDeadline": deadline},
    )
    function = "permit(address,((address,uint160,uint48,uint48),address,uint256),bytes)"
    return Sent(
        relayer, instance, f"0x{selector(function)}{words([owner, (*one, spender, deadline), _bytes(signature)])}"
    )


def permit2_spend(spender: str, instance: str, token: str, owner: str, amount: int) -> Sent:
    function = "transferFrom(address,address,uint160,address)"
    return Sent(spender, instance, called(function, owner, spender, amount, token))


def invalidate_nonces(owner: str, instance: str, token: str, spender: str, nonce: int) -> Sent:
    """Signatures of lower nonces are void; what is allowed stays."""
    return Sent(owner, instance, called("invalidateNonces(address,address,uint48)", token, spender, nonce))


def lock_down(owner: str, instance: str, token: str, spender: str) -> Sent:
    return Sent(owner, instance, called("lockdown((address,address)[])", [(token, spender)]))


def pretend(sender: str, token: str, owner: str, spender: str, amount: int) -> Sent:
    """A hand-made token tells of an approval that never was."""
    return Sent(sender, token, called("pretend(address,address,uint256)", owner, spender, amount))


def fail(sender: str, token: str) -> Sent:
    """A hand-made token's allowances cannot be read any more."""
    return Sent(sender, token, called("fail(uint256)", 1))


def spoof(sender: str, herald: str, event: str, indexed: list[Value], data: list[Value]) -> Sent:
    """A herald of as many topics emits this very event."""
    return Sent(sender, herald, topic(event) + words(indexed) + words(data))


def safe_sends(signer: str, sent: Sent) -> Sent:
    """What a Safe of one owner does, sent and approved by that owner."""
    function = (
        "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)"  # Safe 1.4.1
    )
    by_sender = bytes.fromhex(words([signer, 0]) + "01")  # v = 1: approved by r, who is the sender
    nobody = "0x"
    arguments: list[Value] = [sent.to or "", 0, _bytes(sent.data), 0, 0, 0, 0, nobody, nobody, by_sender]
    return Sent(signer, sent.sender, called(function, *arguments))


def _bytes(data: str) -> bytes:
    return bytes.fromhex(data.removeprefix("0x"))


def _signed(
    node: Node, signer: str, domain: dict[str, Any], types: dict[str, dict[str, str]], message: dict[str, Any]
) -> str:
    """A signature over typed data (EIP-712), by the node's key for the signer."""
    kinds = {"name": "string", "version": "string", "chainId": "uint256", "verifyingContract": "address"}
    declared = {"EIP712Domain": {name: kinds[name] for name in kinds if name in domain}} | types
    written = {
        "types": {
            name: [{"name": field, "type": kind} for field, kind in fields.items()] for name, fields in declared.items()
        },
        "primaryType": next(iter(types)),
        "domain": domain,
        "message": _texts(message),
    }
    return str(node.ask("eth_signTypedData_v4", signer, written))


def _texts(message: dict[str, Any]) -> dict[str, Any]:
    """Numbers as text: JSON's own lose what is beyond 2^53."""
    return {
        key: _texts(value) if isinstance(value, dict) else str(value) if isinstance(value, int) else value
        for key, value in message.items()
    }
