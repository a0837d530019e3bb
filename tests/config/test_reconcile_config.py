"""Comparing two sources takes both: that is said where it is written, and the API's credentials are needed then."""

from datetime import timedelta
from pathlib import Path

import pytest

from scanner.config import Config, load
from scanner.errors import ConfigError

OWNER = "0x1111111111111111111111111111111111111111"
NODES = "evm: {eth: {rpc: ['https://node.example']}}"


def loaded(folder: Path, source: str) -> Config:
    wallets = f"wallets: [{{address: '{OWNER}', chains: [ethereum]}}]"
    (folder / "config.yaml").write_text(f"source: {{{source}}}\n{wallets}\n")
    return load(folder / "config.yaml", {})


@pytest.mark.parametrize(
    ("written", "every"),
    [
        ("off", None),
        ("'off'", None),
        ("daily", timedelta(days=1)),
        ("weekly", timedelta(days=7)),
        ("monthly", timedelta(days=30)),
        ("36h", timedelta(hours=36)),
    ],
)
def test_it_is_a_word_or_a_duration(tmp_path: Path, written: str, every: timedelta | None) -> None:
    config = loaded(tmp_path, f"{NODES}, reconcile: {written}")
    assert config.source.reconcile == every
    assert config.needs_okx is (every is not None)


@pytest.mark.parametrize("source", ["reconcile: weekly", f"{NODES}, prefer: [okx], reconcile: weekly"])
def test_without_chains_that_are_read_themselves_there_is_nothing_to_compare_with(tmp_path: Path, source: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, source)
    [problem] = caught.value.problems
    assert (problem.code, problem.place.line) == ("conflict", 1)
    assert problem.place.column == len("source: {") + source.index("weekly") + 1
    assert "source.evm" in problem.hint


@pytest.mark.parametrize("source", ["reconcile: off", "prefer: [okx]", f"{NODES}, prefer: [okx], reconcile: off"])
def test_what_is_off_takes_nothing(tmp_path: Path, source: str) -> None:
    assert loaded(tmp_path, source).source.reconcile is None


@pytest.mark.parametrize("written", ["yearly", "30s", "never"])
def test_other_words_are_refused(tmp_path: Path, written: str) -> None:
    with pytest.raises(ConfigError):
        loaded(tmp_path, f"{NODES}, reconcile: {written}")
