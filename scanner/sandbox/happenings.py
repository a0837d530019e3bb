"""What can happen in a world: each verb changes what the day before left behind, or says why it cannot.

A happening is a mapping of which the first key is the verb and its value whom it is about:
`{approve: uniswap, by: treasury, token: usdt, amount: max}`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, TypeAlias

from scanner.sandbox.generator import filler
from scanner.sandbox.shapes import Converter, chain, decimal, flag, number, one_of, text
from scanner.sandbox.worlds import UINT256_MAX, Day, Row, Spender, Status, Token, by_key, smallest_units

__all__ = ["EXCHANGES", "Cast", "NonsenseError", "State", "Verb", "verbs"]

EXCHANGES = ("okx", "xt")
"""The exchanges that the sandbox speaks for."""

Fields: TypeAlias = Mapping[str, Any]
"""The values of a happening's keys, converted."""

Identity: TypeAlias = tuple[str, Token, Spender]


class NonsenseError(ValueError):
    """A happening that cannot be, as the story stands. `key` is the one that is wrong."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


@dataclass(frozen=True, slots=True)
class Cast:
    """Who and what a story is about, by the names that it gives them. Owners are addresses."""

    tokens: Mapping[str, Token]
    spenders: Mapping[str, Spender]
    owners: Mapping[str, str]


@dataclass(slots=True)
class State:
    """What has become of a world so far; changed by one happening after the other."""

    rows: dict[Identity, Row] = field(default_factory=dict)
    gone: dict[Identity, Row] = field(default_factory=dict)
    exploited: dict[Spender, str] = field(default_factory=dict)
    balances: dict[tuple[str, Token], Decimal] = field(default_factory=dict)
    prices: dict[Token, Decimal | None] = field(default_factory=dict)
    flagged: set[Token] = field(default_factory=set)
    accounts: dict[tuple[str, str], Decimal] = field(default_factory=dict)

    def put(self, rows: Iterable[Row]) -> None:
        """Rows that are there from now on, new or changed."""
        self.rows |= {(row.owner, row.token, row.spender): row for row in rows}

    def day(self, title: str) -> Day:
        """The state as it is now, for good."""
        return Day(
            title,
            rows=by_key(self.rows.values()),
            exploited=tuple(self.exploited),
            incidents={spender: told for spender, told in self.exploited.items() if told},
            balances=dict(self.balances),
            prices=dict(self.prices),
            flagged=frozenset(self.flagged),
            accounts=dict(self.accounts),
        )


@dataclass(frozen=True, slots=True)
class Verb:
    """One thing that can happen: the keys that it needs, those that it may have, and what it does."""

    needs: Mapping[str, Converter]
    may: Mapping[str, Converter]
    happen: Callable[[State, Fields], None]


def verbs(cast: Cast) -> dict[str, Verb]:
    """Every verb by its name, for the people and things of one story."""
    spender, owner, token = _among(cast.spenders), _among(cast.owners), _among(cast.tokens)
    who = {"by": owner, "token": token}
    much: dict[str, Converter] = {"amount": _amount, "raw": _raw}
    exchange = one_of(*EXCHANGES)
    return {
        "approve": Verb({"approve": spender, **who}, {**much, "pending": flag}, _approve),
        "raise": Verb({"raise": spender, **who}, much, _raise),
        "lower": Verb({"lower": spender, **who}, much, _lower),
        "revoke": Verb({"revoke": spender, **who}, {"pending": flag}, _revoke),
        "restore": Verb({"restore": spender, **who}, much, _restore),
        "settle": Verb({"settle": spender, **who}, {}, _settle),
        "drop": Verb({"drop": spender, **who}, {}, _drop),
        "exploit": Verb({"exploit": spender}, {"incident": text}, _exploit),
        "hold": Verb({"hold": token, "by": owner, "amount": decimal}, {}, _hold),
        "price": Verb({"price": token, "usd": _usd}, {}, _price),
        "flag": Verb({"flag": token}, {}, _flag),
        "deposit": Verb({"deposit": exchange, "currency": text, "amount": decimal}, {}, _deposit),
        "withdraw": Verb({"withdraw": exchange, "currency": text, "amount": decimal}, {}, _withdraw),
        "fill": Verb({"fill": owner, "chain": chain, "count": number}, {"seed": number}, _fill),
    }


def _approve(state: State, given: Fields) -> None:
    identity = _identity("approve", given)
    if identity in state.rows:
        raise NonsenseError("approve", "this is approved already; raise or lower it")
    status = Status.GRANTING if given.get("pending") else Status.GRANTED
    owner, token, spender = identity
    state.put([Row(owner, token, spender, _wanted("approve", given), status)])


def _raise(state: State, given: Fields) -> None:
    row, raw = _standing(state, "raise", given), _wanted("raise", given)
    if raw <= row.raw:
        raise NonsenseError("raise", f"the allowance is {row.raw} already, and {raw} is not more")
    state.put([replace(row, raw=raw)])


def _lower(state: State, given: Fields) -> None:
    row, raw = _standing(state, "lower", given), _wanted("lower", given)
    if raw >= row.raw:
        raise NonsenseError("lower", f"the allowance is {row.raw}, and {raw} is not less")
    state.put([replace(row, raw=raw)])


def _revoke(state: State, given: Fields) -> None:
    row = _standing(state, "revoke", given)
    if given.get("pending"):
        state.put([replace(row, status=Status.REVOKING)])
    else:
        _take_away(state, _identity("revoke", given))


def _restore(state: State, given: Fields) -> None:
    identity = _identity("restore", given)
    if identity not in state.gone:
        raise NonsenseError("restore", "this was never revoked, so that it cannot come back")
    row = state.gone.pop(identity)
    raw = _wanted("restore", given) if given.keys() & {"amount", "raw"} else row.raw
    state.put([replace(row, raw=raw, status=Status.GRANTED)])


def _settle(state: State, given: Fields) -> None:
    row = _standing(state, "settle", given)
    match row.status:
        case Status.GRANTED:
            raise NonsenseError("settle", "nothing is pending here")
        case Status.GRANTING:
            state.put([replace(row, status=Status.GRANTED)])
        case Status.REVOKING:
            _take_away(state, _identity("settle", given))


def _drop(state: State, given: Fields) -> None:
    row = _standing(state, "drop", given)
    match row.status:
        case Status.GRANTED:
            raise NonsenseError("drop", "nothing is pending here")
        case Status.GRANTING:
            _take_away(state, _identity("drop", given))
        case Status.REVOKING:
            state.put([replace(row, status=Status.GRANTED)])


def _exploit(state: State, given: Fields) -> None:
    if given["exploit"] in state.exploited:
        raise NonsenseError("exploit", "this has turned out exploited already")
    state.exploited[given["exploit"]] = given.get("incident", "")


def _hold(state: State, given: Fields) -> None:
    token, amount = given["hold"], given["amount"]
    if token.decimals is not None:
        _in_smallest_units(amount, token.decimals)
    state.balances[given["by"], token] = amount


def _price(state: State, given: Fields) -> None:
    state.prices[given["price"]] = given["usd"]


def _flag(state: State, given: Fields) -> None:
    token = given["flag"]
    if token.risk or token in state.flagged:
        raise NonsenseError("flag", "this token is known as a risk already")
    state.flagged.add(token)


def _deposit(state: State, given: Fields) -> None:
    account = given["deposit"], given["currency"]
    state.accounts[account] = state.accounts.get(account, Decimal(0)) + given["amount"]


def _withdraw(state: State, given: Fields) -> None:
    account = given["withdraw"], given["currency"]
    there = state.accounts.get(account, Decimal(0))
    if given["amount"] > there:
        raise NonsenseError("amount", f"there is only {there} of it")
    state.accounts[account] = there - given["amount"]


def _fill(state: State, given: Fields) -> None:
    state.put(filler(given["fill"], given["chain"], given["count"], seed=given.get("seed", 0)))


def _identity(verb: str, given: Fields) -> Identity:
    return given["by"], given["token"], given[verb]


def _standing(state: State, verb: str, given: Fields) -> Row:
    row = state.rows.get(_identity(verb, given))
    if row is None:
        raise NonsenseError(verb, "this is not approved on that day")
    return row


def _take_away(state: State, identity: Identity) -> None:
    state.gone[identity] = state.rows.pop(identity)


def _wanted(verb: str, given: Fields) -> int:
    """The allowance in the smallest unit, from `amount` (in whole tokens) or `raw`."""
    if ("amount" in given) == ("raw" in given):
        raise NonsenseError(verb, "either 'amount' (in whole tokens) or 'raw' (in the smallest unit) is needed")
    if "raw" in given:
        return int(given["raw"])
    amount, decimals = given["amount"], given["token"].decimals
    if amount == UINT256_MAX:
        return UINT256_MAX
    if decimals is None:
        raise NonsenseError("amount", "the token has no decimals: write 'raw', or 'max'")
    return _in_smallest_units(amount, decimals)


def _in_smallest_units(amount: Decimal, decimals: int) -> int:
    try:
        return smallest_units(amount, decimals)
    except ValueError as error:
        raise NonsenseError("amount", str(error)) from error


def _amount(written: str) -> Decimal:
    return Decimal(UINT256_MAX) if written == "max" else decimal(written)


def _usd(written: str) -> Decimal | None:
    return None if written == "unknown" else decimal(written)


def _raw(written: str) -> int:
    raw = UINT256_MAX if written == "max" else number(written)
    if raw > UINT256_MAX:
        raise ValueError(f"{written} is more than an allowance can be; write 'max' for 2^256-1")
    return raw


def _among(named: Mapping[str, Any]) -> Converter:
    word = one_of(*named)
    return lambda written: named[word(written)]
