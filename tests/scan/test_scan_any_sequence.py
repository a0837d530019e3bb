"""For any sequence of worlds, readings and failures the store and the open alerts are what the contract says.

The oracle of the domain's tests says what is to be believed of each wallet; what the rules say of that is asked of
the default pack itself. Everything between is real: the scan, the judge, and the store in a file.
"""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from blank import blank
from effort import effort
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from oracle import Oracle, Seen, size
from scanning import CHANNELS, Clock, Scripted, address, all_rows, default_pack, house
from strategies import ERC20, START

from scanner.domain.alerts import Judgement
from scanner.domain.approvals import (
    UINT256_MAX,
    Allowance,
    Approval,
    End,
    Snapshot,
    Spender,
    Status,
    Target,
    Token,
    gather,
)
from scanner.domain.changes import Change, ChangeKind, Held, Known
from scanner.domain.report import Report
from scanner.errors import Reason, Trouble
from scanner.policy.fields import facts
from scanner.policy.rules import Pack
from scanner.store import knowledge
from scanner.store.engine import Store

NUMBERS = range(1, 13)
WALLETS = [Target("1", address(0xA0 + number)) for number in range(3)]

COUNTS = {"spender.approvals", "spender.owners"}
SHARED = tuple(rule for rule in default_pack().rules if COUNTS & set(rule.fields_read))
OF_ALL = Pack(SHARED)
"""The rules that count over all wallets, which are judged when a scan is done; the others with each wallet."""

OF_ONE = Pack(tuple(rule for rule in default_pack().rules if rule not in SHARED))

some = st.frozensets(st.sampled_from(NUMBERS), max_size=3)
any_of_them = some | st.frozensets(st.sampled_from(NUMBERS), min_size=6)
hardly_any = st.just(frozenset[int]()) | some
amounts = st.sampled_from([1, 50, 2**96 - 1, UINT256_MAX, "unlimited", "1e9"])
wallets = st.sampled_from(WALLETS)


@dataclass(frozen=True, slots=True)
class View:
    """How the far side shows a wallet: some rows hidden, others only at the first look, some revoked ones as 0."""

    end: End = End.COMPLETE
    hidden: frozenset[int] = frozenset()
    slipped: frozenset[int] = frozenset()
    zeros: frozenset[int] = frozenset()
    pages: int = 1


views = st.just(View()) | st.builds(
    View,
    end=st.sampled_from(End),
    hidden=hardly_any | st.just(frozenset(NUMBERS)),
    slipped=hardly_any,
    zeros=hardly_any,
    pages=st.integers(1, 2),
)


@dataclass
class Stopped(Clock):
    """A clock that stands still until it is set."""

    at: datetime = START

    def now(self) -> datetime:
        return self.at


@dataclass
class Wallet:
    """What is to be believed of one wallet, and which alerts that implies."""

    oracle: Oracle
    last: dict[str, Approval] = field(default_factory=dict)
    states: set[tuple[str, str]] = field(default_factory=set)
    events: Counter[tuple[str, str]] = field(default_factory=Counter)
    proven: set[str] = field(default_factory=set)

    @property
    def in_force(self) -> list[Approval]:
        return [self.last[row] for row in self.oracle.in_force]

    def judge(
        self,
        pack: Pack,
        one: Approval,
        at: datetime,
        *,
        proven: bool,
        change: Change | None = None,
        counts: tuple[int | None, int | None] = (None, None),
    ) -> None:
        """Open and resolve what the rules say of one approval."""
        approvals, owners = counts
        held = Held(one, first_seen=at, since=at, changed_at=at)
        known = facts(held, target=one.target, spender_approvals=approvals, spender_owners=owners, change=change, at=at)
        for asked, said in pack.judge(known, None if change is None else change.kind):
            judgement, name = said.judgement, (asked.id, one.id)
            if asked.on:
                self.events[name] += judgement is Judgement.HOLDS
            elif judgement is Judgement.HOLDS:
                self.states.add(name)
            elif judgement is Judgement.FAILS and proven:
                self.states.discard(name)

    def forget_what_is_gone(self) -> None:
        """An approval that is provably in force no more takes its alerts with it."""
        self.states = {name for name in self.states if name[1] in self.oracle.in_force}
        self.events = Counter({name: count for name, count in self.events.items() if name[1] in self.oracle.in_force})


class Sequences(RuleBasedStateMachine):
    """Worlds that move on, scans of some wallets, and a model of what has to come of them."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "store.db"
        self.runner.run(blank(path))
        self.store = self.runner.run(Store.open(f"sqlite:///{path}"))
        self.clock = Stopped(at=START)
        self.world: dict[Target, dict[int, tuple[int | str, Status]]] = {target: {} for target in WALLETS}
        self.views: dict[Target, View] = {}
        self.looks: Counter[Target] = Counter()

    def teardown(self) -> None:
        self.runner.run(self.store.close())
        self.runner.close()
        self.folder.cleanup()

    @initialize(wait=st.sampled_from([0, 10, 10]), numbers=any_of_them)
    def begin(self, wait: int, numbers: frozenset[int]) -> None:
        self.wallets = {target: Wallet(Oracle(timedelta(minutes=wait))) for target in WALLETS}
        self.house = house(self.store, Scripted(self._answer), clock=self.clock, confirm_after=timedelta(minutes=wait))
        for target in WALLETS:
            self.grant(target, numbers, UINT256_MAX, Status.GRANTED)

    @rule(wallet=wallets, numbers=any_of_them, amount=amounts, status=st.sampled_from(Status))
    def grant(self, wallet: Target, numbers: frozenset[int], amount: int | str, status: Status) -> None:
        self.world[wallet] |= dict.fromkeys(numbers, (amount, status))

    @rule(wallet=wallets, numbers=any_of_them)
    def revoke(self, wallet: Target, numbers: frozenset[int]) -> None:
        for number in numbers:
            self.world[wallet].pop(number, None)

    @rule(minutes=st.sampled_from([1, 5, 10, 30]))
    def wait_a_while(self, minutes: int) -> None:
        self.clock.at += timedelta(minutes=minutes)

    @rule(shown=st.dictionaries(wallets, views, min_size=1))
    def scan(self, shown: dict[Target, View]) -> None:
        self.clock.at += timedelta(seconds=1)
        self.views, self.looks = shown, Counter()
        report = self.runner.run(self.house.scan(list(shown)))
        told = {target: self._hear(target, view) for target, view in shown.items()}
        self._judge_together({row for kinds, _ in told.values() for row in kinds})

        assert len(report.changes) == sum(len(kinds) for kinds, _ in told.values()), "one approval changes once"
        assert {(one.owner, one.approval): one.kind for one in report.changes} == {
            (target.owner, row): kind for target, (kinds, _) in told.items() for row, kind in kinds.items()
        }
        assert {one.owner: one.complete for one in report.scan.targets} == {
            target.owner: complete for target, (_, complete) in told.items()
        }
        assert {one.id for one in report.approvals} == {
            row for target in shown for row in self.wallets[target].oracle.in_force
        }
        self._check_alerts(report, list(shown))

    @rule()
    def scan_everything_soundly(self) -> None:
        self.scan(dict.fromkeys(WALLETS, View()))

    @invariant()
    def the_store_is_the_last_proven_reading_and_every_row_seen_since(self) -> None:
        for target, wallet in self.wallets.items():
            known = self.runner.run(self._known(target))
            assert {held.approval.id: _state(held.approval) for held in known.in_force} == {
                row: (wallet.oracle.sizes[row], wallet.oracle.statuses[row]) for row in wallet.oracle.in_force
            }

    async def _known(self, target: Target) -> Known:
        return await self.store.read(lambda connection: knowledge.known(connection, target))

    async def _answer(self, target: Target) -> Snapshot:
        view = self.views[target]
        self.looks[target] += 1
        rows = self._rows(target, view, view.hidden if self.looks[target] == 1 else view.slipped)
        trouble = None if view.end is End.COMPLETE else Trouble(Reason.UNAVAILABLE, f"the reading is {view.end}")
        return Snapshot(target, rows, view.end, ERC20, "scripted", self.clock.at, view.pages, trouble)

    def _rows(self, target: Target, view: View, hidden: frozenset[int]) -> dict[str, Approval]:
        there = {number: state for number, state in self.world[target].items() if number not in hidden}
        zeros = dict.fromkeys(view.zeros - self.world[target].keys(), (0, Status.GRANTED))
        return gather(approval(target, number, *state) for number, state in {**zeros, **there}.items())

    def _hear(self, target: Target, view: View) -> tuple[dict[str, str], bool]:
        """What a scan has to tell of a wallet, and whether it was read completely; opens and resolves its alerts."""
        wallet = self.wallets[target]
        shown = self._rows(target, view, view.hidden)
        if view.pages > 1 and view.end is not End.INCOMPLETE and wallet.oracle.in_force - shown.keys():
            shown = {**shown, **self._rows(target, view, view.slipped)}
        before = {row: wallet.last[row] for row in wallet.oracle.in_force}
        told, complete = wallet.oracle.hear(Seen(self.clock.at, view.end, ERC20, shown))
        wallet.last |= {row: one for row, one in shown.items() if size(one) != 0}
        wallet.proven = set(wallet.last) if complete else wallet.proven - told.keys()
        for one in wallet.in_force:
            kind = ChangeKind(told[one.id]) if one.id in told else None
            change = Change(kind, before.get(one.id), one, self.clock.at) if kind else None
            wallet.judge(OF_ONE, one, self.clock.at, change=change, proven=complete)
        if view.end is not End.INCOMPLETE:
            wallet.forget_what_is_gone()
        return told, complete

    def _judge_together(self, moved: Collection[str]) -> None:
        """Judge the rules that count over all wallets, for the spenders of changed approvals."""
        held = [one for wallet in self.wallets.values() for one in wallet.in_force]
        last = {row: one for wallet in self.wallets.values() for row, one in wallet.last.items()}
        changed = {last[row].spender.address for row in moved}
        for wallet in self.wallets.values():
            for one in wallet.in_force:
                theirs = [other.owner for other in held if other.spender.address == one.spender.address]
                if one.spender.address in changed:
                    counts = (len(theirs), len(set(theirs)))
                    wallet.judge(OF_ALL, one, self.clock.at, counts=counts, proven=one.id in wallet.proven)

    def _check_alerts(self, report: Report, scanned: list[Target]) -> None:
        stored = self.runner.run(all_rows(self.store))
        opened = Counter((one["rule"], one["approval_id"]) for one in stored["alerts"] if one["state"] == "open")
        expected: Counter[tuple[str, str]] = Counter()
        for wallet in self.wallets.values():
            expected += Counter(wallet.states) + wallet.events
        assert opened == expected
        mine = {row for target in scanned for row in self.wallets[target].oracle.kinds}
        assert Counter((one.rule, one.approval) for one in report.alerts if one.state == "open") == Counter(
            {name: count for name, count in opened.items() if name[1] in mine}
        )
        owed = Counter((one["alert_id"], one["channel"]) for one in stored["notices"] if one["what"] == "opened")
        assert owed == Counter((one["id"], channel) for one in stored["alerts"] for channel in CHANNELS)


def _state(one: Approval) -> tuple[int | None, Status]:
    return one.allowance.magnitude, one.status


def approval(target: Target, number: int, amount: int | str, status: Status) -> Approval:
    """The approval of a numbered spender; every fourth has no name. A text is what the source says of the amount."""
    if amount == "unlimited":
        allowance = Allowance(None, in_words=True)
    else:
        allowance = Allowance(None, unreadable=amount) if isinstance(amount, str) else Allowance(amount)
    spender = Spender(address(0x59E2D000 + number), None if number % 4 == 0 else "Router")
    return Approval(target.chain, target.owner, Token(address(0x70CE), "USDT"), spender, allowance, status=status)


def test_the_store_and_the_alerts_are_what_the_contract_says() -> None:
    run_state_machine_as_test(Sequences, settings=effort(8))


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_the_store_and_the_alerts_are_what_the_contract_says_for_very_long() -> None:
    run_state_machine_as_test(Sequences, settings=effort(1000))
