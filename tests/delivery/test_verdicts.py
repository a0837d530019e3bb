"""How an attempt ended, and when the next one is due."""

from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from owed import START

from scanner.delivery.manners import ANY, MAIL, Manner, manner_of
from scanner.delivery.verdicts import Heard, moved_to, next_attempt, verdict
from scanner.domain.alerts import Severity
from scanner.domain.messages import Claim, MessageKind, Outcome, Result

OK = Heard(200, '{"ok": true}')


SLACK_APP, SLACK_HOOK = manner_of("slack"), manner_of("slack", answers_in_json=False)
TELEGRAM = manner_of("tgram")


def judged(*heard: Heard, accepted: bool = False, manner: Manner = ANY) -> Outcome:
    return verdict(accepted=accepted, heard=heard, manner=manner, now=START)


@pytest.mark.parametrize(
    ("code", "result"),
    [
        (204, Result.DELIVERED),
        (301, Result.PERMANENT),
        (400, Result.PERMANENT),
        (401, Result.PERMANENT),
        (403, Result.PERMANENT),
        (404, Result.PERMANENT),
        (408, Result.TRANSIENT),
        (413, Result.PERMANENT),
        (429, Result.RATE_LIMITED),
        (500, Result.TRANSIENT),
        (503, Result.TRANSIENT),
        (504, Result.UNKNOWN),
    ],
)
def test_a_status_decides(code: int, result: Result) -> None:
    assert judged(Heard(code), accepted=result is Result.DELIVERED).result is result


def test_a_success_that_the_plugin_does_not_recognise_is_unknown() -> None:
    assert judged(Heard(200, "?")).result is Result.UNKNOWN


def test_a_plugin_that_was_not_heard_is_believed() -> None:
    assert judged(accepted=True).result is Result.DELIVERED
    assert judged().result is Result.TRANSIENT


@pytest.mark.parametrize("bad", [Heard(403), Heard(500), Heard(429), Heard(None), Heard(None, sent=False)])
def test_a_message_that_some_took_may_have_arrived(bad: Heard) -> None:
    outcome = judged(OK, bad)
    assert outcome.result is Result.UNKNOWN
    assert outcome.detail.startswith("arrived in part")


@pytest.mark.parametrize(
    ("error", "result"),
    [
        ("ratelimited", Result.RATE_LIMITED),
        ("service_unavailable", Result.TRANSIENT),
        ("channel_not_found", Result.PERMANENT),
    ],
)
def test_an_error_inside_a_success_counts(error: str, result: Result) -> None:
    assert judged(Heard(200, f'{{"ok": false, "error": "{error}"}}'), manner=SLACK_APP).result is result
    assert judged(Heard(200, f'{{"ok": false, "error": "{error}"}}'), accepted=True).result is Result.DELIVERED


@pytest.mark.parametrize("text", ["", "<html>", "[]", "null", '"ok"', '{"ok": "true"}', '{"result": {}}'])
def test_only_an_ok_that_is_true_is_a_success_for_a_strict_service(text: str) -> None:
    assert judged(Heard(200, text), accepted=True, manner=SLACK_APP).result is not Result.DELIVERED


@pytest.mark.parametrize(
    ("wish", "seconds"),
    [
        ("30", 30),
        ("Fri, 20 Nov 2026 08:01:00 GMT", 61),
        ("Fri, 20 Nov 2026 07:00:00 GMT", 0),
        ("999999999", 86400),
        ("-5", 0),
        ("soon", None),
        ("", None),
    ],
)
def test_a_wish_to_be_left_alone_is_read_in_either_form(wish: str, seconds: int | None) -> None:
    outcome = judged(Heard(429, retry_after=wish))
    assert outcome.retry_after == (None if seconds is None else timedelta(seconds=seconds))


def reply(code: int | None, to: str = "", *, sent: bool = True) -> Heard:
    return Heard(code, "said", mail=True, sent=sent, to=to)


@pytest.mark.parametrize(
    ("heard", "accepted", "result"),
    [
        ((reply(250), reply(354), reply(250), reply(250, "a@x")), True, Result.DELIVERED),
        ((reply(354), reply(None, "a@x")), False, Result.UNKNOWN),
        ((reply(250), reply(None, "a@x", sent=False)), False, Result.TRANSIENT),
        ((reply(354), reply(554), reply(554, "a@x")), False, Result.PERMANENT),
        ((reply(354), reply(452), reply(452, "a@x")), False, Result.TRANSIENT),
        ((reply(451), reply(451, "a@x")), False, Result.TRANSIENT),  # greylisted
        ((reply(450), reply(450, "a@x")), False, Result.TRANSIENT),
        ((reply(501), reply(501, "a@x")), False, Result.PERMANENT),  # no address at all
        ((reply(220), reply(250), reply(535)), False, Result.PERMANENT),
        ((reply(220), reply(250), reply(454)), False, Result.TRANSIENT),
        ((reply(220), reply(502), reply(250)), False, Result.TRANSIENT),
        ((reply(421),), False, Result.TRANSIENT),
        ((reply(None, sent=False),), False, Result.TRANSIENT),
    ],
)
def test_a_mail_is_judged_by_how_its_handing_over_ended(
    heard: tuple[Heard, ...], accepted: bool, result: Result
) -> None:
    assert judged(*heard, accepted=accepted, manner=MAIL).result is result


def test_those_who_did_not_take_it_are_named_and_told_alike_together() -> None:
    took, full, away = reply(250, "a@x"), reply(452, "b@x"), reply(550, "c@x")
    outcome = judged(took, full, away, reply(550, "d@x"), manner=MAIL)
    assert outcome.result is Result.UNKNOWN
    assert outcome.detail == (
        "arrived in part; b@x: the mail server said 452 said; "
        "c@x, d@x: the mail server said 550 said. Check the address, and whether this sender may write to it."
    )
    crowd = judged(took, *(reply(452, f"{place}@x") for place in range(9)), manner=MAIL)
    assert "0@x, 1@x, 2@x, 3@x, 4@x and 4 more: the mail server said 452" in crowd.detail


def test_only_what_carried_the_message_decides() -> None:
    login = Heard(200, "{}", carries=False)
    assert judged(login, Heard(403)).result is Result.PERMANENT
    assert judged(login, Heard(200), accepted=True).result is Result.DELIVERED
    assert judged(Heard(401, carries=False)).result is Result.PERMANENT


@pytest.mark.parametrize(
    ("manner", "code", "said", "helps"),
    [
        (TELEGRAM, 403, "Forbidden: bot was blocked by the user", "Unblock the bot"),
        (TELEGRAM, 403, "Forbidden: bot was kicked from the supergroup chat", "Add the bot to the chat again"),
        (TELEGRAM, 403, "Forbidden: user is deactivated", "send to another chat"),
        (TELEGRAM, 400, "Bad Request: chat not found", "Write to the bot first"),
        (TELEGRAM, 400, "Bad Request: message thread not found", "topic"),
        (TELEGRAM, 401, "Unauthorized", "@BotFather"),
        (TELEGRAM, 404, "Not Found", "@BotFather"),
        (SLACK_HOOK, 404, "no_service", "make a new one"),
        (SLACK_HOOK, 410, "channel_is_archived", "Restore the channel"),
        (SLACK_HOOK, 400, "invalid_blocks", "leave blocks"),
        (ANY, 401, "whatever", "check the channel's URL"),
    ],
)
def test_a_final_refusal_says_what_to_do(manner: Manner, code: int, said: str, helps: str) -> None:
    text = f'{{"ok": false, "error_code": {code}, "description": "{said}"}}' if manner.strict else said
    outcome = judged(Heard(code, text), manner=manner)
    assert outcome.result is Result.PERMANENT
    assert outcome.detail.startswith(f"answered {code}: {said}. ")
    assert helps in outcome.detail


def test_secrets_are_taken_out_of_what_was_said_but_not_out_of_names() -> None:
    heard = [Heard(200, '{"ok": true}', to="1"), Heard(400, '{"ok": false, "description": "token hush"}', to="hush")]
    outcome = verdict(
        accepted=False, heard=heard, manner=TELEGRAM, now=START, clean=lambda text: text.replace("hush", "…")
    )
    assert outcome.detail == "arrived in part; hush: answered 400: token …"


def test_a_group_that_moved_says_where_to() -> None:
    answer = '{"ok": false, "error_code": 400, "parameters": {"migrate_to_chat_id": -1001234567890}}'
    assert moved_to(Heard(400, answer)) == -1001234567890
    assert moved_to(Heard(400, '{"ok": false, "parameters": {"retry_after": 3}}')) is None
    assert moved_to(Heard(400, "[]")) is None


@example(accepted=False, heard=[Heard(None, "no\nway", sent=False)], manner=ANY)
@example(accepted=False, heard=[Heard(None, "no\nway")], manner=ANY)
@given(
    st.booleans(),
    st.lists(
        st.builds(
            Heard,
            st.none() | st.integers(100, 599),
            st.text(),
            st.booleans(),
            st.booleans(),
            st.text(),
            st.booleans(),
            st.sampled_from(["", "a", "b"]),
        )
    ),
    st.sampled_from([ANY, MAIL, TELEGRAM, SLACK_APP, SLACK_HOOK]),
)
def test_whatever_is_heard_has_an_outcome(accepted: bool, heard: list[Heard], manner: Manner) -> None:
    outcome = judged(*heard, accepted=accepted, manner=manner)
    assert outcome.result in Result
    assert "\n" not in outcome.detail


def claim(severity: Severity = Severity.HIGH, attempt: int = 1) -> Claim:
    return Claim("m", "ops", MessageKind.ALERT, severity, "t", "b", "me", attempt, repeat=False, created_at=START)


GIVE_UP_AFTER = timedelta(days=3)
BAD = [result for result in Result if result is not Result.DELIVERED]


@given(st.sampled_from(BAD), st.integers(1, 100_000), st.floats(0, 1), st.integers(0, 10_000))
def test_a_critical_message_is_never_given_up_and_never_far_away(
    result: Result, attempt: int, jitter: float, hours: int
) -> None:
    now = START + timedelta(hours=hours)
    next_at = next_attempt(claim(Severity.CRITICAL, attempt), Outcome(result), now, jitter, GIVE_UP_AFTER)
    assert next_at is not None
    assert timedelta(seconds=1) <= next_at - now <= timedelta(hours=1)


def test_pauses_double_until_their_limit() -> None:
    down = Outcome(Result.TRANSIENT)
    pauses = []
    for attempt in range(1, 12):
        at = next_attempt(claim(attempt=attempt), down, START, 1.0, GIVE_UP_AFTER)
        assert at is not None
        pauses.append((at - START).total_seconds())
    assert pauses[:4] == [2, 4, 8, 16]
    assert pauses[-1] == 300


@pytest.mark.parametrize("result", [Result.TRANSIENT, Result.PERMANENT])
def test_other_messages_are_given_up_by_their_age_alone(result: Result) -> None:
    late = START + GIVE_UP_AFTER
    assert next_attempt(claim(), Outcome(result), late, 0.5, GIVE_UP_AFTER) is None
    assert next_attempt(claim(), Outcome(result), late - timedelta(seconds=1), 0.5, GIVE_UP_AFTER) is not None


def test_the_service_s_own_wish_counts_if_it_is_longer() -> None:
    wish = Outcome(Result.RATE_LIMITED, retry_after=timedelta(minutes=40))
    assert next_attempt(claim(), wish, START, 0.5, GIVE_UP_AFTER) == START + timedelta(minutes=40)
