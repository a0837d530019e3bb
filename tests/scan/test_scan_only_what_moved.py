"""Who judges only what moved says what somebody says who judges everything: for any worlds, rules, lists and times.

The same happenings are lived through in two stores. One goes by what it settled; the other forgets that before each
scan, so that all that its scans read is judged as a whole. Both have to come to the same rows.
"""

import asyncio
import json
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from blank import blank
from effort import effort
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from scanning import CHANNELS, all_rows, default_pack, house, outcome
from sqlalchemy import Select, Update, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from strategies import START
from worlds_of_money import OWNERS, Granted, Purse, Stopped, Teller, View, World, spender, token

from scanner.domain.approvals import UINT256_MAX, End, Status, Target
from scanner.domain.lists import Entry, ListState
from scanner.domain.telling import Telling
from scanner.jobs import Job
from scanner.policy.loading import load
from scanner.policy.rules import Exemption, Pack
from scanner.store import acknowledgements, alerts, lists, tables
from scanner.store.engine import Store

HELD = {
    "until": "exposure.usd < 50",
    "grades": [{"severity": "high", "when": "exposure.real_usd > 1000", "until": "exposure.real_usd < 500"}],
}
Asked = Mapping[str, tuple[str, Mapping[str, object]]]
"""Conditions, and what else a rule says, by the rule."""

RULES: Asked = {
    "held": ("exposure.usd > 100", HELD),
    "dear": ("token.price_usd > 2", {"if_unknown": "alert"}),
    "grown": ("exposure.usd > 10 && exposure.usd >= 10.0 * exposure.first_usd", {}),
    "steady": ("approval.unchanged_for > duration('1h') && !allowance.unlimited", {}),
    "hers": ('"cold" in owner.tags && allowance.covers_balance', {}),
    "bad": ('"exploited" in spender.labels || token.warned', {"severity": "critical"}),
    "unsafe": ('!approval.final || token.symbol == "NEW"', {}),
    "wide": ("spender.owners >= 2 && allowance.unlimited", {"severity": "medium"}),
    "named": ('spender.owners >= 2 && token.symbol == "NEW"', {}),
    "moved": ("exposure.usd > 50", {"on": ["new", "increased", "restored"]}),
    "ended": ("allowance.readable", {"on": ["revoked", "decreased"]}),
}
COMMON: Asked = {"common": ('spender.approvals >= 2 && balance.amount > 5 && token.symbol != "NEW" && !token.risk', {})}


@cache
def packs() -> Sequence[Pack]:
    """Packs of all sorts: the default one, with and without money that counts over all wallets, with exceptions."""
    found = [default_pack()]
    for more in ({}, COMMON):
        words = [
            {"id": id_, "title": id_, "severity": "low", "why": "It is.", "fix": "Revoke it.", "when": when, **how}
            for id_, (when, how) in {**RULES, **more}.items()
        ]
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(json.dumps({"rules": words}))
            file.flush()
            pack = load([Path(file.name)])
        assert pack.problems == ()
        found.append(pack)
    ends = Exemption(rule="held", reason="ours", spender=spender(1), until=START + timedelta(minutes=150))
    stays = Exemption(rule="wide", reason="ours", token=token(2))
    return [*found[:-1], replace(found[-1], exemptions=(ends, stays))]


TARGETS = tables.targets.c


class Life:
    """One store, and how what it settled is taken: if it `forgets` that, what is read at all is judged as a whole."""

    def __init__(self, store: Store, world: World, clock: Stopped, *, forgets: bool) -> None:
        self.store, self.forgets = store, forgets
        self.teller, self.purse = Teller(world, clock, self._forget), Purse(world, clock)
        self.clock = clock
        self.signs: Sequence[Mapping[str, object]] = ()
        self.said: Mapping[str, object] = {}

    def begin(self, pack: Pack, confirm_after: timedelta) -> None:
        """Go on with these rules."""
        self.home = house(
            self.store,
            self.teller,
            clock=self.clock,
            pack=pack,
            confirm_after=confirm_after,
            balances=self.purse,
        )

    async def scan(self, job: Job) -> None:
        """Scan, and keep what the report says."""
        report = await self.home.scanner.scan(job)
        self.said = outcome(report) | {"usd": report.scan.exposure_usd, "errors": report.scan.context_errors}
        if self.forgets:
            await self.store.write(self._remember)

    async def _forget(self) -> None:
        """Have everything judged as a whole that is read, once it is known what need not be read at all."""
        if self.forgets:
            settled = select(TARGETS.chain, TARGETS.owner, TARGETS.fingerprint, TARGETS.weighed)
            self.signs = await self.store.write(lambda c: _rows(c, settled))
            await self.store.write(lambda c: c.execute(update(tables.targets).values(fingerprint=None, weighed=False)))

    async def _remember(self, connection: AsyncConnection) -> None:
        """What was not read is as it was."""
        for row in self.signs:
            if Target(str(row["chain"]), str(row["owner"])) not in self.teller.read_last:
                mine = (TARGETS.chain == row["chain"]) & (TARGETS.owner == row["owner"])
                known = {"fingerprint": row["fingerprint"], "weighed": row["weighed"]}
                await connection.execute(update(tables.targets).where(mine).values(known))


async def _rows(connection: AsyncConnection, query: Select[Any]) -> Sequence[Mapping[str, object]]:
    return [dict(row) for row in (await connection.execute(query)).mappings()]


NOTHING_ODD: Mapping[str, View] = MappingProxyType({})

SOON = timedelta(seconds=1)
"""Nothing happens at the same time as something else."""

OF_EACH_ITS_OWN = {
    "targets": {"fingerprint", "due_at", "weighed"},
    "balances": {"judged"},
    "scans": {"undecided_rules"},
    "alert_events": {"seq"},
    "notices": {"seq"},
}
"""What two stores need not share: how they know what is settled, what rules of which not all was asked could decide,
and which of two steps at the same time came first."""


async def _said(store: Store) -> dict[str, list[dict[str, Any]]]:
    """Every row, with each scan called by when it began."""
    found = await all_rows(store, tables.budgets)
    names = {one["id"]: one["started_at"].isoformat() for one in found["scans"]}
    return {
        table: sorted((_shared(row, names, OF_EACH_ITS_OWN.get(table, ())) for row in rows), key=str)
        for table, rows in found.items()
    }


def _shared(row: Mapping[str, Any], names: Mapping[str, str], but: Collection[str]) -> dict[str, Any]:
    known = {name: value for name, value in row.items() if name not in but}
    return {name: names.get(value, value) if isinstance(value, str) else value for name, value in known.items()}


owners = st.sampled_from(OWNERS)
numbers = st.integers(1, 4)
amounts = st.sampled_from([1, 10**8, 10**9, 5 * 10**9, UINT256_MAX, "1e9"])
held = st.sampled_from([None, 0, 4, 60, 120, 900, 5_000])
quoted = st.sampled_from([None, "0.5", "1", "3", "20"])
ways = st.sampled_from(
    [
        {"final": False},
        {"final": True},
        {"symbol": "NEW"},
        {"symbol": "TKN", "final": True},
        {"status": Status.REVOKING},
        {"amount": UINT256_MAX},
        {"amount": 10**7},
        {"amount": "1e9"},
        {"amount": 0},
    ]
)
"""How an approval can become another one."""

shown = st.one_of(
    st.just(View()),
    st.builds(View, end=st.sampled_from(End), hidden=st.frozensets(numbers, max_size=3)),
)


class Lives(RuleBasedStateMachine):
    """One world, watched from two stores."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.world, self.clock = World(), Stopped()
        self.targets = {owner: Target("1", owner) for owner in OWNERS}
        self.lives: list[Life] = []

    def teardown(self) -> None:
        for life in self.lives:
            self.runner.run(life.store.close())
        self.runner.close()
        self.folder.cleanup()

    @initialize(pack=st.integers(0, 2), wait=st.sampled_from([0, 10]))
    def begin(self, pack: int, wait: int) -> None:
        self.wait = timedelta(minutes=wait)
        for number in range(2):
            path = Path(self.folder.name) / f"{number}.db"
            self.runner.run(blank(path))
            store = self.runner.run(Store.open(f"sqlite:///{path}"))
            self.lives.append(Life(store, self.world, self.clock, forgets=number == 1))
            self.lives[-1].begin(packs()[pack], self.wait)
        for place, owner in enumerate(OWNERS):
            for number in (1, 2, 3, 4):
                self.grant(owner, number, 1 + (place + number) % 4, UINT256_MAX if number == 1 else 10**9)
                self.hold(owner, number, 60)
                self.price(number, "1" if number < 4 else None, False)
        self._scan(OWNERS)
        self.wait_a_while(61)
        self._scan(OWNERS)

    @rule(owner=owners, of=numbers, to=numbers, amount=amounts)
    def grant(self, owner: str, of: int, to: int, amount: int | str) -> None:
        self.world.granted[owner, of, to] = Granted(amount)

    @rule(owner=owners, of=numbers, to=numbers)
    def revoke(self, owner: str, of: int, to: int) -> None:
        self.world.granted.pop((owner, of, to), None)

    @rule(owner=owners, of=numbers, amount=held)
    def hold(self, owner: str, of: int, amount: int | None) -> None:
        self.world.amounts[owner, of] = amount

    @rule(of=numbers, price=quoted, scam=st.booleans())
    def price(self, of: int, price: str | None, scam: bool) -> None:
        self.world.prices[of] = price
        (self.world.scams.add if scam else self.world.scams.discard)(of)

    @rule(minutes=st.sampled_from([1, 15, 61, 130]))
    def wait_a_while(self, minutes: int) -> None:
        self.clock.at += timedelta(minutes=minutes)

    @rule(whom=st.frozensets(numbers, max_size=2), what=st.frozensets(numbers, max_size=1))
    def list_anew(self, whom: frozenset[int], what: frozenset[int]) -> None:
        self.clock.at += SOON
        state = ListState(name="bad", label="exploited", origin="bad.csv", as_of=self.clock.at)
        entries = [Entry(one, ("exploited",)) for one in (*map(spender, whom), *map(token, what))]
        for life in self.lives:
            self.runner.run(life.store.write(lambda c: lists.keep(c, state, entries, at=self.clock.at)))
            self.runner.run(life.home.judge.touched(life.store))

    @rule(pack=st.integers(0, 2), settles_in=st.booleans())
    def start_again(self, pack: int, settles_in: bool) -> None:
        """With these rules. A daemon judges all that is stored then; a command that scans by itself does not."""
        self.clock.at += SOON
        for life in self.lives:
            life.begin(packs()[pack], self.wait)
            if not settles_in:
                continue
            self.runner.run(life.home.judge.tidy(life.store, [*self.targets.values()], certain=True))
            self.runner.run(life.home.judge.again(life.store))

    @rule(owner=owners, cold=st.booleans())
    def tag(self, owner: str, cold: bool) -> None:
        self.targets[owner] = replace(self.targets[owner], tags=("cold",) if cold else ())

    @rule()
    def know_of_all(self) -> None:
        self.clock.at += SOON
        said = acknowledgements.Acknowledged("ann", self.clock.at, "seen")

        async def knowing(connection: AsyncConnection) -> None:
            for told in await alerts.listing(connection):
                await acknowledgements.record(connection, told.alert, said, Telling(channels=CHANNELS))

        for life in self.lives:
            self.runner.run(life.store.write(knowing))

    @rule(
        minutes=st.sampled_from([0, 20, 61]),
        otherwise=st.dictionaries(st.integers(0, 11), ways, max_size=2),
        holds=st.dictionaries(st.tuples(owners, numbers), held, max_size=2),
        costs=st.dictionaries(numbers, quoted, max_size=1),
        view=shown,
        silent=st.sets(owners, max_size=1),
        weighs=st.sampled_from([True, True, False]),
    )
    def scan(
        self,
        minutes: int,
        otherwise: Mapping[int, Mapping[str, Any]],
        holds: Mapping[tuple[str, int], int | None],
        costs: Mapping[int, str | None],
        view: View,
        silent: set[str],
        weighs: bool,
    ) -> None:
        """Of what moves some is seen in a reading that may lack something, or have no end."""
        self.wait_a_while(minutes)
        hit, keys = OWNERS[0], [*self.world.granted]
        for key, way in ((key, way) for place, way in otherwise.items() for key in keys[place : place + 1]):
            self.world.granted[key] = replace(self.world.granted[key], **way)
            hit = key[0]
        self.world.amounts |= holds
        self.world.prices |= costs
        self._scan(OWNERS, {hit: view}, silent, weighs=weighs)

    @rule(views=st.dictionaries(owners, shown, max_size=1), owner=owners)
    def scan_one(self, views: Mapping[str, View], owner: str) -> None:
        self._scan([owner], views)

    @rule()
    def scan_by_command(self) -> None:
        self._scan(OWNERS, asked_by="command")

    def _scan(
        self,
        whom: Sequence[str],
        views: Mapping[str, View] = NOTHING_ODD,
        silent: Collection[str] = (),
        *,
        weighs: bool = True,
        asked_by: str = "schedule",
    ) -> None:
        self.clock.at += SOON
        self.world.views, self.world.silent = views, silent
        targets = [self.targets[owner] for owner in whom]
        for life in self.lives:
            self.runner.run(life.scan(Job(targets, frozenset(targets), asked_by, weighs=weighs)))
        mine, theirs = (life.said for life in self.lives)
        assert mine == theirs
        self.runner.run(self._read_alike())
        here, there = (self.runner.run(_said(life.store)) for life in self.lives)
        for table, rows in here.items():
            assert rows == there[table], table

    async def _read_alike(self) -> None:
        """What is settled is due again no later than what is judged as a whole, maybe earlier: and then both are.

        What is read at all can end an alert on what happened, though it says nothing new.
        """
        due = select(TARGETS.id, TARGETS.fingerprint, TARGETS.due_at)
        here, there = [await life.store.write(lambda c: _rows(c, due)) for life in self.lives]
        for mine, theirs in zip(here, there, strict=True):
            sooner, later = mine["due_at"], theirs["due_at"]
            if isinstance(later, datetime) and None not in (mine["fingerprint"], theirs["fingerprint"]):
                assert isinstance(sooner, datetime)
                assert sooner <= later
            same = update(tables.targets).where(TARGETS.id == theirs["id"]).values(due_at=sooner)
            await self.lives[1].store.write(partial(_done, same))


async def _done(statement: Update, connection: AsyncConnection) -> None:
    await connection.execute(statement)


def test_what_did_not_move_would_be_judged_as_it_was() -> None:
    run_state_machine_as_test(Lives, settings=effort(6))


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_what_did_not_move_would_be_judged_as_it_was_for_very_long() -> None:
    run_state_machine_as_test(Lives, settings=effort(1000))
