"""What is known of services beyond their statuses: how long a message may be, where they hide a refusal, what helps.

Sources: core.telegram.org/bots/api#making-requests and what its server says in `description`; docs.slack.dev, the
errors of `chat.postMessage` and of incoming webhooks; RFC 5321 for mail.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["ANY", "MAIL", "Manner", "manner_of"]


@dataclass(frozen=True, slots=True)
class Manner:
    """How a service behaves.

    `room`: how long a message may be where more would be refused, or read by nobody. `strict`: it answers in JSON and
    puts an `ok` into it, so that anything else is no success. `addressee`: the field of a request that says for whom
    it is. `errors`: the status that an error's name means; any other name is final. `remedies`: what helps, by a
    part of what the service says, in lower case.
    """

    room: int = 4000
    strict: bool = False
    addressee: str = ""
    errors: Mapping[str, int] = field(default_factory=dict)
    remedies: Mapping[str, str] = field(default_factory=dict)

    def remedy(self, code: int, said: str) -> str:
        """What a person can do about a refusal, as a sentence; "" where nothing is known to help."""
        low = said.lower()
        known = next((helps for part, helps in self.remedies.items() if part in low), None)
        return known or _BY_STATUS.get(code, "")


_BY_STATUS = {
    401: "The token or password is refused: check the channel's URL.",
    403: "The service refuses this sender: check the token and the rights that belong to it.",
    404: "There is nothing at this address: check the channel's URL.",
    410: "The address is gone: make a new one and change the channel's URL.",
    413: "The message is too long for this service.",
}

ANY = Manner()

_TELEGRAM = Manner(
    room=4096,  # after its markup was parsed, in UTF-16 units
    strict=True,
    addressee="chat_id",
    remedies={
        "bot was blocked": "Unblock the bot in Telegram, or send to another chat.",
        "bot was kicked": "Add the bot to the chat again, or send to another one.",
        "bot is not a member": "Add the bot to the channel as an administrator.",
        "chat not found": "Write to the bot first, or add it to the group; then check the chat id in the URL.",
        "user is deactivated": "That account was deleted: send to another chat.",
        "can't initiate conversation": "The person has to write to the bot first.",
        "can't send messages to": "A bot cannot write to a bot: send to a person or a group.",
        "thread not found": "The topic was deleted: check the topic in the URL.",
        "topic_closed": "Open the topic again, or make the bot an administrator.",
        "topic_deleted": "The topic was deleted: check the topic in the URL.",
        "not enough rights": "Give the bot the right to send messages there.",
        "have no rights": "Give the bot the right to send messages there.",
        "chat_write_forbidden": "Give the bot the right to send messages there.",
        "upgraded to a supergroup": "Use the group's new chat id in the URL.",
        "unauthorized": "The bot's token is wrong or was revoked: ask @BotFather for the one in force.",
        "not found": "The bot's token is wrong or was revoked: ask @BotFather for the one in force.",
    },
)

_PASSING = dict.fromkeys(("internal_error", "fatal_error", "service_unavailable", "request_timeout"), 503)
_NO_HOOK = "Its webhook was removed or disabled: make a new one and change the channel's URL."
_NO_CHANNEL = "Check the channel's name in the URL, and invite the app to it."
_NO_TOKEN = "The app's token is wrong or was revoked: put the one in force into the URL."  # noqa: S105 - advice, no token

_SLACK_HOOK = Manner(
    room=3000,
    addressee="channel",
    remedies={
        "no_service": _NO_HOOK,
        "no_active_hooks": _NO_HOOK,
        "invalid_token": _NO_HOOK,
        "no_team": _NO_HOOK,
        "team_disabled": "The workspace is disabled: choose another channel.",
        "user_not_found": "Check the user in the URL.",
        "channel_not_found": _NO_CHANNEL,
        "channel_is_archived": "Restore the channel in Slack, or choose another one.",
        "is_archived": "Restore the channel in Slack, or choose another one.",
        "not_in_channel": _NO_CHANNEL,
        "posting_to_general": "Only some may post to this channel: choose another one.",
        "restricted_action": "An administrator has restricted who may post there.",
        "action_prohibited": "An administrator has restricted what the app may post.",
        "missing_scope": "Give the app the scope chat:write and install it again.",
        "not_authed": _NO_TOKEN,
        "invalid_auth": _NO_TOKEN,
        "token_revoked": _NO_TOKEN,
        "token_expired": _NO_TOKEN,
        "account_inactive": _NO_TOKEN,
        "invalid_blocks": "Slack does not take the message's form: leave blocks and template out of the URL.",
        "invalid_payload": "Slack does not take the message's form: leave blocks and template out of the URL.",
        "msg_too_long": "The message is too long for Slack.",
    },
)

_SLACK_APP = Manner(
    room=3000,
    strict=True,
    addressee="channel",
    errors={"ratelimited": 429, "rate_limited": 429} | _PASSING,
    remedies=_SLACK_HOOK.remedies,
)

MAIL = Manner(
    room=20_000,
    remedies={
        "535": "The user or the password is refused: check the channel's URL.",
        "534": "The server wants another kind of login, such as a password made for this program.",
        "530": "The server wants a login over TLS: write mailtos://user:password@… in the channel's URL.",
        "550": "Check the address, and whether this sender may write to it.",
        "551": "Check the address.",
        "552": "The mailbox is full, or the mail too large.",
        "553": "Check the address, and whether this sender may write to it.",
        "554": "The server rejects this sender or this mail: look at what it says.",
    },
)


def manner_of(scheme: str, *, answers_in_json: bool = True) -> Manner:
    """How the service of a URL's scheme behaves. A Slack webhook says just "ok", so it does not answer in JSON."""
    if scheme == "slack":
        return _SLACK_APP if answers_in_json else _SLACK_HOOK
    if scheme in ("mailto", "mailtos"):
        return MAIL
    return _TELEGRAM if scheme == "tgram" else ANY
