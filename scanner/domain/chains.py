"""The table of chains. A chain is a row here.

`index` is the provider's chainIndex: on EVM chains it equals the EIP-155 id, elsewhere it is mostly the BIP-44 coin
type. Nothing may assume that they are equal: both stand here. Source of the indexes: the provider's list of
supported chains; explorers and coins are each chain's own.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from scanner.errors import closest

__all__ = ["CHAINS", "Chain", "Family", "UnknownChainError", "by_eip155", "by_index", "find_chain"]


class Family(StrEnum):
    """Chains whose addresses have the same form."""

    EVM = "evm"
    UTXO = "utxo"
    TRON = "tron"
    SOLANA = "solana"
    TON = "ton"
    SUI = "sui"


class UnknownChainError(LookupError):
    """A name or number that stands for no chain of the table; says what comes close."""


@dataclass(frozen=True, slots=True)
class Chain:
    """One chain: `index` is the chainIndex, `eip155` its EIP-155 id or None, `coin` the symbol of its own coin."""

    index: str
    name: str
    title: str
    coin: str
    explorer: str
    aliases: tuple[str, ...]
    eip155: int | None
    family: Family = Family.EVM

    def address_url(self, address: str) -> str:
        """Where the chain's explorer shows an address. The caller validates the address."""
        kind = "account" if self.family is Family.SUI or self.family is Family.SOLANA else "address"
        return f"{self.explorer}/{kind}/{address}"

    def transaction_url(self, transaction: str) -> str:
        """Where the chain's explorer shows a transaction. The caller validates its hash."""
        return f"{self.explorer}/tx/{transaction}"


def _evm(eip155: int, name: str, title: str, coin: str, explorer: str, *aliases: str) -> Chain:
    return Chain(str(eip155), name, title, coin, explorer, aliases, eip155)


CHAINS: tuple[Chain, ...] = (
    _evm(1, "ethereum", "Ethereum", "ETH", "https://etherscan.io", "eth", "mainnet"),
    _evm(10, "optimism", "Optimism", "ETH", "https://optimistic.etherscan.io", "op"),
    _evm(14, "flare", "Flare", "FLR", "https://flarescan.com", "flr"),
    _evm(25, "cronos", "Cronos", "CRO", "https://cronoscan.com", "cro"),
    _evm(50, "xdc", "XDC", "XDC", "https://xdcscan.com"),
    _evm(56, "bsc", "BNB Smart Chain", "BNB", "https://bscscan.com", "bnb", "binance"),
    _evm(61, "etc", "Ethereum Classic", "ETC", "https://etc.blockscout.com", "ethereum-classic"),
    _evm(66, "oktc", "OKTC", "OKT", "https://www.oklink.com/oktc", "okc"),
    _evm(100, "gnosis", "Gnosis", "xDAI", "https://gnosisscan.io", "gno", "xdai"),
    _evm(130, "unichain", "Unichain", "ETH", "https://uniscan.xyz", "uni"),
    _evm(137, "polygon", "Polygon", "POL", "https://polygonscan.com", "matic", "pol"),
    _evm(143, "monad", "Monad", "MON", "https://monadscan.com", "mon"),
    _evm(146, "sonic", "Sonic", "S", "https://sonicscan.org"),
    _evm(169, "manta", "Manta Pacific", "ETH", "https://pacific-explorer.manta.network", "manta-pacific"),
    _evm(196, "xlayer", "X Layer", "OKB", "https://www.oklink.com/x-layer", "x-layer", "okb"),
    _evm(204, "opbnb", "opBNB", "BNB", "https://opbnbscan.com"),
    _evm(223, "b2", "B2", "BTC", "https://explorer.bsquared.network", "bsquared"),
    _evm(250, "fantom", "Fantom", "FTM", "https://explorer.fantom.network", "ftm"),
    _evm(255, "kroma", "Kroma", "ETH", "https://blockscout.kroma.network"),
    _evm(288, "boba", "Boba", "ETH", "https://bobascan.com"),
    _evm(321, "kcc", "KCC", "KCS", "https://scan.kcc.io"),
    _evm(324, "zksync", "zkSync Era", "ETH", "https://era.zksync.network", "zksync-era", "era"),
    _evm(369, "pulsechain", "PulseChain", "PLS", "https://otter.pulsechain.com", "pulse", "pls"),
    _evm(999, "hyperevm", "HyperEVM", "HYPE", "https://hyperevmscan.io", "hyperliquid"),
    _evm(1030, "conflux", "Conflux eSpace", "CFX", "https://evm.confluxscan.org", "cfx"),
    _evm(1088, "metis", "Metis", "METIS", "https://explorer.metis.io"),
    _evm(1101, "polygon-zkevm", "Polygon zkEVM", "ETH", "https://zkevm.polygonscan.com", "zkevm"),
    _evm(1116, "core", "Core", "CORE", "https://scan.coredao.org", "coredao"),
    _evm(1284, "moonbeam", "Moonbeam", "GLMR", "https://moonscan.io", "glmr"),
    _evm(1285, "moonriver", "Moonriver", "MOVR", "https://moonriver.moonscan.io", "movr"),
    _evm(1329, "sei", "Sei", "SEI", "https://seiscan.io"),
    _evm(1625, "gravity", "Gravity", "G", "https://explorer.gravity.xyz"),
    _evm(2020, "ronin", "Ronin", "RON", "https://app.roninchain.com", "ron"),
    _evm(2222, "kava", "Kava", "KAVA", "https://kavascan.com"),
    _evm(4200, "merlin", "Merlin", "BTC", "https://scan.merlinchain.io"),
    _evm(4326, "megaeth", "MegaETH", "ETH", "https://mega.etherscan.io"),
    _evm(5000, "mantle", "Mantle", "MNT", "https://mantlescan.xyz", "mnt"),
    _evm(7000, "zetachain", "ZetaChain", "ZETA", "https://zetascan.com", "zeta"),
    _evm(8217, "kaia", "Kaia", "KAIA", "https://kaiascan.io", "klaytn", "klay"),
    _evm(8453, "base", "Base", "ETH", "https://basescan.org"),
    _evm(9745, "plasma", "Plasma", "XPL", "https://plasmascan.to", "xpl"),
    _evm(13371, "immutable-zkevm", "Immutable zkEVM", "IMX", "https://explorer.immutable.com", "immutable", "imx"),
    _evm(33139, "apechain", "ApeChain", "APE", "https://apescan.io", "ape"),
    _evm(34443, "mode", "Mode", "ETH", "https://explorer.mode.network"),
    _evm(42161, "arbitrum", "Arbitrum One", "ETH", "https://arbiscan.io", "arb", "arbitrum-one"),
    _evm(42170, "arbitrum-nova", "Arbitrum Nova", "ETH", "https://nova.arbiscan.io", "nova"),
    _evm(42220, "celo", "Celo", "CELO", "https://celoscan.io"),
    _evm(43114, "avalanche", "Avalanche C-Chain", "AVAX", "https://snowscan.xyz", "avax", "avalanche-c"),
    _evm(57073, "ink", "Ink", "ETH", "https://explorer.inkonchain.com"),
    _evm(59144, "linea", "Linea", "ETH", "https://lineascan.build"),
    _evm(60808, "bob", "BOB", "ETH", "https://explorer.gobob.xyz"),
    _evm(80094, "berachain", "Berachain", "BERA", "https://berascan.com", "bera"),
    _evm(81457, "blast", "Blast", "ETH", "https://blastscan.io"),
    _evm(167000, "taiko", "Taiko", "ETH", "https://taikoscan.io"),
    _evm(200901, "bitlayer", "Bitlayer", "BTC", "https://www.btrscan.com"),
    _evm(534352, "scroll", "Scroll", "ETH", "https://scrollscan.com"),
    _evm(747474, "katana", "Katana", "ETH", "https://katanascan.com"),
    _evm(7777777, "zora", "Zora", "ETH", "https://explorer.zora.energy"),
    _evm(11155111, "sepolia", "Sepolia", "ETH", "https://sepolia.etherscan.io"),
    Chain("0", "bitcoin", "Bitcoin", "BTC", "https://mempool.space", ("btc",), None, Family.UTXO),
    Chain("2", "litecoin", "Litecoin", "LTC", "https://litecoinspace.org", ("ltc",), None, Family.UTXO),
    Chain("3", "dogecoin", "Dogecoin", "DOGE", "https://dogechain.info", ("doge",), None, Family.UTXO),
    Chain("5", "dash", "Dash", "DASH", "https://insight.dash.org", ("dash-coin",), None, Family.UTXO),
    Chain(
        "145", "bitcoin-cash", "Bitcoin Cash", "BCH", "https://blockchair.com/bitcoin-cash", ("bch",), None, Family.UTXO
    ),
    Chain("195", "tron", "Tron", "TRX", "https://tronscan.org", ("trx",), None, Family.TRON),
    Chain("501", "solana", "Solana", "SOL", "https://solscan.io", ("sol",), None, Family.SOLANA),
    Chain("607", "ton", "TON", "TON", "https://tonviewer.com", ("toncoin",), None, Family.TON),
    Chain("784", "sui", "Sui", "SUI", "https://suiscan.xyz", ("sui-network",), None, Family.SUI),
    Chain(
        "70000061",
        "fractal",
        "Fractal Bitcoin",
        "FB",
        "https://explorer.fractalbitcoin.io",
        ("fractal-bitcoin",),
        None,
        Family.UTXO,
    ),
)

_BY_INDEX = {chain.index: chain for chain in CHAINS}
_BY_EIP155 = {chain.eip155: chain for chain in CHAINS if chain.eip155 is not None}


def _spellings(chain: Chain) -> Iterable[str]:
    return (chain.index, chain.name, chain.title.casefold(), *chain.aliases)


_BY_SPELLING = {spelling: chain for chain in CHAINS for spelling in _spellings(chain)}


def find_chain(text: str) -> Chain:
    """The chain that a person means by a name, an alias or a chainIndex. Raises UnknownChainError."""
    wanted = " ".join(text.split()).casefold()
    for spelling in (wanted, wanted.replace(" ", "-"), wanted.replace("_", "-")):
        if (chain := _BY_SPELLING.get(spelling)) is not None:
            return chain
    hint = closest(wanted, (spelling for spelling in _BY_SPELLING if not spelling.isdigit()))
    raise UnknownChainError(f"unknown chain {text!r}" + (f"; {hint}" if hint else ""))


def by_index(index: str) -> Chain:
    """The chain with a chainIndex. Raises UnknownChainError."""
    try:
        return _BY_INDEX[index]
    except KeyError:
        raise UnknownChainError(f"unknown chainIndex {index!r}") from None


def by_eip155(number: int) -> Chain | None:
    """The chain with an EIP-155 id, or None where the table has none: such an id is kept, not refused."""
    return _BY_EIP155.get(number)
