"""Rounds that take longer than the time between them are told once, and so is their end."""

from datetime import timedelta
from pathlib import Path

from watched import Watched, watched

from scanner.status import Status
from scanner.store import scans
from scanner.systemd import ServiceManager


async def lap(world: Watched, number: int, minutes: float) -> None:
    """A scheduled round of everything, which takes so long; the next one follows at once, or when it is due."""
    began = world.at
    await world.store.write(
        lambda c: scans.begin(c, f"lap-{number}", asked_by="schedule", worker="1-test", total=2, at=began)
    )
    world.wait(minutes)
    await world.store.write(lambda c: scans.finish(c, f"lap-{number}", at=world.at, requests=40, undecided=0))


async def test_three_that_are_too_long_are_told_and_two_that_fit_again(tmp_path: Path) -> None:
    async with watched(tmp_path) as world:
        dog, seen = world.watchdog(), []
        for number, minutes in enumerate((20, 20, 20, 20, 5, 5, 5)):
            await lap(world, number, minutes)
            await world.look(dog, moving=True)
            seen.append("rounds-overlong" in await world.open())
            world.wait(max(15 - minutes, 0))
        assert seen == [False, False, True, True, True, False, False]
        told = [(channel, title) for channel, _, title in await world.told() if "Rounds take longer" in title]
        what = "the watch itself: Rounds take longer than the time between them"
        assert told == [("mail", f"MEDIUM, {what}"), ("mail", f"Over, {what}")]


async def test_the_status_line_tells_what_the_last_round_took(tmp_path: Path) -> None:
    async with watched(tmp_path) as world:
        shown: list[str] = []

        class Manager(ServiceManager):
            """Keeps what it is told."""

            def status(self, line: str) -> None:
                shown.append(line)

        status = Status(Manager({}))
        status.ready(2)
        status.show(await world.look(moving=False))
        assert shown == []
        await lap(world, 1, timedelta(minutes=1, seconds=5) / timedelta(minutes=1))
        status.show(await world.look(moving=False))
        assert shown[0].startswith("watching 2 targets; the last round took 1 min 5 s and 40 requests")
