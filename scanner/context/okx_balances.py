"""What owners hold, as OKX tells it: one owner after the other, many chains in a request (docs/balances.md)."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Sequence

import structlog

from scanner.context.okx_balances_owner import NOT_COVERED, Account, Sheet, Unknown
from scanner.context.okx_balances_wire import PREFIXES
from scanner.domain.approvals import Target
from scanner.domain.chains import Chain, Family, by_index
from scanner.domain.cost import Cost
from scanner.domain.holdings import BalanceReading, Wanted
from scanner.errors import broke_off
from scanner.okx.breaker import Breaker
from scanner.okx.client import OkxClient

__all__ = ["OkxBalances"]

log = structlog.get_logger()


class OkxBalances:
    """The balance endpoints. What it learns of the service (dead, or a chain that it does not know) outlives a reading.

    `api` is "v5", the documented interface, or "v6", its successor.
    """

    name = "okx"

    def __init__(self, client: OkxClient, *, api: str = "v5") -> None:
        self.cost = Cost()
        self.client = client
        self.breaker = Breaker()
        self.unknown: set[Unknown] = set()
        self.prefix = PREFIXES[api]

    def covers(self, chain: Chain) -> bool:
        """Whether balances can be read there: everywhere, but for the chains that the service said it does not know."""
        return Unknown(by_address=False, chain=chain.index) not in self.unknown

    async def read(self, wanted: Sequence[Wanted]) -> AsyncGenerator[BalanceReading, None]:
        """Read what each target's owner holds: exactly one reading for each target, as soon as it is there.

        Raises UnknownChainError for a target on a chain outside of the table, and nothing else. Closing it stops what
        is in flight.
        """
        round_ = _Round(self, [Sheet(one, by_index(one.target.chain)) for one in _merged(wanted)])
        try:
            round_.start()
            for _ in range(round_.size):
                yield await round_.readings.get()
        finally:
            await round_.stop()


class _Round:
    """One call of `OkxBalances.read`: the owners that are still due, and the workers that ask for them."""

    def __init__(self, reader: OkxBalances, sheets: Sequence[Sheet]) -> None:
        self.readings: asyncio.Queue[BalanceReading] = asyncio.Queue()
        self.size = len(sheets)
        self._reader = reader
        self._due = {sheet.wanted.target: sheet for sheet in sheets}
        self._accounts: deque[Account] = deque()
        self._workers: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin with everything; where the source was found dead, with one owner who shows whether it still is."""
        for sheet in tuple(self._due.values()):
            if not self._reader.covers(sheet.chain):
                sheet.fail(NOT_COVERED)
                self._hand_on(sheet)
        client, prefix, unknown = self._reader.client, self._reader.prefix, self._reader.unknown
        self._accounts.extend(Account(client, prefix, sheets, unknown) for sheets in _by_owner(self._due.values()))
        self._employ(1 if self._reader.breaker.open else client.width)

    async def stop(self) -> None:
        """Cancel what is in flight and wait for it."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    def _employ(self, width: int) -> None:
        for _ in range(min(width, len(self._accounts))):
            self._workers.append(asyncio.create_task(self._work()))

    async def _work(self) -> None:
        while self._accounts:
            account = self._accounts.popleft()
            try:
                await self._read(account)
            except Exception as error:  # the edge of the loop: one owner's failure stays their own
                log.exception("balances.broke_off", targets=len(account.sheets))
                for sheet in account.sheets:
                    sheet.fail(broke_off("the reading of balances", error))
                    self._hand_on(sheet)
            finally:
                self._count(account)

    async def _read(self, account: Account) -> None:
        """Read one owner; then stop or begin asking for the others, as the outcome says."""
        async for sheet in account.read():
            self._hand_on(sheet)
        breaker = self._reader.breaker
        probing = breaker.open
        breaker.note(account.verdict)
        if breaker.open:
            self._give_up()
        elif probing:
            self._employ(self._reader.client.width - 1)

    def _give_up(self) -> None:
        """Hand on all that is due as not asked, with what was read of it, and stop the workers."""
        trouble = self._reader.breaker.not_asked()
        self._accounts.clear()
        for sheet in tuple(self._due.values()):
            sheet.fail(trouble)
            self._hand_on(sheet)
        for worker in self._workers:
            worker.cancel()

    def _hand_on(self, sheet: Sheet) -> None:
        if self._due.pop(sheet.wanted.target, None) is not None:
            self.readings.put_nowait(sheet.reading(self._reader.client.now()))

    def _count(self, account: Account) -> None:
        cost, effort = self._reader.cost, account.effort
        cost.requests += effort.requests
        cost.retries += effort.retries
        cost.waited += effort.waited


def _merged(wanted: Iterable[Wanted]) -> list[Wanted]:
    """Each target once, with all of the tokens that are wanted of it."""
    tokens: dict[Target, frozenset[str]] = {}
    for one in wanted:
        tokens[one.target] = tokens.get(one.target, frozenset()) | one.tokens
    return [Wanted(target, those) for target, those in tokens.items()]


def _by_owner(sheets: Iterable[Sheet]) -> Iterable[list[Sheet]]:
    """The sheets of each owner, apart for each family of addresses: a request with two of them fails."""
    found: dict[tuple[str, Family], list[Sheet]] = {}
    for sheet in sheets:
        found.setdefault((sheet.wanted.target.owner, sheet.chain.family), []).append(sheet)
    return found.values()
