"""From a file to a `Config`, or to every problem in it at once."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path

from scanner.config.model import Config, Sections
from scanner.config.secrets import Secret
from scanner.config.shape import dotted, fit
from scanner.config.wallets import Roster
from scanner.config.written import did_you_mean
from scanner.domain.chains import UnknownChainError, find_chain
from scanner.errors import ConfigError, Place, Problem, UsageError
from scanner.places import Data, Document, read_yaml
from scanner.places import Path as Route

__all__ = ["SYSTEM_FILE", "VARIABLE", "find_config", "load", "load_rules_alone", "read"]

VARIABLE = "APPROVAL_WATCH_CONFIG"
SYSTEM_FILE = Path("/etc/approval-watch/config.yaml")

_START = "cp config.example.yaml config.yaml, then edit it"


def find_config(option: Path | None, environ: Mapping[str, str], cwd: Path, system: Path = SYSTEM_FILE) -> Path:
    """The configuration file: the option's, the environment's, `config.yaml` here, or the system's; in that order.

    What the option or the environment names is taken at its word, whether it exists or not. Raises UsageError, which
    names every place that was looked at, where there is none.
    """
    if option is not None:
        return option
    if named := environ.get(VARIABLE):
        return Path(named)
    for path in (cwd / "config.yaml", system):
        if _is_there(path):
            return path
    looked = f"--config, ${VARIABLE}, {cwd / 'config.yaml'}, {system}"
    raise UsageError(f"There is no configuration; looked at {looked}", f"Start with: {_START}")


def _is_there(path: Path) -> bool:
    """Whether there is something at a path; what may not be looked at counts, so that reading it says why."""
    try:
        return path.exists()
    except OSError:
        return True


def load(path: Path, environ: Mapping[str, str]) -> Config:
    """Read a configuration. Secrets are not read, and nothing is built.

    Raises ConfigError with every problem at once. No problem repeats the line it is about: a secret may stand there.
    """
    return read(read_yaml(_text(path), str(path)), path, environ)


def read(document: Document, path: Path, environ: Mapping[str, str]) -> Config:
    """What a document says as a configuration; relative paths start from the folder of `path`. Raises like `load`."""
    data = document.data
    if not isinstance(data, dict):
        raise ConfigError(_unquoted(document.problems or [_no_sections(document)]))
    folder = path.absolute().parent
    sections, problems = fit(document, data, folder)
    roster = Roster()
    _read_wallets(document, data, roster)
    problems += [*document.problems, *roster.problems, *_conflicts(document, data)]
    if problems or sections is None:
        raise ConfigError(_unquoted(problems))

    def tell(secret: Secret, route: Route) -> Secret:
        place = replace(document.place(route), text="")
        return replace(secret, setting=dotted(route), place=place, environ=environ)

    certain = sections.wallets_file is None or roster.read_file(sections.wallets_file)
    store = sections.store if sections.store.url else replace(sections.store, url=_default_store(folder, environ))
    names = dict(_chains_written(_dig(data, ("source", "evm"))))
    told = replace(_placed(sections, names, tell), wallets=tuple(roster.wallets), store=store)
    return Config(
        **{section.name: getattr(told, section.name) for section in fields(told)},
        file=path,
        targets=roster.targets,
        wallets_certain=certain,
        warnings=tuple(sorted(roster.problems)),
        places=dict(_places_of(document, data.get("rules"), ("rules",))),
    )


def load_rules_alone(path: Path) -> Config:
    """What a broken configuration soundly says of rules, as one that says nothing else. Never raises.

    A part that does not have its shape is left out. Where that is a folder of rules, so is whatever speaks of single
    rules: they may stand there.
    """
    try:
        document = read_yaml(_text(path), str(path))
    except ConfigError:
        return Config(file=path)
    written = _dig(document.data, ("rules",))
    rules = written if isinstance(written, dict) else {}
    folder = path.absolute().parent
    places: dict[Route, Place] = {}
    sound: dict[str, Data] = {}

    def fits(key: str, part: Data) -> bool:
        return fit(document, {"rules": {key: part}}, folder)[0] is not None

    for key, part in rules.items():
        if isinstance(part, list):
            kept = [number for number, item in enumerate(part) if fits(key, [item])]
            sound[key] = [part[number] for number in kept]
            for number, before in enumerate(kept):
                places["rules", key, number] = _place_of(document, ("rules", key, before))
        elif isinstance(part, dict):
            sound[key] = {name: below for name, below in part.items() if fits(key, {name: below})}
            places |= _places_of(document, part, ("rules", key))
        elif fits(key, part):
            sound[key] = part
    if (sound.get("dirs") or []) != (rules.get("dirs") or []):
        sound = {key: part for key, part in sound.items() if key not in ("overrides", "exceptions")}
    sections, _ = fit(document, {"rules": sound}, folder)
    return Config(file=path) if sections is None else Config(rules=sections.rules, file=path, places=places)


def _text(path: Path) -> str:
    place = Place(str(path))
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise ConfigError([Problem(place, "there is no such file", "missing-file", _START)]) from error
    except IsADirectoryError as error:
        hint = f"name the file in it: {path / 'config.yaml'}"
        raise ConfigError([Problem(place, "this is a folder, not a file", "unreadable-file", hint)]) from error
    except PermissionError as error:
        hint = "let the user who runs this read it"
        raise ConfigError([Problem(place, "the file may not be read", "unreadable-file", hint)]) from error
    except (OSError, ValueError) as error:
        raise ConfigError([Problem(place, f"the file cannot be read: {error}", "unreadable-file")]) from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode(errors="replace").split("\n")
        at = Place(str(path), len(before), len(before[-1]) + 1)
        problem = Problem(at, "the file is not UTF-8 text", "unreadable-file", "save it again as UTF-8")
        raise ConfigError([problem]) from error


def _no_sections(document: Document) -> Problem:
    if document.data is None:
        return Problem(Place(document.file), "the file is empty", "empty-file", _START)
    return Problem(document.place(()), "sections such as wallets: are expected", "wrong-type", _START)


def _unquoted(problems: Iterable[Problem]) -> list[Problem]:
    return [replace(problem, place=replace(problem.place, text="")) for problem in problems]


def _read_wallets(document: Document, data: dict[str, Data], roster: Roster) -> None:
    """Check the wallets that have the shape of one, whatever else is wrong with the file."""
    wallets = data.get("wallets")
    for number, wallet in enumerate(wallets if isinstance(wallets, list) else []):
        if not isinstance(wallet, dict):
            continue
        address, chains, label = wallet.get("address"), _texts(wallet.get("chains")), wallet.get("label")
        if isinstance(address, str) and chains is not None:
            place = _places(document, ("wallets", number))
            tags = _texts(wallet.get("tags")) or ()
            roster.add(address, chains, place, label if isinstance(label, str) else None, tags)


def _texts(data: Data) -> tuple[str, ...] | None:
    """A list of texts, or None where it is anything else."""
    texts = tuple(item for item in data if isinstance(item, str)) if isinstance(data, list) else ()
    return texts if isinstance(data, list) and len(texts) == len(data) else None


def _places(document: Document, start: Route) -> Callable[[Route], Place]:
    return lambda route: document.place((*start, *route))


def _place_of(document: Document, route: Route) -> Place:
    """Where a part of the file stands, without the line itself: a secret may stand there."""
    return replace(document.place(route, key=True), text="")


def _places_of(document: Document, data: Data, route: Route) -> Iterator[tuple[Route, Place]]:
    """Where a part of the file stands, and all that is below it: keys where there are some."""
    yield route, _place_of(document, route)
    below = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for step, part in below:
        yield from _places_of(document, part, (*route, step))


def _conflicts(document: Document, data: dict[str, Data]) -> Iterator[Problem]:
    """What is right by itself and wrong together."""
    if (schedule := _dig(data, ("schedule",))) and isinstance(schedule, dict) and {"every", "cron"} <= schedule.keys():
        place = document.place(("schedule", "cron"), key=True)
        yield Problem(place, "schedule has both every and cron", "conflict", "keep one of them")
    yield from _unknown_channels(document, data)
    prefer, evm = _dig(data, ("source", "prefer")), _dig(data, ("source", "evm"))
    if isinstance(prefer, list) and "okx" not in prefer and not ("evm" in prefer and evm):
        place = document.place(("source", "prefer"))
        hint = "add okx, or a chain's nodes below source.evm"
        yield Problem(place, "source.prefer names nothing that can read", "conflict", hint)
    read_itself = evm and (not isinstance(prefer, list) or "evm" in prefer)
    if _dig(data, ("source", "reconcile")) not in (None, "off") and not read_itself:
        place = document.place(("source", "reconcile"))
        said = "source.reconcile holds the API against chains that are read themselves, and none is"
        yield Problem(place, said, "conflict", "add a chain's nodes below source.evm, and evm to source.prefer")
    seen: dict[str, str] = {}
    for index, name in _chains_written(evm):
        first = seen.setdefault(index, name)
        if first != name:
            place = document.place(("source", "evm", name), key=True)
            yield Problem(place, f"{name!r} and {first!r} are the same chain", "conflict", "keep one of them")
        if _dig(evm, (name, "rpc")) == []:
            place = document.place(("source", "evm", name, "rpc"))
            yield Problem(place, f"source.evm.{name}.rpc: a node is missing", "missing-key", "name one: https://…")


def _chains_written(evm: Data) -> Iterator[tuple[str, str]]:
    """The chains below `source.evm`: chainIndex, and as they are written."""
    for name in evm if isinstance(evm, dict) else ():
        with suppress(UnknownChainError):
            yield find_chain(name).index, name


def _unknown_channels(document: Document, data: dict[str, Data]) -> Iterator[Problem]:
    """Channels that an override names and that there are not: nobody would be told."""
    channels, overrides = _dig(data, ("channels",)), _dig(data, ("rules", "overrides"))
    known = channels if isinstance(channels, dict) else {}
    for rule, override in overrides.items() if isinstance(overrides, dict) else ():
        for number, name in enumerate(_texts(override.get("channels")) or ()) if isinstance(override, dict) else ():
            if name not in known:
                place = document.place(("rules", "overrides", rule, "channels", number))
                hint = did_you_mean(name, known) if known else "there is no channel at all"
                yield Problem(place, f"there is no channel {name!r}", "unknown-channel", hint)


def _dig(data: Data, route: Route) -> Data:
    for step in route:
        data = data.get(str(step)) if isinstance(data, dict) else None
    return data


def _placed(sections: Sections, names: Mapping[str, str], tell: Callable[[Secret, Route], Secret]) -> Sections:
    """The sections, with every secret told which key asked for it. `names` says how chains are written there."""
    source = sections.source
    okx = replace(
        source.okx,
        key=tell(source.okx.key, ("source", "okx", "key")),
        secret=tell(source.okx.secret, ("source", "okx", "secret")),
        passphrase=tell(source.okx.passphrase, ("source", "okx", "passphrase")),
        project=tell(source.okx.project, ("source", "okx", "project")),
    )
    evm = {
        chain: replace(
            nodes,
            rpc=tuple(tell(url, ("source", "evm", names[chain], "rpc", place)) for place, url in enumerate(nodes.rpc)),
        )
        for chain, nodes in source.evm.items()
    }
    channels = {
        name: replace(channel, url=tell(channel.url, ("channels", name, "url")))
        for name, channel in sections.channels.items()
    }
    url = sections.heartbeat.url
    heartbeat = replace(sections.heartbeat, url=None if url is None else tell(url, ("heartbeat", "url")))
    return replace(
        sections,
        source=replace(source, okx=okx, evm=evm),
        channels=channels,
        heartbeat=heartbeat,
        exchanges=sections.exchanges.placed(tell),
    )


def _default_store(folder: Path, environ: Mapping[str, str]) -> str:
    # systemd separates several state directories with colons; the first is the service's own.
    state = environ.get("STATE_DIRECTORY", "").split(":")[0]
    return f"sqlite:///{folder / state / 'approval-watch.db'}"
