"""How an attempt ended, and when the next one is due."""

from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from owed import START

from scanner.delivery.verdicts import GIVE_UP_AFTER, Heard, next_attempt, verdict
from scanner.domain.alerts import Severity
from scanner.domain.messages import Claim, MessageKind, Outcome, Result

OK = Heard(200, '{"ok": true}')


def judged(*heard: Heard, accepted: bool = False, strict: bool = False) -> Outcome:
    return verdict(accepted=accepted, heard=heard, strict=strict, now=START)


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
    assert judged(Heard(200, f'{{"ok": false, "error": "{error}"}}'), strict=True).result is result
    assert judged(Heard(200, f'{{"ok": false, "error": "{error}"}}'), accepted=True).result is Result.DELIVERED


@pytest.mark.parametrize("text", ["", "<html>", "[]", "null", '"ok"', '{"ok": "true"}', '{"result": {}}'])
def test_only_an_ok_that_is_true_is_a_success_for_a_strict_service(text: str) -> None:
    assert judged(Heard(200, text), accepted=True, strict=True).result is not Result.DELIVERED


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


def mail(*codes: int | None) -> tuple[Heard, ...]:
    return tuple(Heard(code, "said", mail=True) for code in codes)


@pytest.mark.parametrize(
    ("codes", "accepted", "result"),
    [
        ((220, 250, 250, 250, 354, 250, 221), True, Result.DELIVERED),
        ((220, 250, 250, 250, 354, 250, 221), False, Result.UNKNOWN),  # one of several addressees was refused
        ((220, 250, 250, 250, 354, None), False, Result.UNKNOWN),
        ((220, 250, 250, 250, 354), False, Result.UNKNOWN),
        ((220, 250, 250, 250, 354, 554, 250), False, Result.PERMANENT),
        ((220, 250, 250, 250, 354, 452, 250), False, Result.TRANSIENT),
        ((220, 250, 535), False, Result.PERMANENT),
        ((220, 502, 250, None), False, Result.TRANSIENT),
        ((421,), False, Result.TRANSIENT),
        ((None,), False, Result.TRANSIENT),
    ],
)
def test_a_mail_session_is_judged_by_its_last_word(
    codes: tuple[int | None, ...], accepted: bool, result: Result
) -> None:
    assert judged(*mail(*codes), accepted=accepted).result is result


@example(accepted=False, heard=[Heard(None, "no\nway", sent=False)], strict=False)
@example(accepted=False, heard=[Heard(None, "no\nway")], strict=False)
@given(
    st.booleans(),
    st.lists(st.builds(Heard, st.none() | st.integers(100, 599), st.text(), st.booleans(), st.booleans(), st.text())),
    st.booleans(),
)
def test_whatever_is_heard_has_an_outcome(accepted: bool, heard: list[Heard], strict: bool) -> None:
    outcome = judged(*heard, accepted=accepted, strict=strict)
    assert outcome.result in Result
    assert "\n" not in outcome.detail


def claim(severity: Severity = Severity.HIGH, attempt: int = 1) -> Claim:
    return Claim("m", "ops", MessageKind.ALERT, severity, "t", "b", "me", attempt, repeat=False, created_at=START)


BAD = [result for result in Result if result is not Result.DELIVERED]


@given(st.sampled_from(BAD), st.integers(1, 100_000), st.floats(0, 1), st.integers(0, 10_000))
def test_a_critical_message_is_never_given_up_and_never_far_away(
    result: Result, attempt: int, jitter: float, hours: int
) -> None:
    now = START + timedelta(hours=hours)
    next_at = next_attempt(claim(Severity.CRITICAL, attempt), Outcome(result), now, jitter)
    assert next_at is not None
    assert timedelta(seconds=1) <= next_at - now <= timedelta(hours=1)


def test_pauses_double_until_their_limit() -> None:
    down = Outcome(Result.TRANSIENT)
    pauses = []
    for attempt in range(1, 12):
        at = next_attempt(claim(attempt=attempt), down, START, 1.0)
        assert at is not None
        pauses.append((at - START).total_seconds())
    assert pauses[:4] == [2, 4, 8, 16]
    assert pauses[-1] == 300


def test_other_messages_are_given_up_when_refused_or_too_old() -> None:
    assert next_attempt(claim(), Outcome(Result.PERMANENT), START, 0.5) is None
    late = START + GIVE_UP_AFTER
    assert next_attempt(claim(), Outcome(Result.TRANSIENT), late, 0.5) is None
    assert next_attempt(claim(), Outcome(Result.TRANSIENT), late - timedelta(seconds=1), 0.5) is not None


def test_the_service_s_own_wish_counts_if_it_is_longer() -> None:
    wish = Outcome(Result.RATE_LIMITED, retry_after=timedelta(minutes=40))
    assert next_attempt(claim(), wish, START, 0.5) == START + timedelta(minutes=40)
