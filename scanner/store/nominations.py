"""Rows of what a chain's logs speak of: how they are written and found, each right once."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, false, func, literal_column, null, or_, select, text, tuple_, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.approvals import Kind
from scanner.domain.nominations import PERMIT2, Nomination
from scanner.store.columns import Instant, Json
from scanner.store.prepared import Command, Query
from scanner.store.rows import given
from scanner.store.tables import nominations

__all__ = ["AT_ONCE", "DENIED", "KEPT", "NAMED", "SEEN", "TOLD", "cover", "named", "nomination_of", "row_of"]

REST = timedelta(days=1)
"""After which what the state denied is asked again at the latest. Half of that at the earliest: not all at once."""

AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)
"""When a right is due that nothing says may wait."""

_KINDS: Mapping[str, Kind] = {kind.value: kind for kind in Kind}
_WORDS: Mapping[Kind, str] = {kind: kind.value for kind in Kind}

_MOVING = ("amount", "block", "tx", "at", "orphaned", "heard", "denied", "due_at")
"""What a log that speaks of a right once more makes of its row."""

_KEY = ("chain", "owner", "token", "spender", "kind", "token_id", "via")
"""The columns that make a right one. Rows that are sorted by them are written in half the time."""

_new = insert(nominations).values(
    seen=false(),
    orphaned=false(),
    denied=null(),
    due_at=literal_column("0"),  # 1970, as AT_ONCE
)
TOLD = Command(
    _new.on_conflict_do_update(
        index_elements=[nominations.c[name] for name in _KEY],
        set_={name: _new.excluded[name] for name in _MOVING},
    ),
    (*_KEY, "amount", "block", "tx", "at", "heard"),
)
"""What a log tells is due at once, and what was seen of it stays."""

_NOMINATION = [
    nominations.c[name]
    for name in ("owner", "kind", "token", "spender", "token_id", "via", "amount", "block", "tx", "at")
]
"""What `nomination_of` takes."""

_DUE = bindparam("due", type_=Instant)
KEPT = Query(
    select(nominations.c.id, nominations.c.seen, nominations.c.orphaned, *_NOMINATION).where(
        nominations.c.chain == bindparam("chain"),
        nominations.c.owner.in_(given("owners")),
        or_(
            _DUE.is_(None),
            nominations.c.due_at <= _DUE,
            # A clock that was set back would have something rest for longer than anything does: that is due, too.
            nominations.c.due_at > _DUE + literal_column(str(REST // timedelta(microseconds=1))),
        ),
    )
)
"""What is kept of some `owners` of a `chain`, or what of it is `due` by then: `id`, `seen`, `orphaned`, the right."""

_names = func.json_each(bindparam("keys", type_=Json)).table_valued("value").c.value
NAMED = Query(
    select(*_NOMINATION).where(
        nominations.c.chain == bindparam("chain"),
        # Compared one by one, the columns would have SQLite look at every right of the chain for each name.
        tuple_(*(nominations.c[name] for name in _KEY[1:])).in_(
            select(*(func.json_extract(_names, f"$[{place}]") for place in range(len(_KEY) - 1)))
        ),
    )
)
"""Those rights of a `chain` that are kept, of all these `keys` (`named`)."""

SEEN = Command(
    update(nominations).where(nominations.c.id.in_(given("ids"))).values(seen=True, denied=None, due_at=AT_ONCE)
)
"""The state showed these `ids` in force."""

_HALF = REST // timedelta(microseconds=2)
DENIED = Command(
    update(nominations)
    .where(
        nominations.c.id.in_(given("ids")),
        nominations.c.seen.is_(False),
        nominations.c.heard <= bindparam("after"),
    )
    .values(
        denied=bindparam("after"),
        due_at=bindparam("then", type_=Instant) + literal_column(f"{_HALF} + abs(random() % {_HALF})"),
    )
)
"""The state `after` a block said no to these `ids`: from `then` on they rest, each for its own time."""

_INSTANCE = func.coalesce(func.nullif(nominations.c.via, ""), PERMIT2)
_OF_PERMIT2 = text("kind = 'permit2'")
"""As it stands in the index."""

_COVERABLE = Query(
    select(nominations.c.owner, nominations.c.token, _INSTANCE).where(
        nominations.c.chain == bindparam("chain"), nominations.c.owner.in_(given("owners")), _OF_PERMIT2
    )
)
_COVERED = Command(
    update(nominations)
    .where(
        nominations.c.chain == bindparam("this_chain"),
        nominations.c.owner == bindparam("this_owner"),
        nominations.c.token == bindparam("this_token"),
        _OF_PERMIT2,
        bindparam("instance") == _INSTANCE,
    )
    .values(heard=func.max(nominations.c.heard, bindparam("at")), denied=None, due_at=AT_ONCE)
)


async def cover(connection: AsyncConnection, chain: str, told: Sequence[Nomination], heard: Mapping[str, int]) -> None:
    """What comes into force with an allowance to Permit2, without a log of its own, is due again.

    `heard` are the owners of whom logs spoke, each with a block after which none did.
    """
    coverable = set(await _COVERABLE(connection, chain=chain, owners=list(heard)))
    if coverable:
        covered = {(one.owner, one.token, one.spender) for one in told if one.kind is Kind.ERC20} & coverable
        rows = (
            {"this_chain": chain, "this_owner": owner, "this_token": token, "instance": instance, "at": heard[owner]}
            for owner, token, instance in covered
        )
        await _COVERED(connection, rows)


def named(one: Nomination) -> tuple[str, ...]:
    """What makes a right one, without its chain, in the order of `_KEY`; empty is what it has none of."""
    token_id = "" if one.token_id is None else str(one.token_id).zfill(78)
    return one.owner, one.token, one.spender, _WORDS[one.kind], token_id, one.via or ""


def row_of(chain: str, one: Nomination, heard: int) -> dict[str, object]:
    """What `TOLD` writes of a nomination."""
    owner, token, spender, kind, token_id, via = named(one)
    return {
        "chain": chain,
        "owner": owner,
        "token": token,
        "spender": spender,
        "kind": kind,
        "token_id": token_id,
        "via": via,
        "amount": one.amount,
        "block": one.block,
        "tx": one.tx,
        "at": one.at,
        "heard": heard,
    }


def nomination_of(owner: str, kind: str, token: str, spender: str, token_id: str, via: str, *told: Any) -> Nomination:
    """A row of `_NOMINATION`."""
    return Nomination(owner, _KINDS[kind], token, spender, int(token_id) if token_id else None, via or None, *told)
