"""Numbers, money and times in plain words, the same wherever a person reads them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

__all__ = ["counted", "grouped", "lasting", "moment", "money", "units"]

_PLACES = 8
"""Decimals of an amount that people are shown."""


def counted(number: int, thing: str, things: str = "") -> str:
    """A number of things, as in `1 target` and `2 targets`; `things` is the plural of a word that has its own."""
    return f"{number} {thing}" if number == 1 else f"{number} {things or f'{thing}s'}"


def grouped(number: int | str) -> str:
    """A decimal number with its digits in threes: `2,744,484.5`.

    By commas: what blanks hold together, a phone takes for a number to call.
    """
    whole, point, part = str(number).partition(".")
    return f"{int(whole):,}{point}{part}"


def moment(at: datetime) -> str:
    """A time to the minute, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def lasting(time: timedelta) -> str:
    """How long something lasts, in its two largest units: `3.4 s`, `12 min 5 s`, `2 h 30 min`, `3 d`."""
    seconds = time.total_seconds()
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    found: list[tuple[int, str]] = []
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        number, whole = divmod(whole, size)
        if number or found:
            found.append((number, name))
    return " ".join(f"{number} {name}" for number, name in found[:2] if number)


def money(usd: str | None) -> str:
    """US dollars to the cent; what is less than one says so."""
    if usd is None:
        return "unknown"
    exact = Decimal(usd)
    if 0 < exact < Decimal("0.01"):
        return "<$0.01"
    return f"${grouped(f'{exact:.2f}')}"


def units(amount: str) -> str:
    """An amount in token units; of a long one the first decimals."""
    whole, _, part = amount.partition(".")
    part = part.rstrip("0")
    shown = f"{whole}.{part[:_PLACES]}".rstrip("0").rstrip(".")
    if not Decimal(shown) and Decimal(amount):
        return "<0.00000001"
    return grouped(shown) + ("…" if len(part) > _PLACES else "")
