"""For any sequence of worlds, readings and times, what is believed is what the contract says."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from msgspec import structs
from oracle import Oracle, Seen, size
from strategies import ERC20, EVERY_KIND, OWNER, START, approval, in_force, reading

from scanner.domain.approvals import UINT256_MAX, Approval, End, Kind, Snapshot, Status, combine
from scanner.domain.changes import GONE, Change, ChangeKind, Known, diff, unseen

NUMBERS = range(1, 15)
EVERYTHING = frozenset(NUMBERS)
ENDS = [End.COMPLETE, End.UNPROVEN, End.INCOMPLETE]

some = st.frozensets(st.sampled_from(NUMBERS), max_size=3)
most = st.frozensets(st.sampled_from(NUMBERS), min_size=6)
any_of_them = some | most
hardly_any = st.just(frozenset[int]()) | some
amounts = st.sampled_from([1, 50, 100, 2**96 - 1, UINT256_MAX, "unlimited"])
lasting = st.sampled_from([None, None, None, 0.0, 5.0, 30.0])
behind = st.sampled_from([None, None, 0.0, 2.0, 10.0, -3.0])
passing = st.sampled_from([0.0, 1.0, 5.0, 9.0, 10.0, 60.0, -7.0, -600.0])


class Belief(RuleBasedStateMachine):
    """A world that moves on, a source that shows it well or badly, and two readers of the contract."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.world: dict[int, tuple[int | str, Status, datetime | None]] = {}
        self.known = Known(OWNER)
        self.changes: list[Change] = []
        self.expected: set[str] = set()

    @initialize(numbers=any_of_them, wait=st.sampled_from([0, 10, 10, 10]))
    def begin(self, numbers: frozenset[int], wait: int) -> None:
        self.wait = timedelta(minutes=wait)
        self.oracle = Oracle(self.wait)
        self.grant(numbers, 100, Status.GRANTED, None)

    @rule(numbers=any_of_them, amount=amounts, status=st.sampled_from(Status), lasts=lasting)
    def grant(self, numbers: frozenset[int], amount: int | str, status: Status, lasts: float | None) -> None:
        until = None if lasts is None else self.now + timedelta(minutes=lasts)
        self.world |= dict.fromkeys(numbers, (amount, status, until))

    @rule(numbers=any_of_them)
    def revoke(self, numbers: frozenset[int]) -> None:
        for number in numbers:
            self.world.pop(number, None)

    @rule(minutes=passing)
    def wait_a_while(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(hidden=any_of_them, minutes=st.sampled_from([1.0, 10.0]), times=st.integers(1, 3))
    def lose_rows_for_a_while(self, hidden: frozenset[int], minutes: float, times: int) -> None:
        for _ in range(times):
            nobody = frozenset[int]()
            self.read(End.COMPLETE, EVERY_KIND, hidden, hidden, nobody, nobody, nobody, pages=2, lag=None)
            self.wait_a_while(minutes)

    @rule(
        end=st.sampled_from(ENDS),
        kinds=st.sampled_from([EVERY_KIND, EVERY_KIND, ERC20]),
        hidden=hardly_any | st.just(EVERYTHING),
        slipped=hardly_any,
        garbled=hardly_any,
        zeros=hardly_any | st.just(EVERYTHING),
        withdrawn=hardly_any | most,
        pages=st.integers(1, 2),
        lag=behind,
    )
    def read(
        self,
        end: End,
        kinds: frozenset[Kind],
        hidden: frozenset[int],
        slipped: frozenset[int],
        garbled: frozenset[int],
        zeros: frozenset[int],
        withdrawn: frozenset[int],
        pages: int,
        lag: float | None,
    ) -> None:
        as_of = None if lag is None else self.now - timedelta(minutes=lag)
        then = self.now if as_of is None else as_of
        rows = self._view(kinds, hidden, garbled, zeros)
        undone = frozenset(approval(number, kind=_kind(number)).id for number in withdrawn)
        snapshot = replace(reading(rows, self.now, end, kinds=kinds, pages=pages, as_of=as_of), withdrawn=undone)
        if pages > 1 and end is not End.INCOMPLETE and unseen(self.known, snapshot):
            rows = self._view(kinds, slipped, garbled, zeros)
            snapshot = combine(snapshot, reading(rows, self.now, kinds=kinds, pages=pages, as_of=as_of))

        outcome = diff(self.known, snapshot, self.wait)
        told, complete = self.oracle.hear(Seen(self.now, end, kinds, snapshot.approvals, undone, as_of))

        assert {change.after.id: change.kind.value for change in outcome.changes} == told
        assert len(outcome.changes) == len(told), "one approval changes once"
        assert outcome.complete is complete
        assert (outcome.trouble is None) is complete
        self._allowed(outcome.changes, snapshot, then)
        self._expect(outcome.complete, kinds, snapshot.approvals, told, then)
        assert diff(self.known, snapshot, self.wait) == outcome, "the same again gives the same"
        self.changes += outcome.changes
        self.known = outcome.known

    def _view(
        self, kinds: frozenset[Kind], hidden: frozenset[int], garbled: frozenset[int], zeros: frozenset[int]
    ) -> list[Approval]:
        """What the source shows of the world: what it covers but for hidden rows, and some revoked ones as 0."""
        there = {number: state for number, state in self.world.items() if number not in hidden}
        rows = [
            structs.replace(
                approval(number, "1e9" if number in garbled else amount, status=status, kind=_kind(number)),
                expires_at=until,
            )
            for number, (amount, status, until) in there.items()
        ]
        rows += [approval(number, 0, kind=_kind(number)) for number in zeros - self.world.keys()]
        return [row for row in rows if row.kind in kinds]

    def _allowed(self, changes: tuple[Change, ...], snapshot: Snapshot, then: datetime) -> None:
        for change in changes:
            row = snapshot.approvals.get(change.after.id)
            if change.kind is ChangeKind.REVOKED and change.after.id not in snapshot.withdrawn:
                assert snapshot.end is not End.INCOMPLETE if row is None else size(row) == 0
            if change.kind is ChangeKind.EXPIRED:
                assert change.after.expires_at is not None
                assert change.after.expires_at <= then

    def _expect(
        self,
        complete: bool,
        kinds: frozenset[Kind],
        shown: Mapping[str, Approval],
        told: Mapping[str, str],
        then: datetime,
    ) -> None:
        """The last proven reading, and every row seen since."""
        seen = {row for row, one in shown.items() if size(one) != 0 and not one.expired(then)}
        over = {row for row, kind in told.items() if kind in GONE}
        if complete:
            self.expected = seen | {row for row in self.expected - over if self.oracle.kinds[row] not in kinds}
        else:
            self.expected = (self.expected | seen) - over

    @invariant()
    def the_store_is_the_last_proven_reading_and_every_row_seen_since(self) -> None:
        assert in_force(self.known) == self.expected
        for held in self.known.in_force:
            assert held.approval.allowance.magnitude == self.oracle.sizes[held.approval.id]
            assert held.approval.status is self.oracle.statuses[held.approval.id]
            assert held.first_seen.tzinfo is not None

    @invariant()
    def history_is_enough_to_know_the_present(self) -> None:
        state: dict[str, tuple[int | None, Status]] = {}
        times: dict[str, datetime] = {}
        for change in self.changes:
            times[change.after.id] = change.at
            before = None if change.before is None else _state(change.before)
            assert before == state.pop(change.after.id, None)
            if change.kind not in GONE:
                state[change.after.id] = _state(change.after)
        assert state == {held.approval.id: _state(held.approval) for held in self.known.in_force}
        assert times == {row: held.changed_at for row, held in self.known.held.items()}


def _kind(number: int) -> Kind:
    return Kind.ERC20 if number <= 11 else Kind.ERC721_ALL


def _state(one: Approval) -> tuple[int | None, Status]:
    return one.allowance.magnitude, one.status


def test_what_is_believed_is_what_the_contract_says() -> None:
    run_state_machine_as_test(Belief, settings=_effort(100))


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_what_is_believed_is_what_the_contract_says_for_very_long() -> None:
    run_state_machine_as_test(Belief, settings=_effort(5000))


def _effort(examples: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
