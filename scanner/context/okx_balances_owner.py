"""One owner's balances on the chains of one family: all that is held, and what the list of that does not show.

A request speaks for many chains, and one of them can spoil it: one that the endpoint does not know, or whose node is
down. Such a request is made again for half of its chains at a time, as long as the owner's patience lasts.
"""

from collections import deque
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from scanner.context.okx_balances_wire import Answer, held, held_of, read_answer
from scanner.domain.chains import Chain
from scanner.domain.holdings import BalanceReading, Seen, Wanted
from scanner.errors import Reason, Trouble
from scanner.okx.client import Effort, OkxClient
from scanner.okx.shapes import MalformedError

__all__ = ["MOST_CHAINS", "MOST_TOKENS", "NOT_COVERED", "Account", "Sheet", "Unknown"]

MOST_CHAINS = 50
"""Chains that one request for everything may name."""

MOST_TOKENS = 20
"""Tokens that one request may ask for by their address."""

LEAST_PATIENCE = 0.5
"""Seconds of patience below which nothing more is asked for an owner."""

UNKNOWN_CHAIN = "81104"
"""The code for a chain that an endpoint does not know."""

NOT_COVERED = Trouble(
    Reason.NOT_COVERED, "OKX tells of no balances on this chain", "What is at stake there stays unknown"
)

_SOME_UNREADABLE = Trouble(
    Reason.PROTOCOL, "some rows of OKX's answer make no sense", "The others count; it is tried again at the next scan"
)

_SPOILT_BY_ONE = frozenset({Reason.NOT_COVERED, Reason.NODE_FAILED, Reason.CACHING, Reason.UNAVAILABLE})
"""What a request for several chains may fail for although most of them are well."""


class Unknown(NamedTuple):
    """A chain (by chainIndex) that one of the two endpoints does not know: the one `by_address`, or the list."""

    by_address: bool
    chain: str


@dataclass(slots=True, eq=False)
class Sheet:
    """One target's balances as they come in. `trouble` is the first that there was."""

    wanted: Wanted
    chain: Chain
    rows: dict[str, Seen] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    trouble: Trouble | None = None

    @property
    def left(self) -> list[str]:
        """The wanted tokens that are neither shown nor missing; none where asking for them would fail like the list."""
        if self.trouble is not None and self.trouble.reason in _SPOILT_BY_ONE:
            return []
        return sorted(self.wanted.tokens - self.rows.keys() - self.asked)

    def fail(self, trouble: Trouble) -> None:
        """Something could not be read; what was read counts all the same."""
        self.trouble = self.trouble or trouble

    def reading(self, at: float) -> BalanceReading:
        """What is known by now, at a time in seconds since 1970."""
        read_at = datetime.fromtimestamp(at, UTC)
        return BalanceReading(self.wanted.target, self.rows, read_at, frozenset(self.asked), self.trouble)


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked about one target: some tokens, or all that is held."""

    sheet: Sheet
    tokens: tuple[str, ...] = ()

    @property
    def place(self) -> Unknown:
        """The endpoint and the chain that it goes to."""
        return Unknown(bool(self.tokens), self.sheet.chain.index)


class Account:
    """The sheets of one owner, all of chains of one family.

    `unknown` is what the endpoints were found not to know: it is not asked for, and what is found is added.
    """

    def __init__(self, client: OkxClient, prefix: str, sheets: Sequence[Sheet], unknown: set[Unknown]) -> None:
        self.sheets = sheets
        self.effort = Effort(client.settings.patience)
        self._client = client
        self._prefix = prefix
        self._owner = sheets[0].wanted.target.owner
        self._unknown = unknown
        self._answered = False
        self._last: Trouble | None = None
        self._given_up: Trouble | None = None

    @property
    def verdict(self) -> Trouble | None:
        """Why there was no answer at all; None where there was one."""
        return None if self._answered else self._last

    async def read(self) -> AsyncGenerator[Sheet, None]:
        """Ask for everything, then for what was wanted and not shown. Each sheet comes once, when it is done."""
        for first in range(0, len(self.sheets), MOST_CHAINS):
            await self._ask([_Question(sheet) for sheet in self.sheets[first : first + MOST_CHAINS]])
        unfinished = [sheet for sheet in self.sheets if sheet.left]
        for sheet in self.sheets:
            if not sheet.left:
                yield sheet
        for questions in _by_address(unfinished):
            await self._ask(questions)
        for sheet in unfinished:
            yield sheet

    async def _ask(self, questions: Sequence[_Question]) -> None:
        """Put questions together; where one of them may have spoilt the answer, half of them at a time."""
        parts = deque([questions])
        while parts:
            due = list(self._worth_asking(parts.popleft()))
            if not due:
                continue
            answer = await self._answer(due)
            if isinstance(answer, Answer):
                _take(answer, due)
            elif len(due) > 1 and answer.reason in _SPOILT_BY_ONE:
                half = len(due) // 2
                parts.extend((due[:half], due[half:]))
            else:
                if answer.code == UNKNOWN_CHAIN and len(due) == 1:
                    self._unknown.add(due[0].place)
                for question in due:
                    question.sheet.fail(answer)

    def _worth_asking(self, questions: Iterable[_Question]) -> Iterator[_Question]:
        for question in questions:
            if question.place in self._unknown:
                question.sheet.fail(NOT_COVERED)
            elif self._given_up is not None:
                question.sheet.fail(self._given_up)
            else:
                yield question

    async def _answer(self, questions: Sequence[_Question]) -> Answer | Trouble:
        """One request. It may use up half of the patience: the rest is for the owner's other chains.

        If it fails for what might have passed, it has used all of that: to fail quickly makes nobody ask more often.
        """
        kept = self.effort.patience / 2 if len(self.sheets) > 1 else 0.0
        self.effort.patience -= kept
        chains = {question.sheet.chain.index: question.sheet.chain for question in questions}
        tokens = [(question.sheet.chain.index, token) for question in questions for token in question.tokens]
        request = held_of(self._prefix, self._owner, tokens) if tokens else held(self._prefix, self._owner, chains)
        data = await self._client.call(request, self.effort)
        if isinstance(data, Trouble):
            self.effort.patience = kept if data.retry else self.effort.patience + kept
            self._note(data)
            return data
        self.effort.patience += kept
        self._answered = True
        try:
            return read_answer(data, self._owner, chains)
        except MalformedError as error:
            said = f"OKX's answer makes no sense: {error}"
            return Trouble(Reason.PROTOCOL, said, "It is tried again at the next scan")

    def _note(self, trouble: Trouble) -> None:
        """Give an owner up whose patience is at its end, or where every request must fail alike."""
        self._last = trouble
        alike = trouble.whole_source and (not trouble.retry or trouble.reason is Reason.RATE_LIMITED)
        if alike or self.effort.patience < LEAST_PATIENCE:
            self._given_up = trouble


def _by_address(sheets: Iterable[Sheet]) -> Iterator[list[_Question]]:
    """The fewest requests that ask for every token that is left."""
    left = [(sheet, token) for sheet in sheets for token in sheet.left]
    for first in range(0, len(left), MOST_TOKENS):
        by_sheet = groupby(left[first : first + MOST_TOKENS], key=itemgetter(0))
        yield [_Question(sheet, tuple(token for _, token in pairs)) for sheet, pairs in by_sheet]


def _take(answer: Answer, questions: Iterable[_Question]) -> None:
    """Write an answer down. A token is missing only from one that can be read whole, and keeps to the question."""
    asked: dict[Sheet, set[str]] = {}
    for question in questions:
        asked.setdefault(question.sheet, set()).update(question.tokens)
    for sheet, tokens in asked.items():
        rows = answer.rows.get(sheet.chain.index, {})
        sheet.rows.update(rows)
        if answer.broken or (tokens and not rows.keys() <= tokens):
            sheet.fail(_SOME_UNREADABLE)
        else:
            sheet.asked.update(tokens)
