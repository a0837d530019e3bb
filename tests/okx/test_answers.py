import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.errors import Reason, Trouble
from scanner.http import http_time
from scanner.okx.answers import Reply, judge

CODES = {
    Reason.UNAVAILABLE: ["50001", "50004", "50013", "50026"],
    Reason.RATE_LIMITED: ["50011"],
    Reason.CACHING: ["81159"],
    Reason.NODE_FAILED: ["81451"],
    Reason.CLOCK: ["50102", "50112"],
    Reason.REFUSED_KEY: [
        *("50100", "50103", "50104", "50105", "50106", "50107", "50110", "50111", "50113", "50119", "50121", "50030"),
    ],
    Reason.BAD_REQUEST: [
        *("50000", "50002", "50006", "50014", "50015", "50016", "51000", "81001", "81106", "81107"),
    ],
    Reason.NOT_COVERED: ["81104", "81150", "81157", "81108", "81105", "81353"],
    Reason.REGION: ["80001", "50125", "50047"],
}
RETRIED = {Reason.UNAVAILABLE, Reason.RATE_LIMITED, Reason.CACHING, Reason.NODE_FAILED}
OF_ONE_TARGET = {Reason.CACHING, Reason.NODE_FAILED, Reason.NOT_COVERED, Reason.BAD_REQUEST}


def trouble_of(status: int, body: bytes | dict[str, object]) -> Trouble:
    answer = judge(Reply(status, body if isinstance(body, bytes) else json.dumps(body).encode()))
    assert isinstance(answer, Trouble)
    return answer


@pytest.mark.parametrize(("reason", "code"), [(reason, code) for reason, codes in CODES.items() for code in codes])
@pytest.mark.parametrize("as_number", [False, True])
def test_a_code_means_what_the_table_says(reason: Reason, code: str, as_number: bool) -> None:
    trouble = trouble_of(200, {"code": int(code) if as_number else code, "msg": "words", "data": []})
    assert trouble.reason is reason
    assert trouble.code == code
    assert code in trouble.message
    assert "words" in trouble.message
    assert trouble.retry == (reason in RETRIED)
    assert trouble.whole_source == (reason not in OF_ONE_TARGET)


@pytest.mark.parametrize(
    ("code", "settings"),
    [
        ("50103", ["source.okx.key", "OKX_API_KEY"]),
        ("50111", ["source.okx.key", "OKX_API_KEY"]),
        ("50105", ["source.okx.passphrase", "OKX_API_PASSPHRASE"]),
        ("50113", ["source.okx.secret", "OKX_SECRET_KEY"]),
    ],
)
def test_a_refused_key_names_the_setting_to_look_at(code: str, settings: list[str]) -> None:
    trouble = trouble_of(401, {"code": code, "msg": "", "data": []})
    assert all(setting in trouble.hint for setting in settings)


@pytest.mark.parametrize(
    ("status", "reason", "retry"),
    [
        (400, Reason.BAD_REQUEST, False),
        (401, Reason.REFUSED_KEY, False),
        (402, Reason.QUOTA, False),
        (403, Reason.REFUSED_KEY, False),
        (404, Reason.BAD_REQUEST, False),
        (408, Reason.UNAVAILABLE, True),
        (429, Reason.RATE_LIMITED, True),
        (451, Reason.REGION, False),
        (500, Reason.UNAVAILABLE, True),
        (502, Reason.UNAVAILABLE, True),
        (503, Reason.UNAVAILABLE, True),
        (204, Reason.PROTOCOL, False),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>", b'{"code":"0","data":[]}'])
def test_without_a_code_the_status_decides(status: int, reason: Reason, retry: bool, body: bytes) -> None:
    trouble = trouble_of(status, body)
    assert (trouble.reason, trouble.retry) == (reason, retry)


def test_the_code_counts_before_the_status() -> None:
    assert trouble_of(500, {"code": "50111", "data": []}).reason is Reason.REFUSED_KEY
    assert trouble_of(401, {"code": "50011", "data": []}).reason is Reason.RATE_LIMITED


def test_an_unknown_code_is_an_error_that_is_not_retried() -> None:
    trouble = trouble_of(200, {"code": "99999", "msg": "surprise", "data": []})
    assert trouble.reason is Reason.PROTOCOL
    assert not trouble.retry
    assert "99999" in trouble.message


@pytest.mark.parametrize("code", ["0", 0])
def test_code_0_gives_the_data(code: object) -> None:
    data = judge(Reply(200, json.dumps({"code": code, "msg": "", "data": [1, 2]}).encode()))
    assert isinstance(data, msgspec.Raw)
    assert msgspec.json.decode(data) == [1, 2]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"<!doctype html><p>Just a moment",
        b'{"code":"0","data":[{"chainIndex":"1"',
        b'{"code":"0"}',
        b'{"code":"0","data":null}',
        b'{"code":"0","data":{}}',
        b'{"code":"0","data":"[]"}',
        b'{"code":"0","data":0}',
        b'{"data":[]}',
        b'{"code":null,"data":[]}',
        b'{"code":true,"data":[]}',
        b'{"code":0.0,"data":[]}',
        b'{"code":["0"],"data":[]}',
        b"[]",
        b"null",
        b'"0"',
        b"[" * 200_000,
        b'{"code":"0","data":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"\xff\xfe\x00",
        b'{"code":"0","data":[1e400]',
    ],
)
def test_what_is_no_proper_answer_is_an_error_and_never_empty(body: bytes) -> None:
    assert trouble_of(200, body).reason is Reason.PROTOCOL


def test_a_redirect_is_not_followed_and_names_the_setting() -> None:
    answer = judge(Reply(302, b"", location="https://evil.example/steal"))
    assert isinstance(answer, Trouble)
    assert "source.okx.base_url" in answer.hint
    assert "https://" not in answer.message


def test_the_far_sides_words_are_dead_text() -> None:
    trouble = trouble_of(200, {"code": "50113", "msg": "<a href='https://evil.example'>\x1b[31m@all" + "x" * 500})
    assert not set("<>\x1b@") & set(trouble.message)
    assert "https://" not in trouble.message
    assert len(trouble.message) < 200


@pytest.mark.parametrize("name", [b'"\\ud800"', b'"\\udc00\\ud800x"', b'"\xff\xfe"', b'"\x01\n"', b'"\\ud83d\\ude00"'])
def test_a_broken_character_in_a_name_does_not_cost_the_answer(name: bytes) -> None:
    data = judge(Reply(200, b'{"code":"0","data":[' + name + b"]}"))
    assert isinstance(data, msgspec.Raw)
    [told] = msgspec.json.decode(data)
    assert isinstance(told, str)
    assert told


@given(st.text())
def test_sound_text_comes_through_unchanged(text: str) -> None:
    data = judge(Reply(200, json.dumps({"code": "0", "data": [text]}).encode()))
    assert not isinstance(data, Trouble)
    assert msgspec.json.decode(data) == [text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")]


@given(st.binary(max_size=300).filter(lambda body: b'"data"' not in body), st.integers(100, 599))
def test_garbage_is_always_trouble(body: bytes, status: int) -> None:
    assert isinstance(judge(Reply(status, body)), Trouble)


def test_http_times_are_read_and_nonsense_is_none() -> None:
    assert http_time("Tue, 08 Dec 2020 09:08:57 GMT") == 1607418537.0
    assert http_time(None) is None
    assert http_time("tomorrow") is None
