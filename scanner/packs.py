"""Which rules are in force: from a configuration to a pack. Nothing is built for that, so that asking costs little."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from scanner.config import Config
from scanner.errors import Place
from scanner.policy.loading import default_rules, load
from scanner.policy.overriding import Override, amended
from scanner.policy.rules import Exemption, Pack

__all__ = ["candidate_pack", "load_pack", "rule_folders", "written_pack"]


def load_pack(config: Config | None, at: datetime) -> Pack:
    """The default rules, unless they are switched off, and the user's own, with overrides and exceptions, at a time.

    Never raises: see `Pack.problems`.
    """
    pack = written_pack(config)
    return pack if config is None else amended(pack, _overrides(config), _exemptions(config), at)


def candidate_pack(config: Config, folder: Path, at: datetime) -> Pack:
    """The rules with those of a folder in place of the user's own and of default rules of the same id. Never raises."""
    default, own = load([default_rules()] if config.rules.default else []), load([folder])
    kept = tuple(rule for rule in default.rules if rule.id not in {*config.rules.disable, *own.ids})
    pack = Pack((*kept, *own.rules), own.problems, own.warnings, default.ids | own.ids)
    return amended(pack, _overrides(config), _exemptions(config), at)


def written_pack(config: Config | None = None) -> Pack:
    """The rules as they stand in their files: what their own tests speak of. Never raises."""
    return load(rule_folders(config), () if config is None else config.rules.disable)


def rule_folders(config: Config | None = None) -> list[Path]:
    """Where the rules stand: the default pack's folder, unless it is switched off, and the user's own."""
    default = [default_rules()] if config is None or config.rules.default else []
    return [*default, *(() if config is None else config.rules.dirs)]


def _overrides(config: Config) -> list[Override]:
    """What the configuration changes of rules."""

    def within(rule: str) -> Callable[[Sequence[str]], Place]:
        return lambda steps: config.place(("rules", "overrides", rule, *steps))

    return [
        Override(
            rule=rule,
            severity=one.severity,
            enabled=one.enabled,
            params=one.params,
            muted=one.channels == (),
            place=within(rule),
        )
        for rule, one in config.rules.overrides.items()
    ]


def _exemptions(config: Config) -> list[Exemption]:
    """What the configuration excepts from rules."""
    return [
        Exemption(
            rule=one.rule,
            reason=one.reason,
            spender=one.spender,
            token=one.token,
            owner=one.owner,
            chain=one.chain,
            until=one.until,
            place=config.place(("rules", "exceptions", number)),
        )
        for number, one in enumerate(config.rules.exceptions)
    ]
