"""The source against the bundled sandbox, which was written from the documents a second time."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from scanner.domain.approvals import End, Snapshot, Target
from scanner.errors import Reason
from scanner.okx.client import OkxClient, OkxSettings
from scanner.okx.pacing import MemoryLedger
from scanner.okx.signing import Credentials
from scanner.sandbox import (
    FAULTS,
    AmountForm,
    CursorForm,
    EndStyle,
    LimitCounts,
    Packing,
    Quirks,
    RowForm,
    Sandbox,
    SpenderField,
    SymbolForm,
    World,
    big_world,
)
from scanner.sources.okx import OkxSource

CHAINS = ("1", "10", "56", "137", "8453")
HEAVY = big_world(1, 250)
WIDE = big_world(4, 30, chains=CHAINS)


@asynccontextmanager
async def playing(
    world: World, quirks: Quirks | None = None, *, api: str = "v5", limit: float | None = None, **settings: float
) -> AsyncIterator[tuple[Sandbox, OkxSource]]:
    sandbox = Sandbox(world, quirks=quirks, requests_per_second=limit)
    theirs = sandbox.credentials
    credentials = Credentials(theirs.key, theirs.secret, theirs.passphrase, theirs.project)
    async with sandbox.serve() as server, aiohttp.ClientSession() as session:
        chosen = OkxSettings(base_url=server.url, **{"requests_per_second": 10_000.0, **settings})
        client = OkxClient(session, credentials, chosen, MemoryLedger())
        path = sandbox.quirks.path if api == "v5" else None
        yield sandbox, OkxSource(client, api=api, path=path, address_key=sandbox.quirks.address_key)


def targets_of(world: World) -> list[Target]:
    return [Target(chain, owner.address) for owner in world.owners for chain in owner.chains]


async def read(source: OkxSource, targets: Sequence[Target]) -> dict[Target, Snapshot]:
    return {one.target: one async for one in source.read(targets) if isinstance(one, Snapshot)}


def seen(snapshot: Snapshot) -> set[tuple[str, str, int | None]]:
    return {(a.token.address, a.spender.address, a.allowance.magnitude) for a in snapshot.approvals.values()}


def truth(sandbox: Sandbox, target: Target) -> set[tuple[str, str, int | None]]:
    rows = sandbox.truth()[target.chain, target.owner]
    return {(row.token.address, row.spender.address, row.raw) for row in rows}


READINGS: list[dict[str, Any]] = [
    *({"end": end} for end in EndStyle),
    *({"cursor": form, "end": end} for form in CursorForm for end in (EndStyle.MISSING, EndStyle.SAME)),
    *({"symbol": form} for form in SymbolForm),
    *({"amount": form} for form in AmountForm if form is not AmountForm.GARBAGE),
    *({"limit_counts": counts} for counts in LimitCounts),
    *({"spender": field} for field in SpenderField if field not in (SpenderField.DIFFERENT, SpenderField.NONE)),
    *({"packing": packing} for packing in Packing),
    {"cursor_key": "cusor"},
    {"chain_as_number": True},
    {"code_as_number": True},
    {"overlap": 7, "shuffled": True},
    {"largest_page": 13},
    {"path": "/api/v5/waas/security/approvals", "address_key": "addresses"},
]


@pytest.mark.parametrize("quirks", READINGS, ids=str)
async def test_every_reading_of_the_documents_gives_the_truth(quirks: dict[str, Any]) -> None:
    dialect = Quirks(**quirks)
    async with playing(HEAVY, dialect) as (sandbox, source):
        [target] = targets_of(HEAVY)
        snapshot = (await read(source, [target]))[target]
        assert seen(snapshot) == truth(sandbox, target)
        assert snapshot.end is (End.COMPLETE if dialect.end.clean else End.UNPROVEN)
    async with playing(WIDE, dialect) as (sandbox, source):
        found = await read(source, targets_of(WIDE))
        assert len(found) == 20
        for target, snapshot in found.items():
            assert seen(snapshot) == truth(sandbox, target)


async def test_two_hundred_and_fifty_approvals_take_three_pages_and_twenty_targets_four_requests() -> None:
    async with playing(HEAVY) as (sandbox, source):
        await read(source, targets_of(HEAVY))
        assert len(sandbox.requests) == 3
    async with playing(WIDE) as (sandbox, source):
        await read(source, targets_of(WIDE))
        assert len(sandbox.requests) == 4


@pytest.mark.parametrize("form", RowForm)
async def test_the_successor_gives_the_truth(form: RowForm) -> None:
    for world in (HEAVY, WIDE):
        async with playing(world, Quirks(row_form=form), api="v6") as (sandbox, source):
            for target, snapshot in (await read(source, targets_of(world))).items():
                assert snapshot.end is End.COMPLETE
                assert seen(snapshot) == truth(sandbox, target)


@pytest.mark.parametrize("spender", [SpenderField.DIFFERENT, SpenderField.NONE])
async def test_a_spender_that_is_not_told_is_said(spender: SpenderField) -> None:
    async with playing(WIDE, Quirks(spender=spender)) as (_, source):
        for snapshot in (await read(source, targets_of(WIDE))).values():
            assert snapshot.trouble is not None
            assert snapshot.trouble.reason is Reason.UNKNOWN_SPENDER
            assert snapshot.approvals


FATAL = [name for name, fault in FAULTS.items() if fault.fatal]
PLACES = [("v5", "later"), ("v6", "first"), ("v5", "first"), ("v6", "later")]
STRUCK = [
    pytest.param(fault, page, api, marks=[] if number % 2 == place // 2 else pytest.mark.soak)
    for number, fault in enumerate(FATAL)
    for place, (api, page) in enumerate(PLACES)
]
"""Every fault on a page of each dialect, and in the soak on every page of both."""


@pytest.mark.parametrize(("fault", "page", "api"), STRUCK)
async def test_a_documented_fault_ends_incomplete_with_the_truth_so_far(fault: str, page: str, api: str) -> None:
    async with playing(HEAVY, api=api, timeout=0.3, patience=0.05) as (sandbox, source):
        sandbox.fail(fault, times=None, page=page)
        [target] = targets_of(HEAVY)
        snapshot = (await read(source, [target]))[target]
        assert snapshot.end is End.INCOMPLETE
        assert snapshot.trouble is not None
        readable = {row for row in seen(snapshot) if row[0] and row[1]}
        assert readable <= truth(sandbox, target)
        assert len(readable) >= (0 if page == "first" else 20)


@pytest.mark.parametrize("page", ["first", "later"])
@pytest.mark.parametrize("fault", [name for name, fault in FAULTS.items() if not fault.fatal])
async def test_a_fault_that_may_be_read_over_raises_nothing(fault: str, page: str) -> None:
    async with playing(HEAVY) as (sandbox, source):
        sandbox.fail(fault, times=None, page=page)
        [target] = targets_of(HEAVY)
        assert (await read(source, [target]))[target].pages >= 1


@pytest.mark.parametrize(
    "fault",
    [
        *("closed", "http-429-retry-after"),
        *(pytest.param(one, marks=pytest.mark.soak) for one in ("code-50001", "half-body", "http-502", "code-81159")),
    ],
)
async def test_a_fault_that_passes_leaves_no_trace(fault: str) -> None:
    async with playing(HEAVY) as (sandbox, source):
        sandbox.fail(fault, times=1, page="later")
        [target] = targets_of(HEAVY)
        snapshot = (await read(source, [target]))[target]
        assert snapshot.end is End.COMPLETE
        assert seen(snapshot) == truth(sandbox, target)
        assert source.cost.retries == 1


async def test_a_limit_below_the_configured_rate_is_learned_and_everything_is_read() -> None:
    world = big_world(24, 3)
    async with playing(world, limit=20, requests_per_second=60) as (_, source):
        found = await read(source, targets_of(world))
        assert {snapshot.end for snapshot in found.values()} == {End.COMPLETE}
        assert source.cost.retries < 12


async def test_one_target_that_fails_in_a_pack_costs_no_other() -> None:
    async with playing(WIDE, timeout=5.0, patience=0.8) as (sandbox, source):
        victim = targets_of(WIDE)[7]
        sandbox.fail("code-81451", times=None, target=(victim.chain, victim.owner))
        found = await read(source, targets_of(WIDE))
        assert [target for target, snapshot in found.items() if snapshot.end is not End.COMPLETE] == [victim]
