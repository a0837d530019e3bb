"""Worlds as people write them: YAML with tokens, spenders, owners, and days on which something happens."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import files
from pathlib import Path as FilePath
from typing import Any

from scanner.errors import ConfigError, Place, Problem
from scanner.places import Data, Document, Path, read_yaml
from scanner.sandbox.chains import fits
from scanner.sandbox.happenings import EXCHANGES, Cast, NonsenseError, State, Verb, verbs
from scanner.sandbox.shapes import Sheet, address, chain, decimal, flag, maybe, number, suggestion, text
from scanner.sandbox.worlds import Day, Owner, Spender, Token, World

__all__ = ["bundled_world", "load_world", "read_world", "world_of"]


def bundled_world(name: str = "demo") -> World:
    """A world that comes with the program: `demo`, in which a lot happens, or `quiet`, in which nothing does."""
    story = files("scanner.sandbox") / "stories" / f"{name}.yaml"
    return read_world(story.read_text(encoding="utf-8"), f"{name}.yaml")


def load_world(path: FilePath) -> World:
    """Read a world from a file. Raises ConfigError with every problem, also where the file cannot be read."""
    try:
        written = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError([Problem(Place(str(path)), f"the world cannot be read: {said}", "unreadable")]) from error
    return read_world(written, str(path))


def read_world(written: str, file: str) -> World:
    """Read a world from text; `file` is what its places are called. Raises ConfigError with every problem at once."""
    return world_of(read_yaml(written, file))


def world_of(document: Document) -> World:
    """The world that a document tells of. Raises ConfigError with every problem at once."""
    sheet = Sheet(document, list(document.problems))
    top = sheet.mapping(document.data, (), "a world")
    sheet.known(top, (), ("title", "tokens", "spenders", "owners", "exchanges", "days"))
    title = _title(sheet, top, ())
    cast = _cast(sheet, top)
    accounts = _accounts(sheet, top)
    known = verbs(cast)
    chapters = [_chapter(sheet, data, ("days", day), known) for day, data in enumerate(_listed(sheet, top, "days"))]
    if not top.get("days"):
        sheet.refuse((), "a world needs at least one day under 'days'", code="missing")
    # What is wrong in itself would only make nonsense of what comes after it: first the one, then the other.
    days = () if sheet.problems else tuple(_told(sheet, State(accounts=accounts), chapters))
    if sheet.problems:
        raise ConfigError(sheet.problems)
    owners = tuple(Owner(label, where, _chains(where, days)) for label, where in cast.owners.items())
    return World(title or document.file, days, owners, cast.spenders, cast.tokens)


@dataclass(frozen=True, slots=True)
class _Happening:
    """Something that is said to happen, and where that is said."""

    path: Path
    verb: Verb
    given: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Chapter:
    """A day as it was written."""

    title: str
    happens: tuple[_Happening, ...]


def _cast(sheet: Sheet, top: dict[str, Data]) -> Cast:
    """Who and what the story names. What is broken is named all the same, so that nothing else seems unknown."""
    spenders: dict[str, Spender] = {}
    for name, data in _named(sheet, top, "spenders"):
        found = sheet.fields(data, ("spenders", name), "a spender", {"address": address}, {"name": text})
        spenders[name] = Spender(**found) if found else Spender("")
    tokens: dict[str, Token] = {}
    for name, data in _named(sheet, top, "tokens"):
        needs = {"chain": chain, "address": maybe(address)}
        may = {"symbol": text, "decimals": number, "price": decimal, "risk": flag}
        found = sheet.fields(data, ("tokens", name), "a token", needs, may)
        tokens[name] = Token(**{"symbol": name, **found}) if found else Token("", "", name)
        if found and found["address"] and not fits(found["address"], found["chain"]):
            sheet.refuse(("tokens", name, "address"), "this is no address on the token's chain")
    owners = {name: sheet.value(data, ("owners", name), address) or "" for name, data in _named(sheet, top, "owners")}
    _told_apart(sheet, "spenders", {name: found.address for name, found in spenders.items()})
    _told_apart(sheet, "tokens", {name: f"{found.chain} {found.address}" for name, found in tokens.items()})
    _told_apart(sheet, "owners", owners)
    return Cast(tokens, spenders, owners)


def _accounts(sheet: Sheet, top: dict[str, Data]) -> dict[tuple[str, str], Decimal]:
    """What is held on exchanges when the story begins, by the exchange and the currency."""
    exchanges = sheet.mapping(top.get("exchanges"), ("exchanges",), "exchanges")
    sheet.known(exchanges, ("exchanges",), EXCHANGES)
    return {
        (name, currency): sheet.value(amount, ("exchanges", name, currency), decimal) or Decimal(0)
        for name, held in exchanges.items()
        for currency, amount in sheet.mapping(held, ("exchanges", name), "an account").items()
    }


def _told_apart(sheet: Sheet, part: str, addresses: dict[str, str]) -> None:
    """Two names for one address would be one approval under two names; what has no address is known by its name."""
    first: dict[str, str] = {}
    for name, where in addresses.items():
        if first.setdefault(where, name) != name and where and not where.endswith(" "):
            sheet.refuse((part, name), f"this has the address of {first[where]!r}", key=True, code="duplicate-address")


def _chapter(sheet: Sheet, data: Data, path: Path, known: dict[str, Verb]) -> _Chapter:
    day = sheet.mapping(data, path, "a day")
    sheet.known(day, path, ("title", "happens"))
    happens = enumerate(sheet.sequence(day.get("happens"), (*path, "happens"), "what happens"))
    found = (_happening(sheet, item, (*path, "happens", number), known) for number, item in happens)
    return _Chapter(_title(sheet, day, path), tuple(one for one in found if one is not None))


def _happening(sheet: Sheet, data: Data, path: Path, known: dict[str, Verb]) -> _Happening | None:
    if not isinstance(data, dict) or not data:
        sheet.refuse(path, "nothing happens here", hint=f"what can happen: {', '.join(known)}")
        return None
    name = next((key for key in data if key in known), next(iter(data)))
    if name not in known:
        said = f"{name!r} is nothing that can happen"
        sheet.refuse((*path, name), said, key=True, code="unknown-verb", hint=suggestion(name, known))
        return None
    verb = known[name]
    given = sheet.fields(data, path, f"{name!r}", verb.needs, verb.may)
    return None if given is None else _Happening(path, verb, given)


def _told(sheet: Sheet, state: State, chapters: Iterable[_Chapter]) -> Iterator[Day]:
    """The days, one growing out of the other, the first out of what there was before."""
    for chapter in chapters:
        for happening in chapter.happens:
            try:
                happening.verb.happen(state, happening.given)
            except NonsenseError as nonsense:
                sheet.refuse((*happening.path, nonsense.key), str(nonsense), code="nonsense")
        yield state.day(chapter.title)


def _title(sheet: Sheet, data: dict[str, Data], path: Path) -> str:
    return sheet.value(data["title"], (*path, "title"), text) or "" if "title" in data else ""


def _chains(owner: str, days: Iterable[Day]) -> tuple[str, ...]:
    """Where an owner approves or holds anything in the whole of the story."""
    targets = {target for day in days for target in (*day.rows, *((token.chain, who) for who, token in day.balances))}
    return tuple(sorted((chain for chain, who in targets if who == owner), key=int))


def _named(sheet: Sheet, top: dict[str, Data], part: str) -> Iterable[tuple[str, Data]]:
    return sheet.mapping(top.get(part), (part,), part).items()


def _listed(sheet: Sheet, top: dict[str, Data], part: str) -> list[Data]:
    return sheet.sequence(top.get(part), (part,), part)
