"""The provider's error codes: the HTTP status that each comes with, and what it says.

Codes, statuses and meanings are the documents'; the words are the sandbox's own.
"""

__all__ = ["CODES", "Refusal"]

CODES: dict[str, tuple[int, str]] = {
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


class Refusal(Exception):  # noqa: N818 - it is an answer of the protocol, not a defect
    """A request that is answered with an error code. `status` is the HTTP status, `message` the answer's `msg`."""

    def __init__(self, code: str, detail: str = "") -> None:
        self.code = code
        self.status, words = CODES[code]
        self.message = f"{words}: {detail}" if detail else words
        super().__init__(f"{code} {self.message}")
