"""Balances: what a request for them has to be, and what owners hold, in any reading of the documents. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_DOWN, Context, Decimal
from typing import Any

from scanner.sandbox.chains import EVM, KNOWN, NAMES
from scanner.sandbox.checks import check_place, read_object, read_text
from scanner.sandbox.codes import Refusal
from scanner.sandbox.pages import Asked, Json
from scanner.sandbox.quirks import OwnerField, PriceForm, Quirks, RawForm, RiskForm
from scanner.sandbox.worlds import Day, Key, Token, smallest_units

__all__ = ["Named", "all_balances", "asked_for_all", "asked_for_some", "plain", "some_balances", "supported_chains"]

Named = tuple[str, str]
"""A chainIndex and a token's address on it, "" for the chain's own coin."""

MOST_CHAINS = 50
MOST_TOKENS = 20
DIGITS = 17
"""As many digits of a balance as the documents' examples have."""

_EXACT = Context(prec=200)
_CHECKED = EVM | {"195", "501"}
"""Chains whose tokens have addresses of one form; on others a token may have any name."""


def asked_for_all(query: Mapping[str, str]) -> tuple[Asked, bool]:
    """Check the query of a request for everything that an address holds, and whether it wants risk tokens as well.

    Raises Refusal with the code for the first thing that is wrong: one chain that does not fit fails all of them.
    """
    address = read_text(query, "address")
    chains = read_text(query, "chains").split(",")
    if len(chains) > MOST_CHAINS:
        raise Refusal("51000", f"{len(chains)} chains, at most {MOST_CHAINS} are allowed")
    return Asked(_targets(chains, address)), _with_risk(query)


def asked_for_some(body: bytes, content_type: str) -> tuple[Asked, tuple[Named, ...], bool]:
    """Check the body of a request for some tokens by their addresses, and whether it wants risk tokens as well.

    Raises Refusal with the code for the first thing that is wrong.
    """
    asked = read_object(body, content_type)
    address = read_text(asked, "address")
    named = asked.get("tokenContractAddresses")
    if named is None or named == []:
        raise Refusal("50014", "tokenContractAddresses")
    if not isinstance(named, list):
        raise Refusal("51000", "tokenContractAddresses has to be a list")
    if len(named) > MOST_TOKENS:
        raise Refusal("51000", f"{len(named)} tokens, at most {MOST_TOKENS} are allowed")
    tokens = tuple(dict.fromkeys(map(_named, named)))
    entries = _targets([chain for chain, _ in tokens], address)
    for chain, token in tokens:
        if token and chain in _CHECKED:
            check_place(chain, token)
        if chain in EVM and token != token.lower():
            raise Refusal("81106", token)
    return Asked(entries), tokens, _with_risk(asked)


def all_balances(day: Day, entries: Sequence[Key], quirks: Quirks, *, with_risk: bool) -> list[Json]:
    """The `data` of an answer with everything that an owner holds on the chains asked for."""
    held = ((owner, *found) for chain, owner in entries for found in day.held(chain, owner))
    return _answer(day, held, quirks, with_risk=with_risk)


def some_balances(
    day: Day, entries: Sequence[Key], tokens: Iterable[Named], quirks: Quirks, *, with_risk: bool
) -> list[Json]:
    """The `data` of an answer with those of the tokens asked for that the owner holds; others are left out."""
    owners = dict(entries)
    held = (
        (owners[chain], token, amount)
        for chain, address in tokens
        for token, amount in day.held(chain, owners[chain])
        if token.address == address
    )
    return _answer(day, held, quirks, with_risk=with_risk)


def supported_chains() -> list[Json]:
    """The `data` of the list of chains. Those without a name in worlds are called by their chainIndex."""
    names = {index: name for name, index in NAMES.items()}
    return [
        {"chainIndex": index, "name": names.get(index, index), "shortName": names.get(index, index), "logoUrl": ""}
        for index in sorted(KNOWN, key=int)
    ]


def _named(entry: object) -> Named:
    if not isinstance(entry, dict):
        raise Refusal("51000", "a token has to be an object")
    token = entry.get("tokenContractAddress")
    return read_text(entry, "chainIndex"), "" if token == "" else read_text(entry, "tokenContractAddress")


def _targets(chains: Iterable[str], address: str) -> tuple[Key, ...]:
    """The targets that are asked for; the documents' own example writes an EVM address in mixed case."""
    found = []
    for chain in dict.fromkeys(chains):
        check_place(chain, address)
        found.append((chain, address.lower() if chain in EVM else address))
    return tuple(found)


def _with_risk(given: Mapping[str, Any]) -> bool:
    """Whether risk tokens are wanted: the documents' word is turned around, and filtering them out is the default."""
    exclude = given.get("excludeRiskToken", "0")
    if exclude not in ("0", "1"):
        raise Refusal("51000", 'excludeRiskToken has to be "0", which filters, or "1", which does not')
    return bool(exclude == "1")


def _answer(day: Day, held: Iterable[tuple[str, Token, Decimal]], quirks: Quirks, *, with_risk: bool) -> list[Json]:
    rows = [_row(day, *found, quirks) for found in held if with_risk or not day.risky(found[1])]
    return [{"tokenAssets": rows}]


def _row(day: Day, owner: str, token: Token, amount: Decimal, quirks: Quirks) -> dict[str, Json]:
    risky = day.risky(token)
    return {
        "chainIndex": int(token.chain) if quirks.chain_as_number else token.chain,
        "tokenContractAddress": token.address,
        "address": owner if quirks.balance_address is OwnerField.OWNER else "",
        "symbol": "***" if quirks.masked_symbol else token.symbol,
        "balance": plain(_cut(amount) if quirks.truncated else amount),
        "rawBalance": _raw(token, amount, quirks.raw),
        "tokenPrice": _price(day.price(token), quirks.price),
        "isRiskToken": str(risky).lower() if quirks.risk is RiskForm.TEXT else risky,
    }


def _raw(token: Token, amount: Decimal, form: RawForm) -> str:
    if form is RawForm.EMPTY or token.decimals is None:
        return ""
    return str(smallest_units(amount, token.decimals))


def _price(price: Decimal | None, form: PriceForm) -> str:
    match form:
        case PriceForm.ZERO:
            return "0"
        case PriceForm.EMPTY:
            return ""
        case PriceForm.PLAIN:
            return "0" if price is None else plain(price)


def _cut(amount: Decimal) -> Decimal:
    """An amount without what lies behind its 17th digit; digits before the point are all there."""
    last = min(0, amount.adjusted() - DIGITS + 1)
    return amount.quantize(Decimal(1).scaleb(last), ROUND_DOWN, _EXACT)


def plain(number: Decimal) -> str:
    """A number without an exponent, and without zeros behind its last digit."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
