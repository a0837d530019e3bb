"""A server that speaks the approvals API's protocol, and the worlds that it shows.

For the demo, for trying rules, and as the far side in tests. It shares nothing with the client: what it knows of the
protocol was written from the documents a second time, so that the two check each other.
"""

from scanner.sandbox.checks import Credentials
from scanner.sandbox.codes import CODES
from scanner.sandbox.faults import FAULTS, Fault
from scanner.sandbox.generator import big_world, filler
from scanner.sandbox.play import Logged
from scanner.sandbox.quirks import (
    AmountForm,
    CursorForm,
    EndStyle,
    LimitCounts,
    Packing,
    Quirks,
    RowForm,
    SpenderField,
    SymbolForm,
)
from scanner.sandbox.server import Sandbox, Server, serve_forever
from scanner.sandbox.stories import bundled_world, load_world, read_world
from scanner.sandbox.worlds import UINT256_MAX, Day, Key, Owner, Row, Spender, Status, Token, World, day_of

__all__ = [
    "CODES",
    "FAULTS",
    "UINT256_MAX",
    "AmountForm",
    "Credentials",
    "CursorForm",
    "Day",
    "EndStyle",
    "Fault",
    "Key",
    "LimitCounts",
    "Logged",
    "Owner",
    "Packing",
    "Quirks",
    "Row",
    "RowForm",
    "Sandbox",
    "Server",
    "Spender",
    "SpenderField",
    "Status",
    "SymbolForm",
    "Token",
    "World",
    "big_world",
    "bundled_world",
    "day_of",
    "filler",
    "load_world",
    "read_world",
    "serve_forever",
]
