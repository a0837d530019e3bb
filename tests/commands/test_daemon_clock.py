"""The daemon on a machine whose clock is set back: it must not wait until the old time comes round again."""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from house import House, house, until

from scanner.app import now, open_store, open_works
from scanner.config import load
from scanner.daemon import Daemon, Works
from scanner.systemd import ServiceManager

AN_HOUR = timedelta(hours=1)


def scans(home: House) -> int:
    return len(home.rows("SELECT 1 FROM scans WHERE asked_by = 'schedule' AND state = 'finished'"))


async def test_a_clock_that_is_set_back_does_not_put_the_next_scan_off(tmp_path: Path) -> None:
    ahead = AN_HOUR
    async with house(tmp_path, schedule={"every": "1s"}) as home:
        config = load(tmp_path / "config.yaml", home.environ)
        async with open_store(config) as store:

            async def build() -> Works:
                return await open_works(config, store, worker="1-test")

            def time() -> datetime:
                return now() + ahead

            manager = ServiceManager({"WATCHDOG_USEC": "400000"})
            running = asyncio.create_task(Daemon(store, build, worker="1-test", now=time, manager=manager).run())
            await until(lambda: home.rows("SELECT 1 FROM daemons WHERE next_scan_at IS NOT NULL") != [])
            assert scans(home) == 0, "by the clock of then the first scan is an hour away"
            ahead = timedelta()
            await until(lambda: scans(home) > 0)
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


async def test_a_last_scan_that_lies_in_the_future_does_not_put_the_next_one_off(tmp_path: Path) -> None:
    async with house(tmp_path, schedule={"every": "1s"}) as home:
        assert (await home.scan()).code == 0
        home.change(f"UPDATE scans SET asked_by = 'schedule', started_at = started_at + {AN_HOUR.seconds * 10**6}")
        async with home.daemon() as daemon:
            await daemon.says("scan.finished", within=10)
