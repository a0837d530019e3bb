"""The client and the sandbox were written apart from the same documents, and have to agree."""

from collections.abc import Iterable
from typing import Any

import aiohttp
import pytest

from scanner.domain.approvals import End, Snapshot, Target
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

APIS = ["v5", "v6"]
DIALECTS: list[dict[str, Any]] = [
    *({"end": end} for end in EndStyle),
    *({"cursor": form} for form in CursorForm),
    *({"spender": named} for named in SpenderField if named not in (SpenderField.DIFFERENT, SpenderField.NONE)),
    *({"symbol": form} for form in SymbolForm),
    *({"amount": form} for form in AmountForm if form is not AmountForm.GARBAGE),
    *({"packing": packing} for packing in Packing),
    *({"limit_counts": counts} for counts in LimitCounts),
    *({"row_form": form} for form in RowForm),
    {"cursor_key": "cusor"},
    {"largest_page": 7},
    {"overlap": 3},
    {"shuffled": True, "chain_as_number": True, "code_as_number": True, "always_200": True},
]


def few() -> World:
    return big_world(3, 23, chains=("1", "56"), seed=5)


async def read(sandbox: Sandbox, targets: Iterable[Target], api: str, *, gives_up: float = 0.3) -> list[Snapshot]:
    """One reading, without a second try, in pages of ten. The client gives up on what hangs after so many seconds."""
    mine = sandbox.credentials
    key = Credentials(mine.key, mine.secret, mine.passphrase, mine.project)
    async with sandbox.serve() as server, aiohttp.ClientSession() as session:
        settings = OkxSettings(base_url=server.url, requests_per_second=1000, timeout=gives_up, patience=0)
        client = OkxClient(session, key, settings, MemoryLedger())
        source = OkxSource(client, api=api, page_size=10)
        return [one async for one in source.read(list(targets)) if isinstance(one, Snapshot)]


def differences(sandbox: Sandbox, snapshot: Snapshot) -> set[tuple[str, str, int | None]]:
    """What stands only in the reading or only in the truth."""
    rows = sandbox.truth()[snapshot.target.chain, snapshot.target.owner]
    there = {(row.token.address, row.spender.address, row.raw) for row in rows}
    return there ^ {
        (approval.token.address, approval.spender.address, approval.allowance.magnitude)
        for approval in snapshot.approvals.values()
    }


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("dialect", DIALECTS, ids=str)
async def test_in_every_dialect_the_client_reads_the_truth(dialect: dict[str, Any], api: str) -> None:
    sandbox = Sandbox(few(), quirks=Quirks(**dialect))
    snapshots = await read(sandbox, [Target(*key) for key in sandbox.truth()], api, gives_up=20)
    assert len(snapshots) == 6
    assert not any(differences(sandbox, snapshot) for snapshot in snapshots)
    clean = dialect.get("end", EndStyle.EMPTY).clean
    assert {snapshot.end for snapshot in snapshots} == {End.COMPLETE if clean else End.UNPROVEN}


@pytest.mark.parametrize("api", ["v5", pytest.param("v6", marks=pytest.mark.soak)])
@pytest.mark.parametrize("page", ["first", "later"])
@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault.fatal])
async def test_no_fatal_fault_passes_for_a_complete_reading(name: str, page: str, api: str) -> None:
    sandbox = Sandbox(few())
    sandbox.fail(name, page=page, times=None)
    (snapshot,) = await read(sandbox, [Target(*next(iter(sandbox.truth())))], api)
    assert snapshot.end is not End.COMPLETE
    assert snapshot.trouble is not None


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("name", ["cursor-cycle", "endless"])
async def test_a_list_without_an_end_is_not_read_for_ever(name: str, api: str) -> None:
    sandbox = Sandbox(few())
    sandbox.fail(name, times=None)
    (snapshot,) = await read(sandbox, [Target(*next(iter(sandbox.truth())))], api)
    assert snapshot.end is End.INCOMPLETE
