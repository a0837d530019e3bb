"""Alerts and people by name, as commands are given them."""

import os
from collections.abc import Iterable
from difflib import get_close_matches
from getpass import getuser
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from scanner.cli.options import parser
from scanner.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from scanner.store.alerts import Told

__all__ = ["AlertId", "Author", "Comment", "alert_named", "author_or_user", "close_to"]

LONGEST_COMMENT = 300


def author_name(text: str) -> str:
    """The name of whoever does something: one line of at most 64 visible characters."""
    from scanner.config.written import plain_text

    return plain_text(text.strip())


def comment_text(text: str) -> str:
    """Why somebody does something: one line, not too long to be read."""
    text = " ".join(text.split())
    if not text:
        raise ValueError("say in a few words why")
    if len(text) > LONGEST_COMMENT:
        raise ValueError(f"a comment has at most {LONGEST_COMMENT} characters")
    if not text.isprintable():
        raise ValueError("the comment holds a control or an invisible character")
    return text


AlertId: TypeAlias = Annotated[str, typer.Argument(metavar="ID", help="As in AW-0123456789; case does not matter.")]
Author: TypeAlias = Annotated[
    str | None,
    typer.Option("--author", metavar="NAME", parser=parser(author_name), help="Who says so; else the system's user."),
]
Comment: TypeAlias = Annotated[
    str | None, typer.Option("--comment", metavar="TEXT", parser=parser(comment_text), help="Why, in a few words.")
]


def author_or_user(author: str | None) -> str:
    """Who says so: the name given, else the person behind sudo, else the system's user. Raises UsageError."""
    try:
        return author or os.environ.get("SUDO_USER") or getuser()
    except (KeyError, OSError) as error:
        raise UsageError("The system has no name for this user", "Say who you are: --author NAME") from error


def close_to(text: str, known: Iterable[str], listing: str) -> str:
    """What a person may have meant by an id that there is not, or the command that lists them all."""
    close = get_close_matches(text, known, cutoff=0.7)
    return f"Did you mean {' or '.join(close)}?" if close else f"See them all: approval-watch {listing}"


async def alert_named(connection: "AsyncConnection", alert_id: str) -> "Told":
    """The alert that a person means. Raises UsageError, which says what comes close."""
    from scanner.domain.alerts import AlertState
    from scanner.store.alerts import find_alert, listing

    told = await find_alert(connection, alert_id)
    if told is None:
        known = [one.alert.id for one in await listing(connection, states=tuple(AlertState))]
        raise UsageError(f"There is no alert {alert_id}", close_to(alert_id.upper(), known, "alerts list --all"))
    return told
