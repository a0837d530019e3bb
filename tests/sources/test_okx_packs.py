from collections import Counter
from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from scanner.domain.approvals import Target
from scanner.sources.okx_packs import packs

targets = st.lists(
    st.builds(Target, st.sampled_from([str(n) for n in range(30)]), st.integers(0, 20).map(str)), unique=True
)


@given(targets, st.integers(1, 20))
def test_packs_hold_every_target_once_each_chain_once_and_are_as_few_as_can_be(
    wanted: list[Target], largest: int
) -> None:
    made = packs(wanted, largest)
    assert Counter(target for pack in made for target in pack) == Counter(wanted)
    for pack in made:
        assert 0 < len(pack) <= largest
        assert len({target.chain for target in pack}) == len(pack)
    most = max(Counter(target.chain for target in wanted).values(), default=0)
    assert len(made) == max(most, ceil(len(wanted) / largest))


def test_four_owners_on_five_chains_make_four_packs() -> None:
    assert len(packs(Target(str(chain), str(owner)) for chain in range(5) for owner in range(4))) == 4


def test_one_owner_on_twenty_chains_makes_one_pack() -> None:
    assert len(packs(Target(str(chain), "owner") for chain in range(20))) == 1
