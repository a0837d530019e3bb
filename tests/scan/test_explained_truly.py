"""After a scan an explanation foresees nothing: what it says of every rule is what the scan decided."""

from pathlib import Path

from scanning import default_pack, watching
from sqlalchemy.ext.asyncio import AsyncConnection

from scanner.cli.rules_explain import explained
from scanner.formats.documents import Explained
from scanner.sandbox.stories import bundled_world
from scanner.store.alerts import listing

DONE = {"Nothing would change at the next reading.", "No alert is open for it, and none would be."}
ONCE = "A rule on changes is asked once, when the change is found; the other values are those of now."


async def test_nothing_is_foreseen_that_the_scan_did_not_do(tmp_path: Path) -> None:
    async with watching(tmp_path, bundled_world(), balances=True) as watch:
        await watch.scan()
        watch.sandbox.advance()
        await watch.scan()

        async def every(connection: AsyncConnection) -> list[Explained]:
            told = {one.alert.rule: one.held.approval.id for one in await listing(connection)}
            assert len(told) > 5
            pack = default_pack()
            return [await explained(connection, pack, rule, id_) for id_ in {*told.values()} for rule in pack.rules]

        documents = await watch.store.read(every)
    assert {note for one in documents for note in one.notes} <= DONE | {ONCE}
    for one in documents:
        if DONE.isdisjoint(one.notes):
            continue
        is_open = any(alert.state == "open" for alert in one.alerts)
        assert is_open == (one.explanation.judgement in {"holds", "lingers"}), one
