"""Secrets: where they come from stands in the configuration, what they are is read only when it is needed."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from scanner.config.urls import node_url, open_url, web_url
from scanner.config.written import WrongError, did_you_mean, single
from scanner.errors import ConfigError, Place, Problem
from scanner.places import Data

__all__ = [
    "Origin",
    "Secret",
    "secret",
    "secret_or_node_url",
    "secret_or_open_url",
    "secret_or_web_url",
    "unreadable",
]

LONGEST = 65_536
"""Bytes that are read of a secret's file."""

_NAMES = {
    "env": re.compile(r"[A-Za-z_][A-Za-z0-9_]*"),
    "credential": re.compile(r"(?!\.)[A-Za-z0-9._@-]{1,255}"),
    "file": re.compile(r".*\S.*"),
}
_WORDS = {"env": "an environment variable", "file": "a file", "credential": "a credential"}
_HINT = "write {env: NAME}, {file: PATH} or {credential: NAME}"


class Origin(StrEnum):
    """Where a secret comes from. `open` is a value in the configuration itself, with nothing secret in it."""

    ENV = "env"
    FILE = "file"
    CREDENTIAL = "credential"
    OPEN = "open"


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A promise of a text. Shows where it comes from, never what it is.

    `name` is the variable, the path or the credential. `setting` and `place` say which key of the configuration asked
    for it, for whoever has to mend it.
    """

    origin: Origin
    name: str
    setting: str = ""
    place: Place = field(default=Place(""), compare=False)
    environ: Mapping[str, str] = field(default_factory=dict, compare=False)

    def __repr__(self) -> str:
        return "{open}" if self.origin is Origin.OPEN else f"{{{self.origin}: {self.name}}}"

    def read(self) -> str:
        """The text, without the line end after it. Raises ConfigError, which names the setting, where there is none."""
        try:
            return self._read()
        except WrongError as error:
            raise ConfigError([self.problem(error)]) from error

    def problem(self, error: WrongError) -> Problem:
        """What is wrong with this secret, at the place that asks for it."""
        return Problem(self.place, f"{self.setting}: {error.message}", error.code, error.hint)

    def _read(self) -> str:
        match self.origin:
            case Origin.OPEN:
                return self.name
            case Origin.ENV:
                text, what = self.environ.get(self.name), f"the environment variable {self.name}"
                if text is None:
                    raise WrongError(f"{what} is not set", code="missing-secret", hint=f"set it: export {self.name}=…")
            case Origin.FILE:
                text, what = _read_file(Path(self.name)), f"the file {self.name}"
            case Origin.CREDENTIAL:
                text, what = self._credential(), f"the credential {self.name}"
        text = text.rstrip("\r\n")
        if not text.strip():
            raise WrongError(f"{what} is empty", code="missing-secret")
        if not text.isprintable():
            raise WrongError(f"{what} holds a line break or a control character", code="bad-secret")
        return text

    def _credential(self) -> str:
        folder = self.environ.get("CREDENTIALS_DIRECTORY")
        if not folder:
            hint = f"systemd sets it for a unit with LoadCredential={self.name}:PATH"
            message = f"the credential {self.name} cannot be read: $CREDENTIALS_DIRECTORY is not set"
            raise WrongError(message, code="missing-secret", hint=hint)
        return _read_file(Path(folder) / self.name)


def _read_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(LONGEST).decode("utf-8-sig")
    except OSError as error:
        said = (error.strerror or "it cannot be opened").lower()
        raise WrongError(f"the file {path} cannot be read: {said}", code="missing-secret") from error
    except ValueError as error:
        raise WrongError(f"the file {path} is not UTF-8 text", code="bad-secret") from error


def secret(value: Data, folder: Path) -> Secret:
    """A secret as it is written: a mapping with one of `env`, `file`, `credential`. Plain text is refused."""
    if isinstance(value, str):
        raise WrongError("a secret does not belong in this file", code="plain-secret", hint=_HINT)
    if not isinstance(value, dict) or not value:
        raise WrongError("a secret is expected", code="wrong-type", hint=_HINT)
    for key in value:
        if key not in _NAMES:
            raise WrongError(f"unknown key {key!r}", code="unknown-key", hint=did_you_mean(key, _NAMES), at=(key,))
    if len(value) > 1:
        raise WrongError("a secret has one source, not several", code="conflict", hint=_HINT, at=(list(value)[1],))
    kind, given = next(iter(value.items()))
    try:
        name = single(given)
    except WrongError as error:
        raise WrongError(error.message, code=error.code, hint=_HINT, at=(kind,)) from error
    if not _NAMES[kind].fullmatch(name) or "\0" in name:
        # The name is not repeated: what stands here by mistake may be the secret itself.
        raise WrongError(f"this is not the name of {_WORDS[kind]}", code="bad-secret", hint=_HINT, at=(kind,))
    return Secret(Origin(kind), str(folder / name) if kind == "file" else name)


def secret_or_web_url(value: Data, folder: Path) -> Secret:
    """A URL of the web that is a secret as a whole: as one, or as it is, where the file itself is kept secret."""
    return Secret(Origin.OPEN, web_url(value)) if isinstance(value, str) else secret(value, folder)


def secret_or_open_url(value: Data, folder: Path) -> Secret:
    """A URL: as a secret, or as it is where nothing in it is secret."""
    return Secret(Origin.OPEN, open_url(value)) if isinstance(value, str) else secret(value, folder)


def secret_or_node_url(value: Data, folder: Path) -> Secret:
    """The URL of a node: as a secret, or as it is where nothing in it is secret."""
    return Secret(Origin.OPEN, open_url(node_url(value))) if isinstance(value, str) else secret(value, folder)


def unreadable(readers: Iterable[Callable[[], str | None]]) -> list[Problem]:
    """What keeps secrets from being read now."""
    found: list[Problem] = []
    for read in readers:
        try:
            read()
        except ConfigError as error:
            found += error.problems
    return found
