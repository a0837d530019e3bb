"""What a scan reports is what the far side holds: row by row, in every dialect, under the right owner."""

import itertools
import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from scanning import IN_NO_HURRY, Watch, address, kinds, row, rows, shown, story, watching

from scanner.okx.signing import Credentials
from scanner.policy.rules import Pack
from scanner.sandbox import (
    UINT256_MAX,
    AmountForm,
    CursorForm,
    EndStyle,
    LimitCounts,
    Packing,
    Quirks,
    Row,
    RowForm,
    SpenderField,
    Status,
    SymbolForm,
    big_world,
    day_of,
    filler,
)
from scanner.sandbox.worlds import World

OWNER = address(0xA1)
NO_RULES = Pack(())
ANY_API: list[dict[str, Any]] = [
    *({"end": end} for end in EndStyle),
    {"amount": AmountForm.GARBAGE},
    {"code_as_number": True, "always_200": True},
]
V5: list[dict[str, Any]] = [
    *ANY_API,
    *({"cursor": form} for form in CursorForm),
    *({"cursor": form, "end": end} for form in CursorForm for end in EndStyle if not end.clean),
    *({"spender": named} for named in SpenderField if named not in (SpenderField.DIFFERENT, SpenderField.NONE)),
    *({"symbol": form} for form in SymbolForm),
    *({"amount": form} for form in AmountForm if form is not AmountForm.GARBAGE),
    *({"limit_counts": counts} for counts in LimitCounts),
    {"cursor_key": "cusor"},
    {"largest_page": 90, "overlap": 3},
    {"shuffled": True, "chain_as_number": True},
]
V6: list[dict[str, Any]] = [*ANY_API, *({"row_form": form} for form in RowForm), {"largest_page": 7}]
SOAK = pytest.mark.soak


def one_of_each(api: str, dialects: list[dict[str, Any]]) -> Iterator[Any]:
    """Every dialect, of which those that differ in the same things as an earlier one wait for the soak.

    The client's own tests read all of them.
    """
    known = set[frozenset[str]]()
    for dialect in dialects:
        yield pytest.param(api, dialect, id=f"{api}-{dialect}", marks=[SOAK] if frozenset(dialect) in known else [])
        known.add(frozenset(dialect))


def many() -> list[Row]:
    """250 approvals, among them every edge of an allowance and every status."""
    edges = (1, 2**96 - 2, 2**96 - 1, 2**96, 2**128 - 2, 2**128 - 1, UINT256_MAX - 1, UINT256_MAX)
    listed = list(filler(OWNER, "1", 250))
    for place, (raw, status) in enumerate(itertools.product(edges, Status)):
        listed[place * 9] = replace(listed[place * 9], raw=raw, status=status)
    return listed


def expected(watch: Watch, quirks: Quirks, api: str) -> list[tuple[object, ...]]:
    """The truth, less what this dialect does not tell."""
    in_words = {AmountForm.WORD, AmountForm.MINUS_ONE} if api == "v5" else set()
    maximum_in_words = quirks.amount in in_words or (api == "v6" and quirks.row_form is RowForm.APPROVAL_LIST)
    garbled = quirks.amount is AmountForm.GARBAGE

    def told(line: tuple[object, ...]) -> tuple[object, ...]:
        *who, raw, unlimited, status = line
        if garbled:
            raw = unlimited = None
        elif maximum_in_words and raw == str(UINT256_MAX):
            raw = None
        return (*who, raw, unlimited, "granted" if api == "v6" else status)

    return sorted(map(told, watch.truth()), key=str)


@pytest.mark.parametrize(("api", "dialect"), [*one_of_each("v5", V5), *one_of_each("v6", V6)])
async def test_250_approvals_over_pages_are_reported_row_by_row(
    api: str, dialect: dict[str, Any], tmp_path: Path
) -> None:
    quirks = Quirks(**dialect)
    async with watching(tmp_path, story(many()), api=api, sandbox={"quirks": quirks}, pack=NO_RULES) as watch:
        report = await watch.scan()
        assert shown(report) == expected(watch, quirks, api)
        assert len(report.approvals) == 250
        assert (report.scan.complete, report.scan.targets[0].error) == (True, None)
        assert kinds(report) == ["baseline"] * 250
        assert report.scan.requests == len(watch.sandbox.requests)

        again = await watch.scan()
        assert shown(again) == shown(report)
        assert (again.scan.complete, again.changes, again.raised) == (True, (), ())


async def test_three_pages_take_three_requests(tmp_path: Path) -> None:
    async with watching(tmp_path, story(many())) as watch:
        report = await watch.scan()
    assert report.scan.requests == 3


async def test_the_json_names_every_row_exactly(tmp_path: Path) -> None:
    async with watching(tmp_path, story(many())) as watch:
        told = json.loads(json.dumps(asdict(await watch.scan())))
        truth = {
            (one.token.address, one.spender.address): (str(one.raw), one.status.name.lower(), one.token.symbol)
            for one in watch.sandbox.today.of("1", OWNER)
        }
    assert {
        (one["token"]["address"], one["spender"]["address"]): (
            one["allowance"]["raw"],
            one["status"],
            one["token"]["symbol"],
        )
        for one in told["approvals"]
    } == truth
    assert {(one["chain"], one["chain_index"], one["owner"], one["kind"]) for one in told["approvals"]} == {
        ("ethereum", "1", OWNER, "erc20")
    }


@pytest.mark.parametrize("named", [SpenderField.DIFFERENT, SpenderField.NONE])
async def test_rows_whose_spender_cannot_be_told_are_kept_and_the_target_is_incomplete(
    named: SpenderField, tmp_path: Path
) -> None:
    async with watching(tmp_path, story(rows(250)), sandbox={"quirks": Quirks(spender=named)}) as watch:
        report = await watch.scan()
    assert [one.token.address for one in report.approvals] == [one.token.address for one in rows(250)]
    assert {one.spender.address for one in report.approvals} == {None}
    assert (report.scan.complete, report.scan.targets[0].reason) == (False, "unknown-spender")


TWENTY = ("1", "10", "56", "100", "130", "137", "146", "169", "196", "324", "1101", "5000", "8453", "34443", "42161",
          "43114", "59144", "81457", "534352", "7777777")  # fmt: skip # - as many to a line as fit


@pytest.mark.parametrize(("owners", "chains"), [(4, TWENTY[:5]), (1, TWENTY), (2, TWENTY[:10])])
async def test_20_targets_take_at_most_4_requests(owners: int, chains: tuple[str, ...], tmp_path: Path) -> None:
    async with watching(tmp_path, big_world(owners, 3, chains=chains)) as watch:
        assert len(watch.targets) == 20
        report = await watch.scan()
        assert shown(report) == watch.truth()
        assert len(report.approvals) == 60
        assert report.scan.complete
        assert report.scan.requests == len(watch.sandbox.requests) <= 4


def uneven(owners: int, chains: tuple[str, ...]) -> World:
    """Wallets of very different sizes: none, one page, several; so that some of a pack have to be asked alone."""
    found: list[Row] = []
    for number, (owner, chain) in enumerate(itertools.product(range(owners), chains)):
        found += rows((3, 0, 25, 1)[number % 4], owner=address(0xB0 + owner), chain=chain, spender=owner)
    return World("uneven", (day_of(found),))


ENDS = (EndStyle.EMPTY, EndStyle.EMPTY_PAGE, EndStyle.SAME, EndStyle.NO_DATA)
PACKED = [
    pytest.param(packing, end, marks=[] if number % len(ENDS) == place else [SOAK])
    for number, packing in enumerate(Packing)
    for place, end in enumerate(ENDS)
]


@pytest.mark.parametrize(("packing", "end"), PACKED)
async def test_every_row_goes_to_its_owner_however_a_pack_is_answered(
    packing: Packing, end: EndStyle, tmp_path: Path
) -> None:
    quirks = Quirks(packing=packing, end=end, largest_page=10)
    async with watching(tmp_path, uneven(4, TWENTY[:5]), sandbox={"quirks": quirks}, pack=NO_RULES) as watch:
        report = await watch.scan()
        assert shown(report) == watch.truth()
        assert report.scan.complete
        counts = {(one.chain_index, one.owner): one.approvals for one in report.scan.targets}
        assert counts == {key: len(there) for key, there in watch.sandbox.truth().items()}


async def test_the_same_token_and_spender_of_two_owners_are_two_approvals(tmp_path: Path) -> None:
    both = [row(1, 7, owner=address(0xA1)), row(1, 8, owner=address(0xA2)), row(1, 9, owner=address(0xA1), chain="56")]
    async with watching(tmp_path, story(both)) as watch:
        report = await watch.scan()
    assert {(one.chain_index, one.owner, one.allowance.raw) for one in report.approvals} == {
        ("1", address(0xA1), "7"),
        ("1", address(0xA2), "8"),
        ("56", address(0xA1), "9"),
    }
    assert len({one.id for one in report.approvals}) == 3


@pytest.mark.parametrize("seconds", [60, -60, 86_400])
async def test_a_clock_that_is_wrong_is_corrected_once(seconds: int, tmp_path: Path) -> None:
    far = {"now": lambda: datetime.now(UTC) + timedelta(seconds=seconds)}
    async with watching(tmp_path, big_world(2, 130), sandbox=far, settings=replace(IN_NO_HURRY, patience=2.0)) as watch:
        report = await watch.scan(watch.targets[0])
        assert report.scan.complete
        assert [one.code for one in watch.sandbox.requests] == ["50102", "0", "0"]
        again = await watch.scan()
        assert (again.scan.complete, shown(again)) == (True, watch.truth())
        assert [one.code for one in watch.sandbox.requests][3:] == ["0"] * 4


async def test_a_clock_that_cannot_be_corrected_is_said_after_one_more_try(tmp_path: Path) -> None:
    async with watching(tmp_path, big_world(1, 3), settings=replace(IN_NO_HURRY, patience=1.0)) as watch:
        watch.sandbox.fail("code-50102", times=None)
        report = await watch.scan()
        asked = [one for one in watch.sandbox.requests if one.method == "POST"]
        assert (len(asked), report.scan.targets[0].reason) == (2, "clock")


@pytest.mark.parametrize(
    ("part", "named"),
    [
        ("key", "source.okx.key (OKX_API_KEY)"),
        ("secret", "source.okx.secret (OKX_SECRET_KEY)"),
        ("passphrase", "source.okx.passphrase (OKX_API_PASSPHRASE)"),
    ],
)
async def test_a_refused_key_is_told_with_the_setting_and_asked_for_no_longer(
    part: str, named: str, tmp_path: Path
) -> None:
    right = {"key": "sandbox-key", "secret": "22582BD0CFF14C41EDBF1AB98506286D", "passphrase": "sandbox-passphrase"}
    wrong = Credentials(**{**right, part: "not this one"}, project="sandbox-project")
    async with watching(tmp_path, big_world(30, 2), key=wrong, settings=replace(IN_NO_HURRY, patience=5.0)) as watch:
        report = await watch.scan()
        assert len(watch.sandbox.requests) < 20, "a key that was refused is not tried for every target"
    assert not report.scan.complete
    assert {one.reason for one in report.scan.targets} <= {"refused-key", "not-asked"}
    assert sum(one.reason == "refused-key" for one in report.scan.targets) >= 5
    assert all(named in (one.error or "") for one in report.scan.targets)
