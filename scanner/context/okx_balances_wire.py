"""The two balance endpoints on the wire: what they are asked, and their answers as exact numbers or as unknown.

No number passes through a float, whether it is written as text or as a number. Texts from outside are cut here, and
made harmless where they are shown.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from scanner.domain.addresses import is_evm
from scanner.domain.approvals import UINT256_MAX
from scanner.domain.chains import Chain, Family
from scanner.domain.holdings import EXACT, Seen
from scanner.okx.client import Request
from scanner.okx.shapes import MalformedError, canonical_chain, salvage, short_text, written

__all__ = ["PREFIXES", "Answer", "amount_of", "held", "held_of", "raw_of", "read_answer"]

PREFIXES = {"v5": "/api/v5/dex/balance", "v6": "/api/v6/dex/balance"}
"""Where the endpoints are, in each version of the interface."""

WITH_RISK_TOKENS = "1"
"""What `excludeRiskToken` says to keep them: "0" filters them out, and is the default."""

MOST_DIGITS = 80
"""Digits on either side of the point that a number can have; one with more is no balance and no price."""

LONGEST_TOKEN = 128
"""Characters of a token's address; the longest are names in the style of `package::module::NAME`."""

_NUMBER = re.compile(rf"[0-9]{{1,{MOST_DIGITS}}}(?:\.[0-9]{{0,{MOST_DIGITS}}})?(?:[eE][+-]?[0-9]{{1,2}})?")
_INTEGER = re.compile(r"[0-9]{1,100}")
_RISKS = {"0": False, "false": False, "1": True, "true": True}


@dataclass(frozen=True, slots=True)
class Answer:
    """What one answer tells: rows by chainIndex and token. `broken` counts those that could not be read at all."""

    rows: Mapping[str, Mapping[str, Seen]]
    broken: int


class _Page(msgspec.Struct, rename="camel"):
    token_assets: list[msgspec.Raw] = []


class _Asset(msgspec.Struct, rename="camel"):
    chain_index: Any = None
    token_contract_address: Any = None
    address: Any = None
    symbol: Any = None
    balance: msgspec.Raw = msgspec.Raw(b"")
    raw_balance: msgspec.Raw = msgspec.Raw(b"")
    token_price: msgspec.Raw = msgspec.Raw(b"")
    is_risk_token: msgspec.Raw = msgspec.Raw(b"")


_decode = msgspec.json.Decoder(list[_Page]).decode
_decode_asset = msgspec.json.Decoder(_Asset).decode
_decode_text = msgspec.json.Decoder(str).decode


def held(prefix: str, owner: str, chains: Iterable[str]) -> Request:
    """Ask for all that an owner holds on some chains, at most 50 of one family of addresses."""
    query = {"address": written(owner), "chains": ",".join(chains), "excludeRiskToken": WITH_RISK_TOKENS}
    return Request("GET", f"{prefix}/all-token-balances-by-address", query=query)


def held_of(prefix: str, owner: str, tokens: Iterable[tuple[str, str]]) -> Request:
    """Ask what an owner holds of some tokens (chainIndex, address), at most 20; "" is the chain's own coin."""
    wanted = [{"chainIndex": chain, "tokenContractAddress": token} for chain, token in tokens]
    body = {"address": written(owner), "tokenContractAddresses": wanted, "excludeRiskToken": WITH_RISK_TOKENS}
    return Request("POST", f"{prefix}/token-balances-by-address", msgspec.json.encode(body))


def read_answer(data: msgspec.Raw, owner: str, asked: Mapping[str, Chain]) -> Answer:
    """The rows of an answer about an owner on some chains (by chainIndex); none where it lists nothing.

    Raises MalformedError for data of another shape, and for an answer that speaks of another owner or another chain:
    nothing in it can be believed then.
    """
    try:
        pages = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError("the data are not a list with a list of tokens in it") from error
    assets, broken = salvage([part for page in pages for part in page.token_assets], _decode_asset)
    rows: dict[str, dict[str, Seen]] = {}
    for asset in assets:
        if asset.address and (not isinstance(asset.address, str) or written(asset.address) != written(owner)):
            raise MalformedError("it tells of another owner than the one that was asked for")
        chain = asked.get(canonical_chain(asset.chain_index) or "")
        if chain is None:
            raise MalformedError("it tells of a chain that was not asked for")
        token = _token(asset.token_contract_address, chain)
        if token is None:
            broken += 1
            continue
        here = rows.setdefault(chain.index, {})
        seen = _seen(token, asset)
        here[token] = max(here.get(token, seen), seen, key=_weight)
    return Answer(rows, broken)


def amount_of(value: msgspec.Raw) -> Decimal | None:
    """A balance or a price exactly as it is written, as text or as a number; None for anything else.

    Decimals with an exponent are read as far as they stay within `MOST_DIGITS` on either side of the point.
    """
    text = _text(value)
    if not _NUMBER.fullmatch(text):
        return None
    number = Decimal(text)
    if not number:
        return Decimal(0)
    return number if int(number.as_tuple().exponent) >= -MOST_DIGITS and number.adjusted() < MOST_DIGITS else None


def raw_of(value: msgspec.Raw) -> int | None:
    """A balance in the smallest unit; None where there is none, or where it is no 256-bit integer."""
    text = _text(value)
    number = int(text) if _INTEGER.fullmatch(text) else None
    return None if number is None or number > UINT256_MAX else number


def _text(value: msgspec.Raw) -> str:
    """A value's own characters, without quotation marks; "" for text that cannot be read."""
    encoded = bytes(value)
    try:
        return (_decode_text(encoded) if encoded[:1] == b'"' else encoded.decode()).strip()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def _seen(token: str, asset: _Asset) -> Seen:
    amount, raw = _agreed(amount_of(asset.balance), raw_of(asset.raw_balance))
    return Seen(
        token=token,
        symbol=short_text(asset.symbol),
        amount=amount,
        raw=raw,
        # A price of zero means that there is none: nothing is worth zero dollars.
        price_usd=amount_of(asset.token_price) or None,
        risk=_RISKS.get(_text(asset.is_risk_token).casefold()),
    )


def _agreed(amount: Decimal | None, raw: int | None) -> tuple[Decimal | None, int | None]:
    """Two ways to write one balance, where the amount may be cut off: what contradicts the other is not known."""
    if amount is None or raw is None:
        return (Decimal(0), 0) if raw == 0 else (amount, raw)
    if not amount:
        return (None if raw else amount), raw
    digits = "".join(map(str, amount.normalize(EXACT).as_tuple().digits))
    return amount, raw if str(raw).startswith(digits) else None


def _token(value: object, chain: Chain) -> str | None:
    """A token's address in its stored form, "" for the chain's own coin; None where it can be neither."""
    if not isinstance(value, str):
        return None
    if chain.family is Family.EVM:
        # The far side's own capitals are no checksum.
        return value.lower() if value == "" or is_evm(value) else None
    return value if len(value) <= LONGEST_TOKEN else None


def _weight(seen: Seen) -> tuple[bool, Decimal, int]:
    """Of two rows for one token the larger counts, and one that is not known may be the larger."""
    return seen.amount is None and seen.raw is None, seen.amount or Decimal(0), seen.raw or 0
