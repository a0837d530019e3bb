"""What happens in a world: everything once, and then anything at random."""

import random
import time
from collections.abc import Callable

import acts
from acts import DAY, UINT96_MAX, UINT160_MAX, UINT256_MAX
from anvil import Sent
from calldata import Value
from truth import Held, Right
from world import World

__all__ = ["AMOUNTS", "Told", "everything", "live"]

AMOUNTS = (0, 1, 500, 10**18, UINT96_MAX, UINT160_MAX, UINT256_MAX)
NOBODY = "0x" + "0" * 40

Told = tuple[dict[Right, Held], set[Right]]
"""What must be in force when a story has ended, and what must not."""


def everything(world: World) -> Told:
    """Every kind of approval, and every way for one to end or never to have been, once."""
    parts = [_amounts(world), _odd_tokens(world), _permits(world), _permit2(world), _nfts(world), _operators(world)]
    parts += [_by_id(world), _by_the_safe(world), _spoofs(world), _without_events(world)]
    held = {right: how for part, _ in parts for right, how in part.items()}
    return held, {right for _, gone in parts for right in gone}


def _amounts(world: World) -> Told:
    """Finite, unlimited, 96 and 160 bits; raised, spent, spent up, shrunk from the maximum, revoked."""
    erc20, owner, other = world.contracts.erc20, world.owners[4], world.owners[5]
    first, second = world.spenders[:2]
    plain, weth, uni, zrx = (erc20[name] for name in ("plain", "weth", "uni", "zrx"))
    old, silent, spent_up = erc20["of 2020"], erc20["symbol in 32 bytes"], erc20["with permit"]
    world.does(
        *(acts.approve(owner, token, first, UINT256_MAX) for token in (weth, uni, old, silent)),
        *(acts.approve(owner, zrx, first, UINT160_MAX), acts.approve(owner, uni, second, UINT96_MAX)),
        *(acts.approve(owner, plain, first, 500), acts.approve(owner, plain, second, 1_000)),
        *(acts.approve(owner, weth, second, 10**6), acts.approve(owner, spent_up, second, 500)),
        *(acts.approve(other, plain, first, 100), acts.approve(other, weth, first, 5)),
    )
    world.does(
        *(acts.spend(second, plain, owner, 400), acts.spend(second, weth, owner, 1_000)),
        *(
            acts.spend(second, spent_up, owner, 500),
            acts.spend(first, old, owner, 7),
            acts.spend(first, silent, owner, 9),
        ),
        *(acts.approve(other, plain, first, 900), acts.approve(other, weth, first, 0)),
    )
    held = {
        (owner, weth, first): UINT256_MAX,
        (owner, uni, first): UINT96_MAX,
        (owner, uni, second): UINT96_MAX,
        (owner, zrx, first): UINT160_MAX,
        (owner, old, first): UINT256_MAX - 7,
        (owner, silent, first): UINT256_MAX - 9,
        (owner, plain, first): 500,
        (owner, plain, second): 600,
        (owner, weth, second): 10**6 - 1_000,
        (other, plain, first): 900,
    }
    gone = [(owner, spent_up, second), (other, weth, first)]
    return {_erc20(*who): Held(amount) for who, amount in held.items()}, {_erc20(*who) for who in gone}


def _odd_tokens(world: World) -> Told:
    """Tokens that say strange things of themselves, or nothing; and one whose code is gone."""
    owner, spender = world.owners[4], world.spenders[2]
    names = ("without decimals", "without words", "like spam", "odd decimals", "broken symbol")
    odd = [world.contracts.erc20[name] for name in names]
    migrated = world.contracts.erc20["migrated"]
    world.does(*(acts.approve(owner, token, spender, UINT256_MAX) for token in (*odd, migrated)))
    world.node.ask("anvil_setCode", migrated, "0x")
    return {_erc20(owner, token, spender): Held(UINT256_MAX) for token in odd}, {_erc20(owner, migrated, spender)}


def _permits(world: World) -> Told:
    """Signed by owners who never sent a transaction, and sent by somebody else."""
    owner, spender, erc20 = world.signers[0], world.spenders[0], world.contracts.erc20
    tokens = {"pair": ("Uniswap V2", "1"), "uni": ("Uniswap", None), "with permit": ("Permitted", "1")}
    world.does(
        *(
            acts.permit(world.node, world.relayer, owner, erc20[token], spender, 77, name=name, version=version)
            for token, (name, version) in tokens.items()
        )
    )
    return {_erc20(owner, erc20[token], spender): Held(77) for token in tokens}, set()


def _permit2(world: World) -> Told:
    """Granted, permitted, partly covered, of another instance; expired, locked down, uncovered, of one block only."""
    owner, other, signer = world.owners[4], world.owners[5], world.signers[1]
    plain, weth, generous = (world.contracts.erc20[name] for name in ("plain", "weth", "generous"))
    canonical, elsewhere = world.contracts.permit2
    first, second, third, fourth = world.spenders[:4]
    far = int(time.time()) + 30 * DAY
    soon = world.node.time() + 60
    world.does(
        *(acts.approve(owner, plain, canonical, UINT256_MAX), acts.approve(other, plain, canonical, 300)),
        acts.approve(other, plain, elsewhere, 10**9),
        *(acts.permit2_allow(owner, canonical, plain, spender, 1_000, far) for spender in (first, second)),
        acts.permit2_allow(owner, canonical, plain, third, 1_000, soon),
        acts.permit2_allow(owner, canonical, plain, fourth, 1_000, 0),
        acts.permit2_allow(owner, canonical, weth, first, 1_000, far),
        acts.permit2_allow(other, canonical, plain, first, 1_000, far),
        acts.permit2_allow(other, elsewhere, plain, second, 50, far),
        acts.permit2_permit(world.node, world.relayer, signer, canonical, generous, first, UINT160_MAX, far),
    )
    world.does(
        *(acts.permit2_spend(first, canonical, plain, owner, 1), acts.lock_down(owner, canonical, plain, second)),
        acts.invalidate_nonces(other, canonical, plain, first, 5),
        after=120,
    )
    held = {
        Right(owner, "permit2", plain, first): Held(999, far),
        Right(other, "permit2", plain, first): Held(300, far),
        Right(other, "permit2", plain, second, via=elsewhere): Held(50, far),
        Right(signer, "permit2", generous, first): Held(UINT160_MAX, far),
        _erc20(owner, plain, canonical): Held(UINT256_MAX),
        _erc20(other, plain, canonical): Held(300),
        _erc20(other, plain, elsewhere): Held(10**9),
    }
    gone = {Right(owner, "permit2", plain, spender) for spender in (second, third, fourth)}
    return held, gone | {Right(owner, "permit2", weth, first), Right(other, "permit2", plain, second)}


def _nfts(world: World) -> Told:
    """One for each way: approved, approved and moved away, approved and taken back."""
    owner, other, spender, nft = world.owners[4], world.owners[5], world.spenders[0], world.contracts.erc721["nft"]
    world.does(*(acts.mint_nft(world.maker, nft, owner) for _ in range(3)))
    world.does(*(acts.approve_nft(owner, nft, spender, token_id) for token_id in range(3)))
    world.does(acts.move_nft(owner, nft, other, 1), acts.approve_nft(owner, nft, NOBODY, 2))
    kept = Right(owner, "erc721", nft, spender, 0)
    return {kept: Held(1)}, {
        kept._replace(token_id=1),
        kept._replace(owner=other, token_id=1),
        kept._replace(token_id=2),
    }


def _operators(world: World) -> Told:
    """On, and on and off again, of each standard that has them."""
    owner, stays, goes = world.owners[4], *world.spenders[:2]
    contracts = world.contracts
    held, gone = {}, set()
    for kind, standard, token in (
        ("erc721_all", "erc721", contracts.erc721["nft"]),
        ("erc1155_all", "erc721", contracts.erc1155["items"]),
        ("erc777", "erc777", contracts.erc777["hooked"]),
        ("erc6909", "erc6909", contracts.erc6909["ids"]),
    ):
        world.does(*(acts.operator(owner, token, spender, True, standard=standard) for spender in (stays, goes)))
        world.does(acts.operator(owner, token, goes, False, standard=standard))
        held[Right(owner, kind, token, stays)] = Held(None)
        gone.add(Right(owner, kind, token, goes))
    return held, gone


def _by_id(world: World) -> Told:
    """ERC-6909's allowances of an id; and an ERC-777 token allows as an ERC-20 does, too."""
    owner, spender, ids = world.owners[4], world.spenders[2], world.contracts.erc6909["ids"]
    hooked = world.contracts.erc777["hooked"]
    amounts = {1: 44, 2: UINT256_MAX, 3: 9}
    world.does(*(acts.allow_id(owner, ids, spender, token_id, amount) for token_id, amount in amounts.items()))
    world.does(acts.allow_id(owner, ids, spender, 3, 0), acts.approve(owner, hooked, spender, 12))
    right = Right(owner, "erc6909", ids, spender)
    held = {right._replace(token_id=token_id): Held(amounts[token_id]) for token_id in (1, 2)}
    return {**held, _erc20(owner, hooked, spender): Held(12)}, {right._replace(token_id=3)}


def _by_the_safe(world: World) -> Told:
    plain, nft = world.contracts.erc20["plain"], world.contracts.erc721["nft"]
    first, second = world.spenders[:2]
    world.does(acts.approve(world.safe, plain, first, 123), acts.operator(world.safe, nft, second, True))
    return {
        _erc20(world.safe, plain, first): Held(123),
        Right(world.safe, "erc721_all", nft, second): Held(None),
    }, set()


def _spoofs(world: World) -> Told:
    """Events that no state stands behind, well formed and not."""
    owner, sender, spender = world.owners[4], world.maker, world.spenders[3]
    heralds, spam = world.contracts.heralds, world.contracts.erc20["like spam"]
    approval, permit = "Approval(address,address,uint256)", "Permit(address,address,address,uint160,uint48,uint48)"
    pair: list[Value] = [owner, spender]
    world.does(
        acts.pretend(sender, spam, owner, spender, UINT256_MAX),
        acts.spoof(sender, heralds[3], approval, pair, [UINT256_MAX]),
        acts.spoof(sender, heralds[4], approval, [*pair, 1], []),
        acts.spoof(sender, heralds[3], "ApprovalForAll(address,address,bool)", pair, [1]),
        acts.spoof(sender, heralds[3], "AuthorizedOperator(address,address)", [spender, owner], []),
        acts.spoof(sender, heralds[3], "OperatorSet(address,address,bool)", pair, [1]),
        acts.spoof(sender, heralds[4], "Approval(address,address,uint256,uint256)", [*pair, 1], [5]),
        acts.spoof(sender, heralds[4], permit, [owner, spam, spender], [UINT160_MAX, 2**48 - 1, 0]),
        *(acts.spoof(sender, heralds[topics], approval, [owner] * (topics - 1), []) for topics in (1, 2, 3, 4)),
        acts.spoof(sender, heralds[3], approval, [2**256 - 1, owner], [2**255] * 40),
        acts.spoof(sender, heralds[3], "Lockdown(address,address,address)", pair, []),
        acts.spoof(sender, heralds[3], "Transfer(address,address,uint256)", [sender, owner], [1]),
    )
    kinds = ("erc20", "erc721_all", "erc777", "erc6909")
    gone = {Right(owner, kind, token, spender) for kind in kinds for token in (heralds[3], spam)}
    gone |= {Right(owner, kind, heralds[4], spender, 1) for kind in ("erc721", "erc6909")}
    return {}, gone | {Right(owner, "permit2", spam, spender, via=heralds[4])}


def _without_events(world: World) -> Told:
    """A token that allows Permit2 everything without a word."""
    generous, permit2 = world.contracts.erc20["generous"], world.contracts.permit2[0]
    return {_erc20(owner, generous, permit2): Held(UINT256_MAX) for owner in world.owners}, set()


def _erc20(owner: str, token: str, spender: str) -> Right:
    return Right(owner, "erc20", token, spender)


def live(world: World, seed: int, *, blocks: int = 20, acts_in_each: int = 12) -> None:
    """Owners and spenders do anything, also what fails, for so many blocks."""
    chance = random.Random(seed)
    for _ in range(blocks):
        doings = [chance.choice(DOINGS)(world, chance) for _ in range(acts_in_each)]
        world.does(*doings, failing=True, after=chance.randint(1, 90))


def _approves(world: World, chance: random.Random) -> Sent:
    spender = chance.choice([*world.spenders, *world.contracts.permit2])
    tokens = [*world.contracts.erc20.values(), *world.contracts.erc777.values()]
    return acts.approve(chance.choice(world.senders), chance.choice(tokens), spender, chance.choice(AMOUNTS))


def _spends(world: World, chance: random.Random) -> Sent:
    token = chance.choice([*world.contracts.erc20.values()])
    return acts.spend(
        chance.choice(world.spenders), token, chance.choice(world.owners), chance.choice((1, 400, 10**18))
    )


def _signs(world: World, chance: random.Random) -> Sent:
    token, name = chance.choice([("pair", "Uniswap V2"), ("with permit", "Permitted")])
    who, amount = chance.choice(world.signers), chance.choice(AMOUNTS)
    there, spender = world.contracts.erc20[token], chance.choice(world.spenders)
    return acts.permit(world.node, world.relayer, who, there, spender, amount, name=name)


def _allows_in_permit2(world: World, chance: random.Random) -> Sent:
    """Near the present nothing ends soon: whether it has ended yet would depend on whose clock is asked."""
    past = world.node.time() < time.time() - 3_600
    expires_at = world.node.time() + chance.choice((-5, 0, 30, 300, 30 * DAY) if past else (-DAY, 30 * DAY))
    token, amount = chance.choice([*world.contracts.erc20.values()]), min(chance.choice(AMOUNTS), UINT160_MAX)
    instance, spender = chance.choice(world.contracts.permit2), chance.choice(world.spenders)
    if chance.random() < 0.3:
        who = chance.choice(world.signers)
        return acts.permit2_permit(world.node, world.relayer, who, instance, token, spender, amount, expires_at)
    return acts.permit2_allow(chance.choice(world.senders), instance, token, spender, amount, expires_at)


def _takes_from_permit2(world: World, chance: random.Random) -> Sent:
    owner, spender = chance.choice(world.senders), chance.choice(world.spenders)
    instance, token = chance.choice(world.contracts.permit2), chance.choice([*world.contracts.erc20.values()])
    return chance.choice(
        [
            acts.lock_down(owner, instance, token, spender),
            acts.permit2_spend(spender, instance, token, owner, chance.choice((1, 500))),
            acts.invalidate_nonces(owner, instance, token, spender, chance.randint(1, 9)),
        ]
    )


def _nft(world: World, chance: random.Random) -> Sent:
    owner, nft, token_id = chance.choice(world.owners), world.contracts.erc721["nft"], chance.choice(world.ids)
    return chance.choice(
        [
            acts.mint_nft(world.maker, nft, owner),
            acts.approve_nft(chance.choice(world.senders), nft, chance.choice(world.spenders), token_id),
            acts.move_nft(chance.choice(world.senders), nft, owner, token_id),
        ]
    )


def _operates(world: World, chance: random.Random) -> Sent:
    contracts = world.contracts
    standards = ("erc721", contracts.erc721), ("erc721", contracts.erc1155), ("erc777", contracts.erc777)
    standard, tokens = chance.choice([*standards, ("erc6909", contracts.erc6909)])
    [token] = tokens.values()
    who, spender = chance.choice(world.senders), chance.choice(world.spenders)
    return acts.operator(who, token, spender, chance.random() < 0.6, standard=standard)


def _allows_an_id(world: World, chance: random.Random) -> Sent:
    ids, spender = world.contracts.erc6909["ids"], chance.choice(world.spenders)
    return acts.allow_id(chance.choice(world.senders), ids, spender, chance.choice(world.ids), chance.choice(AMOUNTS))


def _pretends(world: World, chance: random.Random) -> Sent:
    names = ("like spam", "without words", "symbol in 32 bytes", "generous")
    token, owner = world.contracts.erc20[chance.choice(names)], chance.choice(world.owners)
    return acts.pretend(world.maker, token, owner, chance.choice(world.spenders), chance.choice(AMOUNTS))


DOINGS: tuple[Callable[[World, random.Random], Sent], ...] = (
    *(_approves,) * 4,
    *(_spends, _signs, _allows_in_permit2, _allows_in_permit2, _takes_from_permit2),
    *(_nft, _nft, _operates, _operates, _allows_an_id, _pretends),
)
