"""Which targets `--wallet` and `--chain` mean."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scanner.config import Config
    from scanner.domain.approvals import Target

__all__ = ["scope"]


def scope(config: "Config", wallets: Sequence[str], chains: Sequence[str]) -> "list[Target]":
    """The targets that are meant: configured ones, and others that were named by wallet.

    A wallet that the configuration does not know is meant on the named chains, else on every chain it knows of. Raises
    UsageError where nothing fits.
    """
    from scanner.domain.approvals import Target
    from scanner.errors import UsageError

    configured = {target: target for target in config.targets}
    if not wallets:
        found = [target for target in configured if not chains or target.chain in chains]
        if chains and not found and configured:
            raise UsageError("No wallet of the configuration is on that chain", "Name one: --wallet ADDRESS")
        return found
    found = []
    for wallet in wallets:
        mine = [target for target in configured if target.owner == wallet]
        where = chains or [target.chain for target in mine or configured] or ["1"]
        found += [configured.get(target, target) for target in (Target(index, wallet) for index in where)]
    return list(dict.fromkeys(_fitting(found)))


def _fitting(targets: "Iterable[Target]") -> "Iterable[Target]":
    """Leave out chains whose addresses have another form. Raises UsageError where an owner then has none left."""
    from scanner.domain.addresses import BadAddressError, normal_address
    from scanner.domain.chains import by_index
    from scanner.errors import UsageError

    owners: dict[str, bool] = {}
    for target in targets:
        try:
            normal_address(target.owner, by_index(target.chain))
        except BadAddressError:
            owners.setdefault(target.owner, False)
        else:
            owners[target.owner] = True
            yield target
    for owner, fits in owners.items():
        if not fits:
            raise UsageError(f"{owner} fits none of the chains", "Name one that it is on: --chain CHAIN")
