"""`check-config`: every problem in the configuration and the rules at once, or in a few lines what they come to."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from scanner.cli.console import Invocation, now, put, tell_problems
from scanner.domain.plain import counted, lasting
from scanner.errors import ConfigError, Place, Problem

if TYPE_CHECKING:
    from scanner.config import Config
    from scanner.policy.rules import Pack

__all__ = ["check_config"]


def check_config(context: typer.Context) -> None:
    """Find every problem in the configuration and the rules, each with its place. Exits with 2 where there is one.

    Looked at are the configuration, the wallets file and the rules. A secret that this shell does not have is only
    mentioned: the service may have it. Nothing is asked of the network; `doctor` does that.
    """
    from scanner.config import find_config, load, load_rules_alone
    from scanner.packs import load_pack

    invocation = context.find_object(Invocation) or Invocation()
    file = find_config(invocation.config, os.environ, Path.cwd())
    try:
        config = load(file, os.environ)
    except ConfigError as error:
        pack = load_pack(load_rules_alone(file), now())
        raise ConfigError([*error.problems, *pack.problems]) from error
    pack = load_pack(config, now())
    absent, wrong = _secrets(config)
    tell_problems([*absent, *_unknown_rules(config, pack), *pack.warnings], warning=True)
    if problems := [*config.warnings, *config.missing_wallets(), *wrong, *pack.problems]:
        raise ConfigError(problems)
    put("".join(f"{name:<10}{said}\n" for name, said in _summary(config, pack)))


def _secrets(config: "Config") -> tuple[list[Problem], list[Problem]]:
    """The secrets that are not there, and those that are and cannot be used."""
    found = [*config.missing_secrets(), *config.missing_heartbeat(), *config.exchanges.missing_secrets()]
    absent = [problem for problem in found if problem.code == "missing-secret"]
    return absent, [problem for problem in found if problem not in absent]


def _unknown_rules(config: "Config", pack: "Pack") -> list[Problem]:
    """Rules that are to be disabled and do not exist: a mistyped one stays in force."""
    from scanner.config.written import did_you_mean

    place, said = Place(str(config.file)), "rules.disable: there is no rule"
    return [
        Problem(place, f"{said} {name!r}", "unknown-rule", did_you_mean(name, sorted(pack.ids)))
        for name in config.rules.disable
        if name not in pack.ids
    ]


def _summary(config: "Config", pack: "Pack") -> Iterator[tuple[str, str]]:
    from scanner.domain.chains import by_index

    yield "Sound", str(config.file)
    chains = sorted({by_index(target.chain).name for target in config.targets})
    owners = {target.owner for target in config.targets}
    yield "Wallets", f"{len(owners)}, on {', '.join(chains)}: {counted(len(config.targets), 'target')}"
    for chain, each in config.nodes.items():
        yield "Source", f"{by_index(chain).name} itself, through {counted(len(each.rpc), 'node')}"
    if config.needs_okx:
        okx = config.source.okx
        yield "Source", f"{okx.base_url} ({okx.api}), {okx.requests_per_second:g} requests a second"
    cron, every = config.schedule.cron, config.schedule.every
    yield "Schedule", f"cron {cron}" if cron else f"every {lasting(every)}"
    path = Path(config.store.url.removeprefix("sqlite:///"))
    yield "Store", f"{path}" if path.exists() else f"{path}, which the first scan makes"
    own = f", {len(config.rules.disable)} disabled" if config.rules.disable else ""
    own += f", {counted(len(config.rules.overrides), 'override')}" if config.rules.overrides else ""
    own += f", {counted(len(pack.exemptions), 'exception')}" if pack.exemptions else ""
    yield "Rules", f"{len(pack.rules)} in force{own}"
    told = [f"{name} (from {channel.min_severity} on)" for name, channel in config.channels.items()]
    yield "Channels", ", ".join(told) or "none: alerts are kept, and nobody is told"
