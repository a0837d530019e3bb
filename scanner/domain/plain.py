"""Numbers and times in plain words, the same wherever a person reads them."""

from datetime import UTC, datetime

__all__ = ["counted", "grouped", "moment"]


def counted(number: int, thing: str) -> str:
    """A number of things, as in `1 target` and `2 targets`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def grouped(number: int | str) -> str:
    """A decimal number with its digits in threes: `2,744,484.5`.

    By commas: what blanks hold together, a phone takes for a number to call.
    """
    whole, point, part = str(number).partition(".")
    return f"{int(whole):,}{point}{part}"


def moment(at: datetime) -> str:
    """A time to the minute, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
