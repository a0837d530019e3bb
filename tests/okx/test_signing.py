import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.errors import ConfigError
from scanner.okx.signing import Credentials, signed_headers, timestamp

SECRET = "22582BD0CFF14C41EDBF1AB98506286D"
AT = 1607418537.715
LIST = b'{"addressList":[{"chainIndex":"1","address":"0x0000000000000000000000000000000000000001"}],"limit":"100"}'
BALANCES = (
    "/api/v6/dex/balance/all-token-balances-by-address"
    "?address=0x0000000000000000000000000000000000000001&chains=1%2C8453"
)


@pytest.mark.parametrize(
    ("method", "path", "body", "signature"),
    [
        ("GET", "/api/v5/account/balance?ccy=BTC", b"", "HiZhvSfMtWJA3uUIVXV3a/bSXNPCWvYFXoGCVS8V4zY="),
        ("POST", "/api/v5/wallet/security/approvals", LIST, "e3pwswZzNT5/3AzXSKrVLCjZdLtUvL4H2N63s5C68To="),
        ("GET", BALANCES, b"", "DMiHjB7OECqdtucNXOiph8/d1RZZldXBi4og6R5acJI="),
    ],
)
def test_the_signature_is_the_documented_one(method: str, path: str, body: bytes, signature: str) -> None:
    headers = signed_headers(Credentials("k", SECRET, "p"), method, path, body, AT)
    assert headers["OK-ACCESS-SIGN"] == signature
    assert headers["OK-ACCESS-TIMESTAMP"] == "2020-12-08T09:08:57.715Z"


def test_the_project_is_sent_only_where_it_is_asked_for() -> None:
    credentials = Credentials("k", "s", "p", "project")
    assert "OK-ACCESS-PROJECT" not in signed_headers(credentials, "GET", "/", b"", AT)
    assert signed_headers(credentials, "GET", "/", b"", AT, project=True)["OK-ACCESS-PROJECT"] == "project"
    assert "OK-ACCESS-PROJECT" not in signed_headers(Credentials("k", "s", "p"), "GET", "/", b"", AT, project=True)


def test_credentials_show_nothing_of_themselves() -> None:
    credentials = Credentials("the-key", "the-secret", "the-passphrase", "the-project")
    shown = f"{credentials!r} {credentials} {[credentials]} {credentials.fingerprint}"
    assert not any(part in shown for part in ("the-key", "the-secret", "the-passphrase", "the-project"))


def test_a_fingerprint_belongs_to_the_key_alone() -> None:
    one = Credentials("a", "s", "p").fingerprint
    assert one == Credentials("a", "t", "q", "x").fingerprint
    assert one != Credentials("b", "s", "p").fingerprint
    assert len(one) <= 32


@pytest.mark.parametrize("unfit", ["", "with\nline", "with\r\nline", "tab\t", "schlüssel"])
def test_what_cannot_stand_in_a_header_is_refused_without_being_shown(unfit: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Credentials("k", unfit, "p")
    assert "source.okx.secret" in str(caught.value)
    assert not unfit or unfit not in str(caught.value)


@given(st.integers(0, 4_000_000_000_000))
def test_a_timestamp_has_milliseconds_and_ends_in_z(milliseconds: int) -> None:
    text = timestamp(milliseconds / 1000)
    assert len(text) == len("2020-12-08T09:08:57.715Z")
    assert text[19] == "."
    assert text[-1] == "Z"
