"""Wallets by the thousand, from a CSV file that may be broken at any time."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner.config import Config, load
from scanner.domain.approvals import Target

ONE, TWO, THREE = ("0x" + digit * 40 for digit in "123")
MIXED = "0xEd0C6079229E2d407672a117c22b62064f4a4312"


def with_file(folder: Path, content: str | bytes | None, inline: str = "") -> Config:
    """A configuration with a wallets file of that content."""
    path = folder / "config.yaml"
    path.write_text(f"{inline}\nwallets_file: wallets.csv\n")
    if content is not None:
        (folder / "wallets.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    return load(path, {})


def said(config: Config) -> list[tuple[str, str]]:
    """Where each warning stands, and what it is."""
    return [(str(problem.place).rsplit("/")[-1], problem.code) for problem in config.warnings]


def test_a_row_is_a_wallet(tmp_path: Path) -> None:
    config = with_file(
        tmp_path,
        f'address,label,chains,tags\n{MIXED},"Treasury, cold",ethereum base;56,cold|big\n\n {ONE} , , bsc ,\n',
    )
    assert config.wallets_certain
    assert config.warnings == ()
    assert config.targets == (
        *(Target(chain, MIXED.lower()) for chain in ("1", "8453", "56")),
        Target("56", ONE),
    )
    assert (config.targets[0].label, config.targets[0].tags) == ("Treasury, cold", ("cold", "big"))
    assert (config.targets[3].label, config.targets[3].tags) == (None, ())


def test_columns_may_stand_in_any_order_and_be_left_out(tmp_path: Path) -> None:
    config = with_file(tmp_path, f"\ufeffChains, Address\r\nbase,{ONE}\r\n")
    assert config.targets == (Target("8453", ONE),)
    assert config.wallets_certain


def test_the_wallets_of_the_file_come_after_those_of_the_configuration(tmp_path: Path) -> None:
    config = with_file(tmp_path, f"address,chains\n{TWO},bsc\n", f"wallets: [{{address: '{ONE}', chains: [bsc]}}]")
    assert config.targets == (Target("56", ONE), Target("56", TWO))


def test_bad_rows_are_told_and_the_rest_is_watched(tmp_path: Path) -> None:
    config = with_file(
        tmp_path,
        "address,label,chains,tags\n"
        f"{ONE},one,bsc,\n"
        "0x12,short,bsc,\n"
        f"{TWO},two,bsc etherum,\n"
        f"{MIXED.replace('E', 'e')},mixed,bsc,\n"
        f"{THREE},three,,\n"
        f"{THREE},three,bsc,a,b\n"
        f"{THREE},{'x' * 65},bsc,\n"
        "only\n",
    )
    assert said(config) == [
        ("wallets.csv:3:1", "bad-address"),
        ("wallets.csv:4:48", "unknown-chain"),
        ("wallets.csv:5:1", "bad-address"),
        ("wallets.csv:6:50", "missing-key"),
        ("wallets.csv:7:56", "wallets-file"),
        ("wallets.csv:8:44", "bad-text"),
        ("wallets.csv:9:1", "missing-key"),
    ]
    assert config.targets == (Target("56", ONE), Target("56", TWO))
    assert not config.wallets_certain


def test_a_wallet_that_is_listed_twice_is_told_with_its_first_place_and_is_no_doubt(tmp_path: Path) -> None:
    config = with_file(
        tmp_path,
        f"address,chains\n{ONE},bsc base\n{ONE},base\n",
        f"wallets: [{{address: '{ONE}', chains: [eth, bsc]}}]",
    )
    assert config.targets == (Target("1", ONE), Target("56", ONE), Target("8453", ONE))
    first, second = config.warnings
    assert str(first).endswith(f"on bsc stands here again; first at {tmp_path}/config.yaml:1:81")
    assert str(second).endswith(f"on base stands here again; first at {tmp_path}/wallets.csv:2:44")
    assert config.wallets_certain


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: no such file"),
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("address,chains\n", "lists no wallet"),
        (b"address,chains\n\xff\xfe,bsc\n", "is not UTF-8"),
        (f"{ONE},bsc\n", "has no header"),
        ("address,label\n", "no column 'chains'"),
        ("address,chain\n", "unknown column 'chain'"),
        ("address,chains,address\n", "stands here twice"),
        ("address;chains\n", "has no header"),
        ('address,chains\n"' + "x" * 200_000, "is not CSV"),
    ],
)
def test_a_file_that_cannot_be_believed_is_told_and_certain_of_nothing(
    tmp_path: Path, content: str | bytes | None, words: str
) -> None:
    config = with_file(tmp_path, content, f"wallets: [{{address: '{ONE}', chains: [bsc]}}]")
    assert words in " ".join(str(problem) for problem in config.warnings)
    assert config.targets == (Target("56", ONE),)
    assert not config.wallets_certain


def test_a_folder_in_the_files_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "wallets.csv").mkdir()
    config = with_file(tmp_path, None)
    assert "is a directory" in str(config.warnings[0])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "wallets.csv").touch(mode=0)
    assert "permission denied" in str(with_file(tmp_path, None).warnings[0])


def test_an_unknown_column_is_answered_with_the_one_that_was_meant(tmp_path: Path) -> None:
    warnings = with_file(tmp_path, "adress,chains\n").warnings
    assert [problem.hint for problem in warnings if problem.code == "unknown-key"] == ["did you mean 'address'?"]


@given(content=st.lists(st.sampled_from([ONE, MIXED, "address", "chains", *',"\n\r;| \0', "bsc"]) | st.characters()))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_content_makes_loading_fail(tmp_path: Path, content: list[str]) -> None:
    text = "address,chains\n" + "".join(content)
    config = with_file(tmp_path, text.encode(errors="replace"))
    assert config.targets or config.warnings
    assert config.wallets_certain or config.warnings


def test_ten_thousand_wallets_load(tmp_path: Path) -> None:
    rows = "".join(f"0x{number:040x},wallet {number},ethereum base,\n" for number in range(10_000))
    config = with_file(tmp_path, f"address,label,chains,tags\n{rows}")
    assert len(config.targets) == 20_000
    assert config.wallets_certain
