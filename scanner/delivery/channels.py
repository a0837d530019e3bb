"""A channel: one apprise URL, sent to one message at a time, its outcome told as it really was.

A URL is a secret as a whole: it stands in no error, log or repr. apprise takes 170 ms to import, so that only what
sends does it.
"""

import asyncio
import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from ipaddress import ip_address
from typing import Any
from urllib.parse import unquote, urlsplit

import structlog

from scanner.delivery.mail import Letter
from scanner.delivery.manners import Manner, manner_of
from scanner.delivery.messages import LEAST_BUDGET
from scanner.delivery.threads import in_thread
from scanner.delivery.verdicts import Heard, moved_to, verdict
from scanner.domain.alerts import Severity
from scanner.domain.messages import MessageKind, Outcome, Result
from scanner.errors import ApprovalWatchError

__all__ = ["Channel", "ChannelError", "describe", "scrubbed"]

log = structlog.stdlib.get_logger("delivery")

CONNECT_SECONDS = 15
READ_SECONDS = 20

# Their addresses begin with a host; in others a token may stand in its place.
_WITH_HOST = frozenset({"json", "jsons", "xml", "xmls", "form", "forms", "mailto", "mailtos", "gotify", "gotifys"})

# What a URL may ask of apprise that the outbox decides itself.
_OURS = ("format", "overflow", "retry", "wait", "optional", "redirect", "emojis", "tag")


class ChannelError(ApprovalWatchError):
    """A channel's URL cannot be used as it is."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Channel:
    """Where messages go. `min_severity` is the least that it wants; `deadline` ends the wait for an answer.

    `moved` are the Telegram groups that have got a new chat id since the URL was written. It is learnt again after a
    restart, at the cost of one request, because Telegram says it whenever the old one is used.
    """

    name: str
    url: str = field(repr=False)
    min_severity: Severity = Severity.MEDIUM
    deadline: timedelta = timedelta(seconds=60)
    moved: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)

    def check(self) -> None:
        """Raise ChannelError if messages could never be sent to this URL. Sends nothing."""
        self._plugin()

    @property
    def budget(self) -> int:
        """The room for one message, title included; what apprise knows of the service counts where it is less."""
        room = manner_of(_scheme(self.url)).room
        with suppress(ChannelError):  # such a channel takes nothing; its messages wait until it is put right
            room = min(room, int(self._plugin().body_maxlen))
        return max(LEAST_BUDGET, room)

    async def send(
        self,
        title: str,
        body: str,
        *,
        kind: MessageKind = MessageKind.ALERT,
        severity: Severity = Severity.MEDIUM,
        ref: str = "",
        thread: str = "",
    ) -> Outcome:
        """Send one message, once. Never raises for what the far side does; a cancellation leaves the outcome open.

        `ref` is the message's id, the same whenever it is sent again; messages of one `thread` belong together.
        """
        try:
            async with asyncio.timeout(self.deadline.total_seconds()):
                letter = Letter(_whole(title), _whole(body), ref, thread)
                return await in_thread(partial(self._send, letter, _type(kind, severity)))
        except TimeoutError:
            seconds = f"{self.deadline.total_seconds():g}"
            return Outcome(Result.UNKNOWN, f"no end came within {seconds} seconds")
        except ChannelError as error:
            return Outcome(Result.PERMANENT, str(error))

    def _send(self, letter: Letter, notify_type: str) -> Outcome:
        plugin: Any = self._plugin()
        manner = manner_of(_scheme(self.url), answers_in_json=getattr(plugin, "mode", "bot") == "bot")
        accepted, heard = self._attempt(plugin, letter, notify_type, manner)
        moved = {one.to: chat for one in heard if (chat := moved_to(one)) is not None}
        if moved:
            self._follow(moved)
            plugin.targets = [(moved[str(chat)], None) for chat, _ in plugin.targets if str(chat) in moved]
            accepted, again = self._attempt(plugin, letter, notify_type, manner)
            heard = [*(one for one in heard if one.to not in moved), *again]
        clean = partial(scrubbed, url=self.url)
        outcome = verdict(accepted=accepted, heard=heard, now=datetime.now(UTC), manner=manner, clean=clean)
        if not self.moved:
            return outcome
        said = "; ".join(filter(None, [outcome.detail, *(_moved(*pair) for pair in self.moved.items())]))
        return replace(outcome, detail=said)

    def _attempt(self, plugin: Any, letter: Letter, notify_type: str, manner: Manner) -> tuple[bool, list[Heard]]:
        """Let a plugin send once. Returns what it made of it, and what was heard."""
        from scanner.delivery.wire import overheard

        with overheard(letter.ref, manner.addressee, letter.dress) as heard:
            try:
                return _notify(plugin, letter, notify_type), heard
            except Exception as error:  # noqa: BLE001 - what a plugin fails at says no more than its False
                # Its name alone: what it says may hold the channel's secret.
                log.warning("channel.plugin_failed", channel=self.name, error=type(error).__name__)
                return False, heard

    def _follow(self, moved: Mapping[str, int]) -> None:
        self.moved.update(moved)
        for chat, new in moved.items():
            log.warning("channel.moved", channel=self.name, chat=chat, new_chat=new, hint="change the channel's URL")

    def _plugin(self) -> Any:
        """A plugin for one message: what that leaves behind in it is not there for the next one."""
        from apprise import Apprise

        _keep_quiet()
        fields = deepcopy(_taken_apart(self.url))
        if fields is None:
            raise self._refused(
                "apprise knows no such address", "Look up how the service's URL is written: appriseit.com"
            )
        # apprise could hush up what a plugin fails at, but then it also words each success for a log.
        try:
            plugin: Any = Apprise.instantiate(fields, asset=_asset(), suppress_exceptions=False)
        except Exception as error:  # noqa: BLE001 - each plugin fails in its own way
            raise self._unusable(f" ({type(error).__name__})") from None  # what it says may hold the channel's secret
        if plugin is None:
            raise self._unusable()
        if _has_plain_password(plugin):
            raise self._refused("the password would be sent in the clear", "Write mailtos:// instead of mailto://")
        if self.moved:
            new = ((self.moved.get(str(chat)), chat, topic) for chat, topic in plugin.targets)
            plugin.targets = [(chat, topic) if now is None else (now, None) for now, chat, topic in new]
        return plugin

    def _unusable(self, error: str = "") -> ChannelError:
        return self._refused(
            f"apprise cannot use this address{error}", "A part of it is missing or malformed: appriseit.com"
        )

    def _refused(self, why: str, hint: str) -> ChannelError:
        return ChannelError(f"channel {self.name!r} ({describe(self.url)}): {why}", hint)


@cache
def _taken_apart(url: str) -> dict[str, Any] | None:
    """What a plugin is made of: read once, for that takes as long as to make it. None where apprise knows no such
    address."""
    from apprise.plugins import url_to_dict

    fields: dict[str, Any] | None = url_to_dict(url)  # type: ignore[no-untyped-call]  # - apprise gives none
    if fields is None:
        return None
    for option in _OURS:
        fields.pop(option, None)
    return {"cto": CONNECT_SECONDS, "rto": READ_SECONDS} | fields


def _notify(plugin: Any, letter: Letter, notify_type: str) -> bool:
    """Let a plugin send. It is asked itself: what apprise does around it is for many services at once, and takes a
    fifth of a message. What is needed of that is done here: a plugin that is handed plain text may take it for markup.
    """
    from apprise.conversion import convert_between

    form = plugin.resolve_format("text")
    formed = partial(convert_between, "text", form)
    title = letter.title if plugin.title_maxlen > 0 else formed(letter.title)
    accepted = plugin.notify(
        title=title, body=formed(letter.body), notify_type=notify_type, body_format=form, body_passthrough=False
    )
    return bool(accepted)


def _moved(chat: str, new: int) -> str:
    return f"the group {chat} has become {new}: change the chat id in the channel's URL"


def _has_plain_password(plugin: Any) -> bool:
    """Whether a password would be sent in the clear, to another machine."""
    plain = getattr(plugin, "secure_mode", None) == "insecure"
    return plain and bool(plugin.password) and not _is_loopback(plugin.smtp_host)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() in ("localhost", "localhost.localdomain", "ip6-localhost")


@cache
def _asset() -> Any:
    from apprise import AppriseAsset

    return AppriseAsset(
        app_id="approval-watch",
        app_desc="approval-watch",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        interpret_emojis=False,
        async_mode=False,
        http_redirects=False,
        service_timeout=0,  # the wait is ours: apprise would hand the work to a pool that all services share
    )


def _keep_quiet() -> None:
    """These write whole URLs, tokens included, at DEBUG, and what they say above it is told by the outcome."""
    for name in ("apprise", "urllib3", "requests"):
        logger = logging.getLogger(name)
        if logger.level < logging.INFO:  # to set a level, even the same one, costs a look at every logger
            logger.setLevel(logging.INFO)
    logging.getLogger("apprise").propagate = False


def _type(kind: MessageKind, severity: Severity) -> str:
    if kind is MessageKind.END:
        return "success"
    if severity.reaches(Severity.HIGH):
        return "failure"
    return "warning" if kind in (MessageKind.ALERT, MessageKind.WATCH) else "info"


def _whole(text: str) -> str:
    """The text without half characters, which no service takes."""
    return text.encode(errors="replace").decode()


def describe(url: str) -> str:
    """A URL as it may be shown: its scheme, and its host where that is one and no token."""
    scheme, host = _scheme(url), _host(url)
    return f"{scheme}://{host or '…'}"


def _scheme(url: str) -> str:
    return url.partition("://")[0].lower()


def _host(url: str) -> str:
    """The host of a URL that has one there; "" where a token may stand in its place, or where it cannot be read."""
    try:
        return (urlsplit(url).hostname or "") if _scheme(url) in _WITH_HOST else ""
    except ValueError:
        return ""


def scrubbed(text: str, url: str) -> str:
    """A text without the URL and without any part of it that could be a secret."""
    host = _host(url)
    parts = {part for raw in (url, unquote(url)) for part in re.split(r"[/:@?&=#]+", raw.partition("://")[2])}
    for secret in sorted({url, *(part for part in parts if len(part) >= 6 and part.lower() != host)}, key=len)[::-1]:
        text = text.replace(secret, "…")
    return text
