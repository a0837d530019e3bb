"""Accounts at exchanges: what is held where no approval reaches, read with keys that may do nothing else.

An interface of an exchange is a module and a line in `EXCHANGES`.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import aiohttp

from scanner.context.exchanges.accounts import Access, Exchange
from scanner.context.exchanges.okx_v3 import OkxV3
from scanner.context.exchanges.okx_v5 import OkxV5
from scanner.context.exchanges.xt_v1 import XtV1
from scanner.context.exchanges.xt_v4 import XtV4
from scanner.okx.pacing import Ledger

__all__ = ["EXCHANGES", "Access", "Exchange"]

Opened: TypeAlias = Callable[[Access, aiohttp.ClientSession, Ledger], Exchange]

EXCHANGES: Mapping[tuple[str, str], Opened] = {
    ("okx", "v5"): OkxV5,
    ("okx", "v3"): OkxV3,
    ("xt", "v1"): XtV1,
    ("xt", "v4"): XtV4,
}
"""Every interface that can be read, by the exchange and its name in the configuration."""
