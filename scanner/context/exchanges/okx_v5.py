"""OKX's funding account, interface v5: signed, paced and judged as all of OKX's endpoints are.

Documented at https://www.okx.com/docs-v5/en/#funding-account-rest-api-get-balance; 6 requests a second for a user.
"""

from datetime import UTC, datetime

import aiohttp
import msgspec

from scanner.context.exchanges.accounts import Access, advised
from scanner.context.exchanges.answers import amount_of, held
from scanner.domain.assets import Account
from scanner.errors import Reason, Trouble
from scanner.okx.client import Effort, OkxClient, OkxSettings, Request
from scanner.okx.pacing import Ledger
from scanner.okx.signing import Credentials

__all__ = ["OkxV5"]

BASE_URL = "https://www.okx.com"
REQUESTS_PER_SECOND = 5.0
BALANCES = Request("GET", "/api/v5/asset/balances")


class _Balance(msgspec.Struct):
    ccy: str
    bal: msgspec.Raw = msgspec.Raw(b"")


_decode = msgspec.json.Decoder(list[_Balance]).decode


class OkxV5:
    """A funding account. The session is the caller's."""

    def __init__(self, access: Access, session: aiohttp.ClientSession, ledger: Ledger) -> None:
        settings = OkxSettings(
            base_url=access.base_url or BASE_URL,
            requests_per_second=REQUESTS_PER_SECOND,
            timeout=access.timeout,
            patience=access.timeout,
        )
        credentials = Credentials(access.key, access.secret, access.passphrase)
        self._access = access
        self._client = OkxClient(session, credentials, settings, ledger)

    async def read(self) -> Account:
        """What the account holds."""
        answer = await self._client.call(BALANCES, Effort(patience=self._client.settings.patience))
        rows = _rows(answer)
        trouble = advised(rows, self._access) if isinstance(rows, Trouble) else None
        amounts = {} if isinstance(rows, Trouble) else held({row.ccy: amount_of(row.bal) for row in rows})
        return Account(self._access.name, amounts, datetime.fromtimestamp(self._client.now(), UTC), trouble)


def _rows(answer: msgspec.Raw | Trouble) -> list[_Balance] | Trouble:
    if isinstance(answer, Trouble):
        return answer
    try:
        return _decode(answer)
    except msgspec.DecodeError:
        return Trouble(Reason.PROTOCOL, "OKX gave balances of another shape than documented")
