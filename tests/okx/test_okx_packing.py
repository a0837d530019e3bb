from collections import Counter
from typing import Any

import pytest
from far_side import (
    EVM,
    WIDE,
    Asked,
    Clock,
    address,
    entry,
    error,
    far_side,
    ok,
    one_page_each,
    owner,
    packed,
    project,
    read_all,
    seen,
    source_of,
)

from scanner.domain.approvals import End, Target
from scanner.errors import Reason


@pytest.mark.parametrize(
    ("owners", "chains", "requests"), [(1, 20, 1), (4, 5, 4), (20, 1, 20), (2, 3, 3 - 1), (3, 20, 3)]
)
async def test_packs_are_as_few_as_attribution_allows(owners: int, chains: int, requests: int) -> None:
    targets = [Target(chain, owner(n)) for n in range(owners) for chain in EVM[:chains]]
    async with far_side(one_page_each) as far, source_of(far.url) as source:
        found = await read_all(source, targets)
    assert len(far.asked) == requests
    for target, snapshot in found.items():
        assert snapshot.end is End.COMPLETE
        assert {row.token.address for row in snapshot.approvals.values()} == {address(int(target.chain))}
        assert all(row.target == target for row in snapshot.approvals.values())


@pytest.mark.parametrize(
    "unsound",
    [
        lambda entries: entries[:-1],
        lambda entries: [*entries, entries[-1]],
        lambda entries: [*entries[:-1], {**entries[-1], "cursor": "1"}],
        lambda entries: [*entries[:-1], {**entries[-1], "approvalProjects": [None]}],
        lambda entries: [*entries[:-1], entry(EVM[3], cursor="7")],
    ],
)
async def test_a_packed_target_that_is_not_provably_finished_is_asked_alone(unsound: Any) -> None:
    def script(asked: Asked) -> dict[str, Any]:
        answer = one_page_each(asked)
        return ok(*unsound(answer["data"])) if packed(asked) else answer

    async with far_side(script) as far, source_of(far.url) as source:
        found = await read_all(source, WIDE)
    assert [asked.addresses for asked in far.asked[1:]] == [[(EVM[3], owner(1))]]
    assert {snapshot.end for snapshot in found.values()} == {End.COMPLETE}
    assert seen(found[WIDE[3]]) == {(address(9), address(int(EVM[3])))}


@pytest.mark.parametrize(
    "answer",
    [
        lambda entries: ok(*entries, entry("999999", project(9, 1))),
        lambda entries: ok({**entries[0], "chainIndex": None}, *entries[1:]),
        lambda entries: ok(),
        lambda entries: {"code": "0", "data": None},
        lambda entries: error("81104"),
        lambda entries: error("81107"),
        lambda entries: error("51000"),
        lambda entries: error("50001"),
        lambda entries: error("81159"),
        lambda entries: error("99999"),
        lambda entries: {"code": "0", "data": [None]},
    ],
)
async def test_a_pack_that_fails_is_asked_one_by_one(answer: Any) -> None:
    def script(asked: Asked) -> dict[str, Any]:
        sound = one_page_each(asked)
        told: dict[str, Any] = answer(sound["data"]) if packed(asked) else sound
        return told

    async with far_side(script) as far, source_of(far.url, clock=Clock()) as source:
        found = await read_all(source, WIDE)
    assert {snapshot.end for snapshot in found.values()} == {End.COMPLETE}
    assert Counter(asked.addresses[0][0] for asked in far.asked if not packed(asked)) == Counter(EVM[:4])


async def test_a_service_that_takes_no_packs_is_soon_asked_for_single_targets_only() -> None:
    targets = [Target(chain, owner(n)) for n in range(200) for chain in EVM[:2]]

    def script(asked: Asked) -> dict[str, Any]:
        return error("81107") if packed(asked) else one_page_each(asked)

    async with far_side(script) as far, source_of(far.url) as source:
        found = await read_all(source, targets)
    assert {snapshot.end for snapshot in found.values()} == {End.COMPLETE}
    assert sum(packed(asked) for asked in far.asked) < 150


async def test_one_unsupported_chain_fails_alone_and_is_packed_no_more() -> None:
    def script(asked: Asked) -> dict[str, Any]:
        return error("81104") if any(chain == EVM[2] for chain, _ in asked.addresses) else one_page_each(asked)

    async with far_side(script) as far, source_of(far.url) as source:
        for expected in (1 + 4, 2):
            before = source.cost.requests
            found = await read_all(source, WIDE)
            assert source.cost.requests - before == expected
            failed = {target: snapshot for target, snapshot in found.items() if snapshot.end is not End.COMPLETE}
            assert set(failed) == {WIDE[2]}
            trouble = failed[WIDE[2]].trouble
            assert trouble is not None
            assert trouble.reason is Reason.NOT_COVERED


async def test_one_targets_failure_touches_no_other() -> None:
    targets = [Target("1", owner(n)) for n in range(12)]

    def script(asked: Asked) -> Any:
        return b"<html>" if asked.addresses[0][1] in (owner(3), owner(7)) else one_page_each(asked)

    async with far_side(script) as far, source_of(far.url, patience=0.2) as source:
        found = await read_all(source, targets)
    assert {t.owner for t, s in found.items() if s.end is not End.COMPLETE} == {owner(3), owner(7)}


async def test_a_pack_whose_key_is_refused_is_not_asked_one_by_one() -> None:
    async with far_side(lambda _: error("50111")) as far, source_of(far.url) as source:
        found = await read_all(source, WIDE)
    assert len(far.asked) == 1
    assert {s.trouble.reason for s in found.values() if s.trouble} == {Reason.REFUSED_KEY}


async def test_packs_go_in_the_order_of_the_most_urgent_in_each() -> None:
    # What was asked for first is alone on its chain, and twenty other chains have more to ask for.
    first = Target(EVM[20], owner(9))
    others = [Target(chain, owner(n)) for n in range(3) for chain in EVM[:20]]
    async with far_side(one_page_each) as far, source_of(far.url) as source:
        await read_all(source, [first, *others])
    sent = [asked.addresses for asked in far.asked]
    assert len(sent) == 4
    assert (EVM[20], owner(9)) in sent[0]
    assert [(EVM[0], owner(number)) in pack for pack, number in zip(sent[1:3], (0, 1), strict=True)] == [True, True]
