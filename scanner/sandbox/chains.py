"""The chains that the sandbox serves: the provider's list of chainIndexes, and the form of an address on each."""

import re

from scanner.errors import closest

__all__ = ["EVM", "KNOWN", "NAMES", "chain_index", "fits", "in_base58"]

NAMES: dict[str, str] = {
    "ethereum": "1",
    "optimism": "10",
    "bsc": "56",
    "gnosis": "100",
    "unichain": "130",
    "polygon": "137",
    "sonic": "146",
    "xlayer": "196",
    "fantom": "250",
    "zksync": "324",
    "mantle": "5000",
    "base": "8453",
    "arbitrum": "42161",
    "celo": "42220",
    "avalanche": "43114",
    "linea": "59144",
    "berachain": "80094",
    "blast": "81457",
    "scroll": "534352",
    "sepolia": "11155111",
    "tron": "195",
    "solana": "501",
    "ton": "607",
    "sui": "784",
}
"""Names that a world may use instead of a chainIndex."""

_EVM_IDS = (
    *(1, 10, 14, 25, 50, 56, 61, 66, 100, 130, 137, 143, 146, 169, 196, 204, 223, 250, 255, 288, 321, 324, 369, 999),
    *(1030, 1088, 1101, 1116, 1284, 1285, 1329, 1625, 2020, 2222, 4200, 4326, 5000, 7000, 8217, 8453, 9745, 13371),
    *(33139, 34443, 42161, 42170, 42220, 43114, 57073, 59144, 60808, 80094, 81457, 167000, 200901, 534352, 747474),
    *(7777777, 11155111),
)

EVM: frozenset[str] = frozenset(map(str, _EVM_IDS))
"""The chainIndexes of EVM chains, whose addresses have to be in lower case."""

_HEX = re.compile(r"0x[0-9a-fA-F]{40}")
_BASE58 = "[1-9A-HJ-NP-Za-km-z]"
_UTXO = re.compile(r"[0-9A-Za-z:]{14,100}")
_FORMS = {
    **dict.fromkeys(("0", "2", "3", "5", "145", "70000061"), _UTXO),
    "195": re.compile(rf"T{_BASE58}{{33}}"),
    "501": re.compile(rf"{_BASE58}{{32,44}}"),
    "607": re.compile(r"(?:-1|0):[0-9a-fA-F]{64}|[A-Za-z0-9_+/-]{48}"),
    "784": re.compile(r"0x[0-9a-fA-F]{1,64}"),
}

KNOWN: frozenset[str] = EVM | _FORMS.keys()
"""Every chainIndex that is served."""


def chain_index(text: str) -> str:
    """The chainIndex that a name or a chainIndex stands for. Raises ValueError for a chain that is not served."""
    index = NAMES.get(text.lower(), text)
    if index not in KNOWN:
        hint = closest(text.lower(), NAMES) or "a name such as base or a chainIndex is expected"
        raise ValueError(f"unknown chain {text!r}; {hint}")
    return index


def fits(address: str, chain: str) -> bool:
    """Whether a text has the form of an address on a chain that is served, in whatever case."""
    return _FORMS.get(chain, _HEX).fullmatch(address) is not None


def in_base58(address: str) -> bool:
    """Whether a text has the form of an address on Tron or Solana, whatever the chain."""
    return fits(address, "195") or fits(address, "501")
