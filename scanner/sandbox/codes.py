"""Error codes: the HTTP status that each comes with, and what it says.

Codes, statuses and meanings are the documents'; the words are the sandbox's own. Where the documents name no status,
as for most codes of the provider's version 3, it is the one that other codes of the kind have.
"""

from collections.abc import Mapping
from typing import TypeAlias

__all__ = ["CODES", "OLD_CODES", "XT_CODES", "XT_V4_CODES", "Codes", "Refusal"]

Codes: TypeAlias = Mapping[str, tuple[int, str]]
"""HTTP status and words by code."""

CODES: Codes = {
    "404": (404, "There is no such endpoint"),
    "50000": (400, "The body of a POST request must not be empty"),
    "50001": (200, "The service is unavailable for now, try again later"),
    "50002": (400, "The body is not valid JSON"),
    "50004": (400, "The endpoint timed out; the request may or may not have succeeded"),
    "50006": (400, "Content-Type has to be application/json"),
    "50011": (429, "Too many requests"),
    "50013": (429, "The systems are busy, try again later"),
    "50014": (400, "A parameter must not be empty"),
    "50015": (400, "One of two parameters is required"),
    "50016": (400, "Two parameters do not match"),
    "50026": (500, "System error, try again later"),
    "50030": (401, "This key may not use this endpoint"),
    "50047": (200, "Not available for this account"),
    "50100": (401, "The API is frozen, contact customer service"),
    "50102": (401, "The timestamp of the request has expired"),
    "50103": (401, "The header OK-ACCESS-KEY is missing"),
    "50104": (401, "The header OK-ACCESS-PASSPHRASE is missing"),
    "50105": (401, "The header OK-ACCESS-PASSPHRASE is incorrect"),
    "50106": (401, "The header OK-ACCESS-SIGN is missing"),
    "50107": (401, "The header OK-ACCESS-TIMESTAMP is missing"),
    "50110": (401, "This IP address is not on the key's list"),
    "50111": (401, "Invalid OK-ACCESS-KEY"),
    "50112": (401, "Invalid OK-ACCESS-TIMESTAMP"),
    "50113": (401, "Invalid signature"),
    "50119": (401, "The API key does not exist"),
    "50115": (405, "The request method is not allowed"),
    "50121": (401, "The header OK-ACCESS-PROJECT names no project of this key"),
    "50125": (200, "Not available in your region"),
    "51000": (400, "A parameter is wrong"),
    "80001": (200, "Not available in your region"),
    "81001": (200, "A parameter is incorrect"),
    "81104": (200, "Blockchain not supported"),
    "81105": (200, "The wallet could not be verified"),
    "81106": (200, "The address must be in lower case"),
    "81107": (200, "Too many wallet addresses"),
    "81108": (200, "The wallet's type does not match"),
    "81150": (200, "This endpoint does not support the chain"),
    "81157": (200, "Blockchain and address do not match"),
    "81159": (200, "The data is being cached, try again later"),
    "81353": (200, "The address is illegal"),
    "81451": (200, "The node returned an error"),
}


OLD_CODES: Codes = {
    "30001": (400, "The header OK-ACCESS-KEY must not be blank"),
    "30002": (400, "The header OK-ACCESS-SIGN must not be blank"),
    "30003": (400, "The header OK-ACCESS-TIMESTAMP must not be blank"),
    "30004": (400, "The header OK-ACCESS-PASSPHRASE must not be blank"),
    "30005": (400, "Invalid OK-ACCESS-TIMESTAMP"),
    "30006": (401, "Invalid OK-ACCESS-KEY"),
    "30007": (400, "Content-Type has to be application/json"),
    "30008": (400, "The timestamp of the request has expired"),
    "30009": (500, "System error"),
    "30010": (401, "The API's validation failed"),
    "30011": (401, "Invalid IP"),
    "30012": (401, "Invalid authorization"),
    "30013": (401, "Invalid sign"),
    "30014": (429, "Requests are too frequent"),
    "30015": (401, "The header OK-ACCESS-PASSPHRASE is incorrect"),
    "30023": (400, "A parameter must not be blank"),
    "30024": (400, "A parameter is wrong"),
    "30026": (429, "Requests are too frequent for this user"),
    "30032": (503, "The endpoint is under maintenance"),
    "404": (404, "There is no such endpoint"),
}
"""Of version 3, which was superseded in 2021."""

XT_CODES: Codes = {
    "307": (200, "accesskey error"),
    "308": (200, "signature error"),
    "400": (200, "the request's parameters are wrong"),
    "404": (200, "other error"),
}
"""Of the other exchange's version 1; what it answers to whom it has locked out is not documented."""

XT_V4_CODES: Codes = {
    "FAILURE": (200, "fail"),
    "AUTH_001": (200, "missing request header validate-appkey"),
    "AUTH_002": (200, "missing request header validate-timestamp"),
    "AUTH_003": (200, "missing request header validate-recvwindow"),
    "AUTH_004": (200, "bad request header validate-recvwindow"),
    "AUTH_005": (200, "missing request header validate-algorithms"),
    "AUTH_006": (200, "bad request header validate-algorithms"),
    "AUTH_007": (200, "missing request header validate-signature"),
    "AUTH_101": (200, "the key does not exist"),
    "AUTH_102": (200, "the key is not activated"),
    "AUTH_103": (200, "signature error"),
    "AUTH_104": (200, "the request's IP is not bound to the key"),
    "AUTH_105": (200, "outdated message"),
    "AUTH_106": (200, "exceeded the key's permission"),
    "COMMON_002": (200, "system busy, try again later"),
    "404": (404, "there is no such endpoint"),
    "429": (429, "requests are too frequent"),
}
"""Of the other exchange's version 4, which names them in `mc`; the last two are only HTTP statuses."""


class Refusal(Exception):  # noqa: N818 - it is an answer of the protocol, not a defect
    """A request that is answered with an error code. `status` is the HTTP status, `message` the answer's words."""

    def __init__(self, code: str, detail: str = "", table: Codes = CODES) -> None:
        self.code = code
        self.status, words = table[code]
        self.message = f"{words}: {detail}" if detail else words
        super().__init__(f"{code} {self.message}")
