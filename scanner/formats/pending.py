"""What the table format shows of what was not told: silences and what they hide, and messages on their way."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from scanner.domain.plain import counted
from scanner.domain.report import AlertEntry
from scanner.formats.documents import CoverEntry, Deliveries, DeliveryEntry, Look, SilenceEntry, Silences
from scanner.formats.grids import GOOD, LOUD, Part, hanging, line
from scanner.formats.pieces import alerts_told, mark
from scanner.formats.words import ago, matched, sentences, worst

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import RenderableType
    from rich.text import Text

__all__ = ["deliveries_told", "silences_told"]

_STATES = {"waiting": "yellow", "sent": GOOD, "given-up": LOUD}


def silences_told(look: Look, document: Silences) -> Iterator["RenderableType"]:
    """Silences and each alert that they cover; then, loudly, what a new one does not hide although it fits."""
    alerts = {alert.id: alert for alert in document.alerts}
    about = sentences(document.approvals)
    for silence in document.silences:
        yield hanging([(Part(silence.id, "bold"), _silence(look, silence, alerts, about))])
        yield line()
    if told := worst(alert for alert in document.alerts if alert.id in document.still_told):
        yield line(Part(f"Still told ({len(told)})", LOUD), Part(", because only --severity critical hides it"))
        yield alerts_told(look, told, about)
        yield line()
    yield line(Part(counted(len(document.silences), "silence"), "bold"))


def _silence(
    look: Look, silence: SilenceEntry, alerts: "Mapping[str, AlertEntry]", about: "Mapping[str, str]"
) -> Iterator["Text"]:
    later = ", and what opens later" if silence.future else ""
    yield line(Part(matched(silence.matchers), "bold"), Part(later))
    if silence.ended_at is None:
        end = Part(f"until {silence.ends_at} ({ago(silence.ends_at, look.now)})")
    else:
        end = Part(f"ended {ago(silence.ended_at, look.now)}: {silence.reason}", "dim")
    yield line(end, Part(f", by {silence.author}: {silence.comment}"))
    if not silence.covers:
        yield line(Part("no alert so far", "dim"))
    for cover in silence.covers:
        yield _cover(look, cover, alerts.get(cover.alert), about)


def _cover(look: Look, cover: CoverEntry, alert: AlertEntry | None, about: "Mapping[str, str]") -> "Text":
    said = "" if alert is None else f"  {alert.title}, {about.get(alert.approval, '')}".rstrip(", ")
    over = "" if cover.ended_at is None else f"; no more, {ago(cover.ended_at, look.now)}: {cover.reason}"
    return line(mark(cover.severity), Part(f" {cover.alert}{said}"), Part(over, "yellow"))


def deliveries_told(look: Look, document: Deliveries) -> Iterator["RenderableType"]:
    """Messages, each with how far it is, and what keeps it."""
    if document.deliveries:
        yield hanging((mark(entry.severity), _delivery(look, entry)) for entry in document.deliveries)
        yield line()
    yield line(Part(counted(len(document.deliveries), "message"), "bold"))


def _delivery(look: Look, entry: DeliveryEntry) -> Iterator["Text"]:
    yield line(
        Part(f"{entry.id}  {entry.channel}  "),
        Part(entry.state, _STATES.get(entry.state, "")),
        Part(f", {_when(look, entry)}, {counted(entry.attempts, 'attempt')}"),
    )
    yield line(Part(entry.title or "no title", "bold"), Part(f"  {' '.join(entry.alerts)}", "dim"))
    if entry.error is not None and entry.state != "sent":
        yield line(Part(entry.error, LOUD))


def _when(look: Look, entry: DeliveryEntry) -> str:
    if entry.sent_at is not None:
        return ago(entry.sent_at, look.now)
    made = f"made {ago(entry.created_at, look.now)}"
    return made if entry.next_at is None else f"{made}, next attempt {ago(entry.next_at, look.now)}"
