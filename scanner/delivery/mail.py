"""The form in which a message goes out as mail: recognisable when it is sent again, together with its like, in plain
text and in the same words as HTML.

apprise connects, logs in and addresses; only what it would hand over is dressed anew, because it names every mail at
random and knows one form of its text.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from email import message_from_bytes
from email.charset import QP, Charset
from email.header import Header
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.policy import compat32
from email.utils import parseaddr
from html import escape

from scanner.delivery.frame import SEPARATOR
from scanner.domain.hostile import printable

__all__ = ["Letter", "as_html"]

_LINK = re.compile(r"https://[A-Za-z0-9./?=&%:_-]+")
_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9.-]+")
_LABEL = re.compile(r"([A-Z][A-Za-z, ]{0,40}): (.*)")

LONGEST_WORD = 60
"""Of a header as it is: a line has 76 characters and begins with the header's name."""

# The older half of the standard library: the newer one loses blanks where it folds a long title that is not ASCII.
_QUOTED = Charset("utf-8")
_QUOTED.header_encoding = _QUOTED.body_encoding = QP

# Nothing here sets a colour of its own for text or background: a reader in the dark sees light on dark.
_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<meta name="format-detection" content="telephone=no, date=no, address=no, email=no, url=no">
<title>{title}</title>
<style>:root {{ color-scheme: light dark }}</style>
</head>
<body style="margin: 0; padding: 16px; font: 16px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif">
<div style="max-width: 42em; margin: 0 auto; overflow-wrap: anywhere">
{sections}
</div>
</body>
</html>
"""
_BETWEEN = '<hr style="border: 0; border-top: 1px solid #8888; margin: 20px 0">'


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that goes out as mail. `ref` and `thread` as `Channel.send` has them."""

    title: str
    body: str
    ref: str = ""
    thread: str = ""

    def dress(self, given: str | bytes) -> bytes:
        """The mail that is sent instead of the one that apprise made: its addresses and headers, our form.

        The same message has the same Message-ID whenever it is sent; those of one thread refer to the same mail,
        which need not exist, as RFC 5322 (3.6.4) allows. What was signed or encrypted keeps its content.
        """
        mail = message_from_bytes(given.encode() if isinstance(given, str) else given)
        domain = parseaddr(mail["From"])[1].rpartition("@")[2] or "localhost"
        _set(mail, "Auto-Submitted", "auto-generated")  # RFC 3834: no out-of-office reply
        _set(mail, "X-Auto-Response-Suppress", "All")
        if self.ref:
            _set(mail, "Message-ID", _id(self.ref, domain))
        if self.thread:
            _set(mail, "In-Reply-To", _id(f"thread.{self.thread}", domain))
            _set(mail, "References", _id(f"thread.{self.thread}", domain))
        if mail.get_content_type() == "text/plain":
            self._fill(mail)
        return mail.as_bytes(policy=compat32.clone(linesep="\r\n"))

    def _fill(self, mail: Message) -> None:
        title, body = printable(" ".join(self.title.split())), printable(self.body)
        _set(mail, "Subject", _header(title))
        texts = (_part("plain", body), _part("html", as_html(title, body)))
        whole = MIMEMultipart("alternative", _subparts=texts)
        for name in ("Content-Transfer-Encoding", *whole.keys()):
            del mail[name]
        for name, value in whole.items():
            mail[name] = value
        mail.set_payload(whole.get_payload())


def _set(mail: Message, name: str, value: str | Header) -> None:
    del mail[name]
    mail[name] = value  # type: ignore[assignment]  # - typeshed knows headers as texts only


def _part(kind: str, text: str) -> Message:
    part = MIMENonMultipart("text", kind, charset="utf-8")
    part.set_payload(text, _QUOTED)
    return part


def _header(text: str) -> Header:
    """A header's text: in the words of RFC 2047 where it needs them, looks like them, or could not be folded."""
    plain = text.isascii() and "=?" not in text and all(len(word) < LONGEST_WORD for word in text.split())
    return Header(text, None if plain else _QUOTED, header_name="Subject")


def _id(name: str, domain: str) -> str:
    return f"<{_NOT_IN_AN_ID.sub('-', name)}@{domain}>"


def as_html(title: str, body: str) -> str:
    """The same words as a page that is read well on a phone and in the dark. Only our own links are links."""
    sections = [_section(part.split("\n")) for part in body.split(SEPARATOR)]
    return _PAGE.format(title=escape(title), sections=f"\n{_BETWEEN}\n".join(sections))


def _section(lines: Iterable[str]) -> str:
    first, *rest = lines
    heading = f'<p style="margin: 0 0 8px; font-weight: 600">{_live(first)}</p>'
    return "\n".join([heading, *(f'<p style="margin: 4px 0">{_line(line)}</p>' for line in rest if line)])


def _line(line: str) -> str:
    label = _LABEL.fullmatch(line)
    if label is None:
        return f'<span style="opacity: .7">{_live(line)}</span>'
    return f'<span style="opacity: .7">{escape(label[1])}:</span> {_live(label[2])}'


def _live(text: str) -> str:
    """Escaped text in which our links can be followed: strangers' words hold none."""
    parts = re.split(f"({_LINK.pattern})", text)
    return "".join(_link(part) if place % 2 else escape(part) for place, part in enumerate(parts))


def _link(url: str) -> str:
    return f'<a href="{escape(url)}">{escape(url)}</a>'
