"""Notices become messages: whole alerts within a channel's room, the critical ones always named, the rest counted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from scanner.delivery.blocks import Block, Stage, blocks, called
from scanner.delivery.frame import SEPARATOR, has_title, room, signed, titled
from scanner.delivery.links import chain_title
from scanner.delivery.words import ENDED, size, tally
from scanner.domain.alerts import Move
from scanner.domain.messages import Due, FirstReading, Message, MessageKind
from scanner.domain.plain import counted

__all__ = ["LEAST_BUDGET", "LISTING", "compose"]

LEAST_BUDGET = 160
"""The shortest message that can hold one alert, the count of the others, and its reference."""

LISTING = "approval-watch alerts list"


def compose(
    dues: Sequence[Due],
    budget: int,
    new_id: Callable[[], str],
    readings: Mapping[str, FirstReading],
    thread: str = "",
) -> list[Message]:
    """The messages for one channel that tell everything that is due there.

    `budget` is the room for title and body together, as `words.size` counts; `new_id` names each message, in at most 16
    characters; `readings` says what each scan of a digest saw for the first time. Critical alerts are named over as
    many messages as it takes, the others as far as the last one has room. Each notice belongs to exactly one message,
    and all messages to `thread`. Raises ValueError for a budget below LEAST_BUDGET.
    """
    if budget < LEAST_BUDGET:
        raise ValueError(f"no alert fits into {budget} characters, {LEAST_BUDGET} are needed")
    # An alert is told once, so it belongs where its last notice does.
    belongs = {due.alert.id: due.reading for due in sorted(dues, key=lambda due: due.seq)}
    groups: dict[str | None, list[Due]] = {}
    for due in dues:
        groups.setdefault(belongs[due.alert.id], []).append(due)
    packed = []
    for reading, group in sorted(groups.items(), key=lambda item: item[0] is not None):
        first = None if reading is None else readings.get(reading, FirstReading(approvals=0, wallets=0))
        packed += _pack(blocks(group), budget, new_id, first)
    return [replace(message, thread=thread) for message in packed]


@dataclass(slots=True)
class _Page:
    """A message in the making: the blocks that it names, in which words, and those that it only counts."""

    room: int
    named: list[Block] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    rest: Sequence[Block] = ()

    def put(self, block: Block, text: str) -> bool:
        """Take a block, if there is room for it."""
        taken = sum(size(one) + size(SEPARATOR) for one in self.texts)
        if taken + size(text) > self.room:
            return False
        self.named.append(block)
        self.texts.append(text)
        return True

    @property
    def blocks(self) -> list[Block]:
        return [*self.named, *self.rest]


def _pack(found: Sequence[Block], budget: int, new_id: Callable[[], str], first: FirstReading | None) -> list[Message]:
    opening = "" if first is None or not has_title(budget) else _opening(found, first)
    others = [block for block in found if not block.critical]
    around = [opening, _rest(others, in_short=not has_title(budget))]
    pages = _paginate(found, room(budget) - sum(size(part + SEPARATOR) for part in around if part))
    packed = []
    for place, page in enumerate(pages, start=1):
        part = f" ({place} of {len(pages)})" if len(pages) > 1 else ""
        title = titled(_headline(page, first), budget, part)
        packed.append(_message(page, title, opening if place == 1 else "", new_id()))
    return packed


def _paginate(found: Sequence[Block], room: int) -> list[_Page]:
    pages = [_Page(room)]
    for block in found:
        for part, text in _wordings(block, room) if block.critical else ():
            if not pages[-1].put(part, text):
                pages.append(_Page(room))
                pages[-1].put(part, text)
    others = [block for block in found if not block.critical]
    if others and not pages[-1].texts:
        (part, text), *more = _wordings(others[0], room)
        pages[-1].put(part, text)
        others[:1] = [one for one, _ in more]
    while others and pages[-1].put(others[0], others[0].full()):
        others.pop(0)
    pages[-1].rest = others
    return pages


def _wordings(block: Block, room: int) -> list[tuple[Block, str]]:
    """A block in the fullest words that an empty message has room for, alert by alert if it takes that."""
    for text in (block.full(), block.lean()):
        if size(text) <= room:
            return [(block, text)]
    return [(one, one.shortest(room)) for one in block.split()]


def _message(page: _Page, title: str, opening: str, message_id: str) -> Message:
    sections = [opening, *page.texts, _rest(page.rest, in_short=not title)]
    worst = max((block.severity for block in page.blocks), key=lambda severity: severity.rank)
    return Message(
        id=message_id,
        channel=page.named[0].dues[0].channel,
        kind=_kind(page),
        severity=worst,
        title=title,
        body=signed(SEPARATOR.join(section for section in sections if section), message_id),
        notices=tuple(sorted(seq for block in page.blocks for seq in block.notices)),
    )


def _kind(page: _Page) -> MessageKind:
    if page.named[0].dues[0].reading is not None:
        return MessageKind.DIGEST
    return MessageKind.ALERT if any(block.stage is Stage.OPEN for block in page.blocks) else MessageKind.END


def _opening(found: Sequence[Block], first: FirstReading) -> str:
    total = counted(sum(len(block.dues) for block in found), "alert")
    seen = f"First reading of {counted(first.wallets, 'wallet')}: {counted(first.approvals, 'approval')}"
    return f"{seen}, {total} ({_tally(found)}). The worst:"


def _rest(rest: Sequence[Block], *, in_short: bool) -> str:
    """How many alerts are only counted, and the command that shows them; what has ended is listed only with all."""
    total = sum(len(block.dues) for block in rest)
    if not total:
        return ""
    see = LISTING if all(block.stage is Stage.OPEN for block in rest) else f"{LISTING} --all"
    return f"and {total} more: {see}" if in_short else f"and {total} more ({_tally(rest)}): {see}"


def _tally(found: Sequence[Block]) -> str:
    return tally(due.alert.severity if block.stage is Stage.OPEN else ENDED for block in found for due in block.dues)


def _headline(page: _Page, first: FirstReading | None) -> str:
    dues = [due for block in page.blocks for due in block.dues]
    open_dues = [due for block in page.blocks if block.stage is Stage.OPEN for due in block.dues]
    if first is not None:
        return f"First reading of {counted(first.wallets, 'wallet')}: {counted(len(dues), 'alert')}"
    worst = max((due.alert.severity for due in open_dues), key=lambda s: s.rank, default=None)
    mark = _ended(page) if worst is None else worst.upper()
    if open_dues and all(due.what is Move.REMINDED for due in open_dues):
        mark = f"Still open, {mark}"
    if len(page.blocks) == 1:
        return f"{mark}: {dues[0].alert.title} ({called(dues[0])}, {chain_title(dues[0].target.chain)})"
    wallets = list(dict.fromkeys(called(due) for due in open_dues or dues))
    others = f" and {len(wallets) - 1} more" if len(wallets) > 1 else ""
    return f"{mark}: {counted(len(open_dues or dues), 'alert')} for {wallets[0]}{others}"


def _ended(page: _Page) -> str:
    """What has become of the alerts of a message, none of which is open; never more of a promise than holds for all."""
    stages = {block.stage for block in page.blocks}
    if Stage.UNWATCHED in stages:
        return "No longer watched"
    return "Opened and ended" if stages == {Stage.MOOT} else "Resolved"
