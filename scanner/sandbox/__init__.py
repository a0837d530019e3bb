"""A server that speaks the protocols of all the APIs that are read, and the worlds that it shows.

For the demo, for trying rules, and as the far side in tests. It shares nothing with the client: what it knows of the
protocol was written from the documents a second time, so that the two check each other.
"""

from scanner.sandbox.checks import Credentials
from scanner.sandbox.codes import CODES, OLD_CODES, XT_CODES, XT_V4_CODES
from scanner.sandbox.endpoints import Endpoint
from scanner.sandbox.faults import FAULTS, FAULTS_AT, Fault
from scanner.sandbox.generator import big_world, filler
from scanner.sandbox.play import Logged
from scanner.sandbox.quirks import (
    AmountForm,
    CursorForm,
    EndStyle,
    LimitCounts,
    OwnerField,
    Packing,
    PriceForm,
    Quirks,
    RawForm,
    RiskForm,
    RowForm,
    SpenderField,
    SymbolForm,
)
from scanner.sandbox.server import Sandbox, Server, serve_forever
from scanner.sandbox.stories import bundled_world, load_world, read_world, world_of
from scanner.sandbox.worlds import UINT256_MAX, Day, Key, Owner, Row, Spender, Status, Token, World, day_of

__all__ = [
    "CODES",
    "FAULTS",
    "FAULTS_AT",
    "OLD_CODES",
    "UINT256_MAX",
    "XT_CODES",
    "XT_V4_CODES",
    "AmountForm",
    "Credentials",
    "CursorForm",
    "Day",
    "EndStyle",
    "Endpoint",
    "Fault",
    "Key",
    "LimitCounts",
    "Logged",
    "Owner",
    "OwnerField",
    "Packing",
    "PriceForm",
    "Quirks",
    "RawForm",
    "RiskForm",
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
    "world_of",
]
