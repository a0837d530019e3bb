"""Compiled contracts out of the npm packages that package.json names: their init code, as hex with 0x."""

import json
import re
from functools import cache

from anvil import PACKAGES

__all__ = ["MULTICALL3", "artifact", "multicall3", "permit2"]

MULTICALL3 = "0xca11bde05977b3631167028862be2a173976ca11"

ZEPPELIN, ZEPPELIN3 = "@openzeppelin/contracts/build/contracts", "openzeppelin-contracts-3/build/contracts"
SAFE = "@safe-global/safe-contracts/build/artifacts/contracts"
UNISWAPX = "@uniswap/uniswapx-sdk/dist/cjs/src/contracts/factories"

PLACES = {
    "erc20": f"{ZEPPELIN}/ERC20PresetMinterPauser.json",
    "erc20_of_2020": f"{ZEPPELIN3}/ERC20PresetFixedSupply.json",
    "erc20_with_permit": f"{UNISWAPX}/MockERC20__factory.js",
    "erc721": f"{ZEPPELIN}/ERC721PresetMinterPauserAutoId.json",
    "erc777": f"{ZEPPELIN}/ERC777PresetFixedSupply.json",
    "erc1155": f"{ZEPPELIN}/ERC1155PresetMinterPauser.json",
    "uni": "@uniswap/governance/build/Uni.json",
    "pair": "@uniswap/v2-core/build/UniswapV2ERC20.json",
    "weth": "@0x/contract-artifacts/lib/artifacts/WETH9.json",
    "zrx": "@0x/contract-artifacts/lib/artifacts/ZRXToken.json",
    "safe": f"{SAFE}/Safe.sol/Safe.json",
    "safe_factory": f"{SAFE}/proxies/SafeProxyFactory.sol/SafeProxyFactory.json",
}


@cache
def artifact(name: str) -> str:
    """A contract's init code, by a name of `PLACES`."""
    text = (PACKAGES / PLACES[name]).read_text()
    return _in_script(text) if PLACES[name].endswith(".js") else _in_document(json.loads(text))


@cache
def permit2() -> str:
    """The init code of Permit2 as Uniswap deployed it."""
    return _in_script((PACKAGES / UNISWAPX / "Permit2__factory.js").read_text())


@cache
def multicall3() -> str:
    """The init code of Multicall3."""
    found = re.search(r"multicall3Bytecode =\s*'(0x[0-9a-f]+)'", (PACKAGES / "viem/constants/contracts.ts").read_text())
    assert found is not None
    return found[1]


def _in_script(text: str) -> str:
    found = re.search(r'_bytecode = "(0x[0-9a-f]+)"', text)
    assert found is not None
    return found[1]


def _in_document(document: dict[str, object]) -> str:
    """Each compiler's output has its own form; some leave the 0x out."""
    while "bytecode" not in document:
        document = document.get("compilerOutput") or document["evm"]  # type: ignore[assignment]  # - JSON
    code = document["bytecode"]
    return "0x" + str(code["object"] if isinstance(code, dict) else code).removeprefix("0x")
