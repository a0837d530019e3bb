"""A small world on a real chain: contracts of every standard, some hostile, and owners and spenders.

What is true of it is asked of the node alone (`truth.py`), and never kept here.
"""

import time
from dataclasses import dataclass, field

import acts
from anvil import Node, Sent
from artifacts import MULTICALL3, artifact, multicall3, permit2
from calldata import called, constructed
from handmade import PERMIT2, herald, multitoken, registry, text, token

__all__ = ["Contracts", "World", "address", "furnished", "place"]

CREATE2_DEPLOYER = "0x4e59b44847b379578588920ca78fbf26c0b4956c"
PERMIT2_SALT = "0x0000000000000000000000000000000000000000d3af2663da51c10215000000"
ERC1820 = "0x1820a4b7618bde71dce8cdc73aab6c95905fad24"
NOBODY = "0x" + "0" * 40
SUPPLY, SHARE = 10**30, 10**24
BLOCK_TIME = 12


def address(kind: str, number: int) -> str:
    """An address that nobody has a key of, the same for the same words."""
    return "0x" + kind.encode().hex()[:24].ljust(24, "0") + f"{number:016x}"


@dataclass(frozen=True, slots=True)
class Contracts:
    """Where everything stands, by what it is; `permit2` holds the canonical instance and another one."""

    permit2: tuple[str, str]
    erc20: dict[str, str]
    erc721: dict[str, str]
    erc1155: dict[str, str]
    erc6909: dict[str, str]
    erc777: dict[str, str]
    heralds: dict[int, str]

    @property
    def tokens(self) -> list[str]:
        """Every contract that could be taken for a token."""
        groups = (self.erc20, self.erc721, self.erc1155, self.erc6909, self.erc777, self.heralds)
        return [contract for group in groups for contract in group.values()]


@dataclass(slots=True)
class World:
    """A furnished chain and who lives on it.

    `signers` are owners whose keys the node has, and who never send anything; `safe` is an owner that is a contract.
    `ids` are the token ids that are spoken of. A block comes every 12 seconds, in the past until `arrive`; from
    then on a block's time is the time.
    """

    node: Node
    maker: str
    relayer: str
    contracts: Contracts
    owners: list[str]
    signers: list[str]
    safe: str
    safe_signer: str
    spenders: list[str]
    ids: range = field(default=range(4))

    @property
    def senders(self) -> list[str]:
        """The owners who send transactions."""
        return [owner for owner in self.owners if owner not in self.signers]

    def does(self, *sent: Sent, failing: bool = False, after: int = BLOCK_TIME) -> list[str]:
        """One block with what they do; returns the transactions' hashes. A Safe does it through its signer."""
        through = [acts.safe_sends(self.safe_signer, one) if one.sender == self.safe else one for one in sent]
        before = self.node.time()
        receipts = self.node.mine(through, at=max(before + 1, min(before + after, int(time.time()))), failing=failing)
        return [str(receipt["transactionHash"]) for receipt in receipts]

    def arrive(self) -> int:
        """A block of the present: from here on time passes as it does. Returns its number."""
        self.node.mine(at=max(int(time.time()), self.node.time() + 1))
        return self.node.head


def furnished(node: Node, *, owners: int = 6, spenders: int = 4) -> World:
    """A chain with all contracts, owners who hold some of each token, and no approval.

    Of the owners three are signers, one is a Safe, the others (from the fifth on) are anybody.
    """
    accounts = node.accounts
    maker, safe_signer, signers, relayer = accounts[0], accounts[1], accounts[2:5], accounts[-1]
    place(node, maker)
    safe = _safe(node, maker, safe_signer)
    anybody = [address("owner", number) for number in range(1, owners - len(signers))]
    strangers = [address("spender", number) for number in range(1, spenders + 1)]
    contracts = _contracts(node, maker)
    world = World(
        node, maker, relayer, contracts, [*signers, safe, *anybody][:owners], signers, safe, safe_signer, strangers
    )
    _endow(world)
    return world


def place(node: Node, maker: str) -> None:
    """Put there what stands at one address on every chain: Permit2, Multicall3, the registry that ERC-777 needs."""
    made = node.deploy(maker, registry(), multicall3())
    codes = [node.ask("eth_getCode", at, "latest") for at in made]
    node.answers([("anvil_setCode", placed) for placed in zip((ERC1820, MULTICALL3), codes, strict=True)])
    node.mine([Sent(maker, CREATE2_DEPLOYER, PERMIT2_SALT + permit2().removeprefix("0x"))])
    assert node.ask("eth_getCode", PERMIT2, "latest") != "0x"


def _safe(node: Node, maker: str, signer: str) -> str:
    singleton, factory = node.deploy(maker, artifact("safe"), artifact("safe_factory"))
    function = "setup(address[],uint256,address,bytes,address,address,uint256,address)"
    setup = called(function, [signer], 1, NOBODY, b"", NOBODY, NOBODY, 0, NOBODY)
    made = called("createProxyWithNonce(address,bytes,uint256)", singleton, bytes.fromhex(setup[2:]), 1)
    [receipt] = node.mine([Sent(maker, factory, made)])
    created = next(log for log in receipt["logs"] if log["address"].lower() == factory)
    return f"0x{created['topics'][1][-40:]}"


def _contracts(node: Node, maker: str) -> Contracts:
    codes = {
        "erc20": {
            "plain": constructed(artifact("erc20"), b"USD Coin", b"USDC"),
            "of 2020": constructed(artifact("erc20_of_2020"), b"Old", b"OLD", SUPPLY, maker),  # the maximum shrinks
            "with permit": constructed(artifact("erc20_with_permit"), b"Permitted", b"PMT", 6),
            "uni": constructed(artifact("uni"), maker, maker, node.time() + acts.DAY),  # 96 bits
            "pair": artifact("pair"),
            "weth": artifact("weth"),  # takes a call of any other function for a deposit, and gives nothing back
            "zrx": artifact("zrx"),
            "symbol in 32 bytes": token(b"MKR".ljust(32, b"\0"), 18),
            "without decimals": token(text(b"NODEC")),
            "without words": token(),
            "like spam": token(text(b"Claim at https://free.example <b>now</b>"), 18),
            "odd decimals": token(text(b"ODD"), 2**255),
            "broken symbol": token(b"\xff" * 64, 18),
            "generous": token(text(b"GEN"), 18, generous=True),
            "migrated": token(text(b"V1"), 18),
        },
        "erc721": {"nft": constructed(artifact("erc721"), b"Apes", b"APE", b"")},
        "erc1155": {"items": constructed(artifact("erc1155"), b"")},
        "erc6909": {"ids": multitoken()},
        "erc777": {"hooked": constructed(artifact("erc777"), b"Seven", b"SVN", [], SUPPLY, maker)},
    }
    flat = [*(code for group in codes.values() for code in group.values()), *map(herald, range(5)), permit2()]
    standing = iter(node.deploy(maker, *flat))
    placed = {group: {name: next(standing) for name in names} for group, names in codes.items()}
    heralds = {topics: next(standing) for topics in range(5)}
    return Contracts(permit2=(PERMIT2, next(standing)), heralds=heralds, **placed)


def _endow(world: World) -> None:
    """Every owner gets some of what can be minted or given away."""
    erc20, maker = world.contracts.erc20, world.maker
    world.does(Sent(maker, erc20["weth"], "0x", 10**21))
    for owner in world.owners:
        minted = [acts.receive(maker, erc20[name], owner, SHARE) for name in ("plain", "with permit", "generous")]
        given = [acts.give(maker, erc20[name], owner, SHARE) for name in ("of 2020", "uni", "zrx")]
        world.does(*minted, *given, acts.give(maker, erc20["weth"], owner, 10**18))
