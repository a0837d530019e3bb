"""Scenario files: everything that is wrong in one at once, each with its place.

A scenario holds a world and parts of a configuration, and both are read by those who always read them: what they say
of a mistake is said at its place in the scenario.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from scanner.cli.scenarios.expected import Expectation, Wanted
from scanner.cli.scenarios.scenario import CHANNEL, PASSED_ON, Fault, Scenario, Step, mapping
from scanner.config.written import duration
from scanner.domain.alerts import Move, Severity
from scanner.domain.changes import ChangeKind
from scanner.errors import ConfigError, Place, Problem, closest
from scanner.places import Data, Document, read_yaml
from scanner.places import Path as Steps
from scanner.policy.rules import Pack
from scanner.sandbox import FAULTS_AT, Endpoint, World, load_world, world_of
from scanner.sandbox.shapes import Converter, Sheet, number, one_of, text

__all__ = ["is_scenario", "read_scenario"]

OWN = ("scenario", "world", "tags", "lists", "channels", "exactly", "steps")
A_DAY = timedelta(days=1)


def is_scenario(path: Path) -> bool:
    """Whether a file says of itself that it is a scenario."""
    try:
        data = read_yaml(path.read_text("utf-8-sig"), str(path)).data
    except (OSError, UnicodeDecodeError):
        return False
    return isinstance(data, dict) and "scenario" in data


def read_scenario(path: Path) -> Scenario:
    """Read a scenario. Raises ConfigError with every problem, also where the file cannot be read."""
    try:
        document = read_yaml(path.read_text("utf-8-sig"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError([Problem(Place(str(path)), f"the scenario cannot be read: {said}", "unreadable")]) from error
    if document.problems and not isinstance(document.data, dict):
        raise ConfigError(document.problems)
    reader = _Reader(document)
    scenario = reader.scenario(path)
    if reader.sheet.problems:
        raise ConfigError(reader.sheet.problems)
    return scenario


class _Reader:
    """One scenario as it was written: reads it part by part, and notes everything that is wrong with it."""

    def __init__(self, document: Document) -> None:
        self.sheet = Sheet(document, list(document.problems))
        self.document = document
        self.top = self.sheet.mapping(document.data, (), "a scenario")
        self.steps = self.sheet.sequence(self.top.get("steps"), ("steps",), "steps")

    def scenario(self, path: Path) -> Scenario:
        """All that can be made out; sound where no problem was noted."""
        self.sheet.known(self.top, (), (*OWN, *PASSED_ON))
        title = self.text(self.top, (), "scenario")
        world = self.world(path.absolute().parent)
        if not self.steps:
            self.sheet.refuse((), "a scenario needs at least one step under 'steps'", code="missing")
        exactly = self.flag(self.top, (), "exactly", default=False)
        self.tags(world)
        self.lists(world)
        steps = tuple(self.step(number, data, world, exactly) for number, data in enumerate(self.steps))
        scenario = Scenario(title, path, world or World("", ()), steps, Pack(()), self.document)
        return replace(scenario, pack=self.pack(scenario))

    def pack(self, scenario: Scenario) -> Pack:
        """The rules in force. What is wrong with them, with the configuration around them, or with a rule's name that
        is expected to speak is noted."""
        from scanner.cli.console import now
        from scanner.packs import load_pack

        try:
            with TemporaryDirectory() as folder:
                pack = load_pack(scenario.config("http://127.0.0.1:1", 1, Path(folder)), now())
        except ConfigError as error:
            self.sheet.problems += error.problems
            return scenario.pack
        self.sheet.problems += pack.problems
        for wanted in (one for step in scenario.steps for one in step.expectation.wanted):
            if (rule := wanted.fields.get("rule")) and rule not in pack.ids:
                said = f"there is no rule {rule!r}"
                self.sheet.problems.append(Problem(wanted.place, said, "unknown-rule", closest(rule, pack.ids)))
        return pack

    def world(self, folder: Path) -> World | None:
        """The world, from its own file or out of the scenario; None, and noted, where it is none."""
        data = self.top.get("world")
        try:
            if isinstance(data, str):
                return load_world(folder / data)
            if isinstance(data, dict):
                return world_of(self.within(data))
        except ConfigError as error:
            self.sheet.problems += error.problems
            return None
        self.sheet.refuse(("world",), "a scenario needs a 'world': what a world's file holds, or the path of one")
        return None

    def within(self, world: dict[str, Data]) -> Document:
        """The world's part as a document of its own. Its days are the steps, unless it has days itself."""
        values, keys = (
            {path[1:]: mark for path, mark in table.items() if path[:1] == ("world",)}
            for table in (self.document.values, self.document.keys)
        )
        if "days" in world:
            return replace(self.document, data=world, problems=(), values=values, keys=keys)
        for told, table in ((values, self.document.values), (keys, self.document.keys)):
            told |= {("days", *path[1:]): mark for path, mark in table.items() if path[:1] == ("steps",)}
        steps = (step if isinstance(step, dict) else {} for step in self.steps)
        days: list[Data] = [{key: step[key] for key in ("title", "happens") if key in step} for step in steps]
        return replace(self.document, data={**world, "days": days}, problems=(), values=values, keys=keys)

    def tags(self, world: World | None) -> None:
        """Check that only owners of the world have tags; what a tag may be the configuration knows."""
        for name in self.sheet.mapping(self.top.get("tags"), ("tags",), "tags"):
            if world is not None:
                self.known_as(name, ("tags", name), "owner", [owner.label for owner in world.owners], key=True)

    def lists(self, world: World | None) -> None:
        """Check the spenders of lists that name them; of the others the configuration knows."""
        for name, data in self.sheet.mapping(self.top.get("lists"), ("lists",), "lists").items():
            if not isinstance(data, dict) or "spenders" not in data:
                continue
            path = ("lists", name, "spenders")
            for index, spender in enumerate(self.sheet.sequence(data["spenders"], path, "spenders")):
                if world is not None:
                    self.named(spender, (*path, index), "spender", world.spenders)

    def step(self, number_: int, data: Data, world: World | None, exactly: bool) -> Step:
        path: Steps = ("steps", number_)
        step = self.sheet.mapping(data, path, "a step")
        self.sheet.known(step, path, ("title", "after", "happens", "fault", "expect"))
        if "happens" in step and not self.moves_by_steps():
            hint = "take `days` out of the world, or `happens` out of the steps"
            said = "the world has days of its own, and each step is the next one"
            self.sheet.refuse((*path, "happens"), said, key=True, hint=hint)
        faults = tuple(self.faults(step.get("fault"), (*path, "fault")))
        after = self.sheet.value(step["after"], (*path, "after"), duration()) if "after" in step else None
        title = self.text(step, path, "title") if "title" in step else ""
        return Step(
            title=f"step {number_ + 1}" + (f": {title}" if title else ""),
            place=self.document.place(path),
            after=(A_DAY if number_ else timedelta()) if after is None else after,
            faults=faults,
            expectation=self.expectation(step.get("expect"), (*path, "expect"), world, exactly, bool(faults)),
        )

    def moves_by_steps(self) -> bool:
        """Whether what happens in the world stands in the steps."""
        world = self.top.get("world")
        return isinstance(world, dict) and "days" not in world

    def faults(self, data: Data, path: Steps) -> Iterator[Fault]:
        if data is None:
            return
        if isinstance(data, list):
            for index, one in enumerate(data):
                yield from self.faults(one, (*path, index))
            return
        given: Data = {"fault": data} if isinstance(data, str) else data
        needs: dict[str, Converter] = {"fault": text}
        found = self.sheet.fields(given, path, "a fault", needs, {"endpoint": one_of(*Endpoint), "times": number})
        if found is None:
            return
        fault = Fault(found["fault"], found.get("endpoint", Endpoint.APPROVALS), found.get("times"))
        known = FAULTS_AT[Endpoint(fault.endpoint)]
        if fault.name not in known:
            said = f"{fault.name!r} cannot happen at {str(fault.endpoint)!r}"
            self.sheet.refuse(path, said, code="unknown-fault", hint=closest(fault.name, known) or "docs/sandbox.md")
        elif fault.times == 0:
            self.sheet.refuse((*path, "times"), "times has to be 1 or more")
        else:
            yield fault

    def expectation(self, data: Data, path: Steps, world: World | None, exactly: bool, failing: bool) -> Expectation:
        given = self.sheet.mapping(data, path, "what is expected")
        self.sheet.known(given, path, ("changes", "alerts", "notices", "messages", "complete", "exactly"))
        exactly = self.flag(given, path, "exactly", default=exactly)
        parts = [
            self.part(part, given[part], (*path, part), partial(read, world=world))
            for part, read in (("changes", self.change), ("alerts", self.alert), ("notices", self.notice))
            if part in given
        ]
        counts: dict[str, int] = {}
        for channel, told in self.sheet.mapping(given.get("messages"), (*path, "messages"), "messages").items():
            where = (*path, "messages", channel)
            self.known_as(channel, where, "channel", mapping(self.top.get("channels")), key=True)
            if isinstance(told, str):
                counts[CHANNEL + channel] = self.sheet.value(told, where, number) or 0
            else:
                parts.append(self.part(CHANNEL + channel, told, where, self.message))
        return Expectation(
            wanted=tuple(wanted for _, entries in parts for wanted in entries),
            closed=frozenset(part for part, entries in parts if exactly or not entries),
            counts=counts,
            complete=self.flag(given, path, "complete", default=not failing),
        )

    def part(
        self, part: str, data: Data, path: Steps, read: Callable[[Data, Steps], dict[str, str]]
    ) -> tuple[str, list[Wanted]]:
        """A part's name, and what is expected of it."""
        entries = enumerate(self.sheet.sequence(data, path, part))
        return part, [Wanted(part, read(one, (*path, i)), self.document.place((*path, i))) for i, one in entries]

    def change(self, data: Data, path: Steps, world: World | None) -> dict[str, str]:
        """`{new: SPENDER, owner: …, token: …}`."""
        verb, fields = self.verb(data, path, "a change", tuple(ChangeKind), ("owner", "token"))
        if world is None or not verb:
            return {}
        spender = self.named(fields[verb], (*path, verb), "spender", world.spenders)
        return {"change": verb, "spender": spender, **self.approval(fields, path, world)}

    def alert(self, data: Data, path: Steps, world: World | None) -> dict[str, str]:
        """`{opened: RULE, owner: …, token: …, spender: …, severity: …}`."""
        moves = tuple(move for move in Move if move not in (Move.REMINDED, Move.ACKNOWLEDGED))
        others = ("owner", "token", "spender", "severity")
        verb, fields = self.verb(data, path, "a step of an alert", moves, others)
        found = {"alert": verb, "rule": self.one(fields.get(verb), (*path, verb), text)}
        if "severity" in fields:
            found["severity"] = self.one(fields["severity"], (*path, "severity"), one_of(*Severity))
        return found | self.approval(fields, path, world)

    def notice(self, data: Data, path: Steps, world: World | None) -> dict[str, str]:
        """`{channel: …, rule: …, sent: yes, reason: …, owner: …, token: …, spender: …}`."""
        fields = self.sheet.mapping(data, path, "a notice")
        self.sheet.known(fields, path, ("channel", "rule", "sent", "reason", "what", "owner", "token", "spender"))
        found: dict[str, str] = {
            name: self.one(fields[name], (*path, name), text) for name in ("rule", "reason") if name in fields
        }
        if "channel" in fields:
            channels = mapping(self.top.get("channels"))
            found["channel"] = self.named(fields["channel"], (*path, "channel"), "channel", channels)
        if "what" in fields:
            found["what"] = self.one(fields["what"], (*path, "what"), one_of(*Move))
        if "sent" in fields:
            found["sent"] = _WORDS.get(self.one(fields["sent"], (*path, "sent"), one_of(*_WORDS)), "")
        return found | self.approval(fields, path, world)

    def message(self, data: Data, path: Steps) -> dict[str, str]:
        """`{rule: …, says: …}`."""
        fields = self.sheet.mapping(data, path, "a message")
        self.sheet.known(fields, path, ("rule", "says"))
        return {
            name: self.one(value, (*path, name), text) for name, value in fields.items() if name in ("rule", "says")
        }

    def approval(self, fields: Mapping[str, Data], path: Steps, world: World | None) -> dict[str, str]:
        """Whose approval something is about, by the names of the world."""
        if world is None:
            return {}
        known = {"owner": [one.label for one in world.owners], "token": world.tokens, "spender": world.spenders}
        return {
            name: self.named(fields[name], (*path, name), name, some) for name, some in known.items() if name in fields
        }

    def verb(
        self, data: Data, path: Steps, what: str, verbs: tuple[str, ...], others: tuple[str, ...]
    ) -> tuple[str, dict[str, Data]]:
        """The verb of an entry, and all of its fields; "" where it has none, or several."""
        fields = dict(self.sheet.mapping(data, path, what))
        self.sheet.known(fields, path, (*verbs, *others))
        said = [str(verb) for verb in verbs if verb in fields]
        if len(said) == 1:
            return said[0], fields
        self.sheet.refuse(path, f"{what} begins with one of {', '.join(verbs)}")
        return "", {}

    def named(self, data: Data, path: Steps, what: str, names: Collection[str]) -> str:
        """A name of the world, or of the scenario; noted where there is nobody of that name."""
        name = self.one(data, path, text)
        if name:
            self.known_as(name, path, what, names)
        return name

    def known_as(self, name: str, path: Steps, what: str, names: Collection[str], *, key: bool = False) -> None:
        """Note a name, written as a value or as a key, that nobody has."""
        if name not in names:
            hint = closest(name, names) or f"there are {', '.join(names) or 'none'}"
            self.sheet.refuse(path, f"there is no {what} {name!r}", key=key, code=f"unknown-{what}", hint=hint)

    def one(self, data: Data, path: Steps, convert: Converter) -> str:
        """A plain value in words; "" and noted where it is none."""
        return str(self.sheet.value(data, path, convert) or "")

    def text(self, data: Mapping[str, Data], path: Steps, key: str) -> str:
        found = self.one(data.get(key), (*path, key), text)
        if key in data and not found.strip():
            self.sheet.refuse((*path, key), f"{key!r} is empty")
        return found

    def flag(self, data: Mapping[str, Data], path: Steps, key: str, *, default: bool) -> bool:
        return _WORDS.get(self.one(data[key], (*path, key), one_of(*_WORDS))) == "yes" if key in data else default


_WORDS = {"yes": "yes", "true": "yes", "no": "no", "false": "no"}
