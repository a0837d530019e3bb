"""`demo` and `sandbox`: nothing is needed, and nothing of what strangers wrote comes alive."""

import asyncio
import re
import signal
import time
from pathlib import Path

import aiohttp
from house import house

OURS = ("revoke.cash", "etherscan.io", "basescan.org", "bscscan.com")


async def test_the_demo_shows_three_days_and_ends_by_itself(tmp_path: Path) -> None:
    async with house(tmp_path, installed=True) as home:
        (tmp_path / "config.yaml").unlink()
        begun = time.monotonic()
        done = await home.run("demo", env={"PATH": home.environ["PATH"], "HOME": str(tmp_path)})
        assert time.monotonic() - begun < 30, "a few seconds, on a machine that has others to do"
        assert (done.code, done.err) == (0, "")
        days = re.split(r"^━━ Day ", done.out, flags=re.MULTILINE)[1:]
        assert len(days) == 3
        for day in days:
            for part in ("\nChanges\n", "\nAlerts opened", "\nApprovals\n", "┌ message", "│ ref "):
                assert part in day
        assert "First reading of 3 wallets" in days[0]
        assert "revoked" in days[2]
        assert list(tmp_path.iterdir()) == []


async def test_no_name_of_a_stranger_is_alive_in_the_demo(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        out = (await home.run("demo")).out
        assert "uniswap-verify[.]example" in out, "the hostile name is shown, but dead"
        for alive in ("arb-gift.example", "uniswap-verify.example", "<b>", "@everyone", "](", "\x1b", "\u202e"):
            assert alive not in out
        links = re.findall(r"\w+://([^/\s]+)", out)
        assert links
        assert set(links) <= set(OURS)


async def test_the_sandbox_says_where_it_is_and_serves_until_it_is_told_to_end(tmp_path: Path) -> None:
    async with house(tmp_path) as home, home.begun("sandbox", "--port", "0", env=home.shell) as process:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            url = (await process.stdout.readline()).decode().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
        async with aiohttp.ClientSession() as session, session.get(f"{url}/sandbox") as answer:
            assert (await answer.json())["world"] == "Three days at Lantern Labs"
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(10):
            _, err = await process.communicate()
        assert process.returncode == 130
        assert b"OKX_API_KEY=" in err
        assert b"Traceback" not in err


async def test_a_sandbox_that_cannot_be_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "world.yaml").write_text("days: nothing\nnonsense: 1\n")
    async with house(tmp_path) as home:
        broken = await home.run("sandbox", "--world", "world.yaml")
        assert broken.code == 2
        assert len(re.findall(r"world\.yaml:\d+:\d+: ", broken.err)) == 2
        taken = await home.run("sandbox", "--port", str(home.hook.port))
        assert taken.code == 2
        assert "--port" in taken.err
