"""What one source calls a spender and a token is not forgotten because another one cannot know it."""

from pathlib import Path

from chain_reader import chain_reader
from far_node import FarNode, serving, word
from far_node import log as some_log
from scanning import WALLET, Clock, house, kinds, reading, row, story
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.domain.approvals import UINT256_MAX, Target
from scanner.domain.report import Report
from scanner.evm.keccak import selector
from scanner.evm.topics import APPROVAL
from scanner.sandbox import Sandbox
from scanner.store import tables
from scanner.store.budgets import StoredLedger
from scanner.store.engine import Store

GRANT = row(1, UINT256_MAX)


def allowing(data: str) -> object:
    """A token that allows everything, and says nothing of itself."""
    asked = data.startswith(selector("allowance(address,address)"))
    return word(UINT256_MAX) if asked else {"code": 3, "message": "execution reverted"}


async def steps(store: Store) -> int:
    """How often anything happened to an alert."""

    async def counting(connection: AsyncConnection) -> int:
        found = await connection.execute(select(func.count()).select_from(tables.alert_events))
        return int(found.scalar_one())

    return await store.read(counting)


def said(report: Report) -> list[tuple[str, str | None, str | None, list[str]]]:
    return [
        (
            one.id,
            one.spender.name,
            one.token.symbol,
            sorted(alert.rule for alert in report.alerts if alert.approval == one.id and alert.state == "open"),
        )
        for one in report.approvals
    ]


async def test_from_the_api_to_the_chain_and_back_the_same_right_moves_no_alert(store: Store, tmp_path: Path) -> None:
    topics = [APPROVAL, *(word(int(each, 16)) for each in (WALLET, GRANT.spender.address))]
    granted = {**some_log(40, 0, 1), "address": GRANT.token.address, "topics": topics, "data": word(UINT256_MAX)}
    node = FarNode(head=100, logs=[granted], returns=allowing)
    target, clock, sandbox = Target("1", WALLET), Clock(), Sandbox(story([GRANT]))
    async with (
        reading(sandbox, StoredLedger(store), clock=clock) as api,
        serving(node),
        chain_reader(store, node.url) as chain,
    ):
        first = await house(store, api, clock=clock).scan([target])
        raised = await steps(store)
        reports = [
            await house(store, *sources, clock=clock).scan([target])
            for sources in ((chain, api), (chain, api), (api, chain), (chain, api))
        ]
    assert said(first)[0][1:] == ("Project 1", "TKN1", ["unlimited-to-stranger"])
    assert [said(report) for report in reports] == [said(first)] * len(reports)
    assert [kinds(report) for report in reports] == [[]] * len(reports)
    assert await steps(store) == raised
