"""How values that databases have no type for are kept exactly."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, Dialect, Numeric, String, Text, TypeDecorator
from sqlalchemy.types import TypeEngine

__all__ = ["Exact", "Instant", "Json", "Uint256"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TOO_LARGE = 10**78

# Made once: there is a value or two in nearly every row.
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
_DECODER = json.JSONDecoder()


class Instant(TypeDecorator[datetime]):
    """A moment, to the microsecond, as microseconds since 1970 in UTC: sorts, and means the same everywhere."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Refuses a time without a zone: it would mean something else on another machine."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored time needs its time zone")
        # Of another zone, an hour that it has twice would be found as one.
        return _kept(value if value.tzinfo is UTC else value.astimezone(UTC))

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """The moment in UTC."""
        return None if value is None else _moment(value)


# What is written or read together has few moments, each of them many times.
@lru_cache(maxsize=1024)
def _kept(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


@lru_cache(maxsize=1024)
def _moment(kept: int) -> datetime:
    return _EPOCH + kept * _MICROSECOND


class Uint256(TypeDecorator[int]):
    """An exact integer below 2^256: NUMERIC(78,0) where there is one, else 78 digits of text, so that it sorts."""

    impl = String(78)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The database's own exact number where it has one."""
        return dialect.type_descriptor(Numeric(78, 0) if dialect.name == "postgresql" else String(78))

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | str | None:
        """Refuses what does not fit into 78 digits; never passes through a float."""
        if value is None or dialect.name == "postgresql":
            return value
        if not 0 <= value < _TOO_LARGE:
            raise ValueError("an allowance has to be an unsigned integer of at most 78 digits")
        return str(value).zfill(78)

    def process_result_value(self, value: object, dialect: Dialect) -> int | None:
        """The exact integer."""
        return None if value is None else int(str(value))


class Exact(TypeDecorator[Decimal]):
    """A decimal number to its last digit, as text: a price, an amount in token units, money."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        """The number's own digits, without an exponent; nothing is always "0"."""
        return None if value is None else f"{value:f}" if value else "0"

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        """The same number."""
        return None if value is None else Decimal(value)


class Json(TypeDecorator[object]):
    """A small value as JSON text with sorted keys, so that equal values are equal text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: object, dialect: Dialect) -> str | None:
        """The text."""
        plain = dict(value) if isinstance(value, Mapping) else value
        return None if plain is None else _ENCODER.encode(plain)

    def process_result_value(self, value: str | None, dialect: Dialect) -> object:
        """The value."""
        return None if value is None else _DECODER.raw_decode(value)[0]
