"""Requests over HTTPS: one attempt each, explicit timeouts, never a retry of something that might have happened."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson

from bot4.adapters.venues.binance.access import Operation, Success, over_budget
from bot4.adapters.venues.binance.budget import RateBudget, Refusal
from bot4.adapters.venues.binance.errors import ErrorTable, translate
from bot4.adapters.venues.binance.sign import encode_query, signed_query
from bot4.domain.errors import RejectReason
from bot4.ports.exchange import always_admit
from bot4.ports.venue_outcome import Reject, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot4.adapters.venues.binance.access import Credentials, Endpoints

_S = 1_000_000_000
_BODY_BYTES_MAX = 64 * 1024 * 1024  # an exchangeInfo of every symbol has about 20 MB
_DEFAULT_PENALTY_S = 60.0  # a 429 that does not say when to come back: the longest window of weight


class RestClient:
    """Signed and public requests to one REST base.

    Parameters
    ----------
    endpoints : Endpoints
    credentials : Credentials or None
        None: public requests only.
    budget : RateBudget
        Shared with every other way to the same venue.
    table : ErrorTable
        Of this market.
    timeout_s : float
        For one request as a whole; connecting takes at most a third of it.

    One event loop, between `start` and `close`.

    """

    def __init__(
        self,
        endpoints: Endpoints,
        credentials: Credentials | None,
        budget: RateBudget,
        table: ErrorTable,
        *,
        timeout_s: float = 6.0,
    ) -> None:
        self._endpoints = endpoints
        self._credentials = credentials
        self._budget = budget
        self._table = table
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, connect=timeout_s / 3)
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the pool of connections; nothing is sent yet."""
        connector = aiohttp.TCPConnector(ssl=self._endpoints.tls(), limit=8)
        # No cookies, no proxies of the environment: a request goes where the settings say or nowhere.
        self._session = aiohttp.ClientSession(
            connector=connector, timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
        )

    async def close(self) -> None:
        """Close the pool."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def call(
        self, operation: Operation, params: Mapping[str, str], *, admit: Callable[[], bool] = always_admit
    ) -> Success | Reject | Unknown:
        """Send one request and tell what came of it; raises nothing but for broken calls."""
        if self._session is None:
            return Reject(reason=RejectReason.NOT_CONNECTED, message="not started", was_sent=False)
        grant = self._budget.try_take(operation.costs(by_rest=True), operation.purpose)
        if isinstance(grant, Refusal):
            return over_budget(grant)
        query, headers = self._signed(operation, params)
        if not admit():
            self._budget.settle(grant, counts=False)
            return Reject(reason=RejectReason.NOT_ADMITTED, was_sent=False)
        try:
            async with self._session.request(
                operation.http_method,
                # The query is signed as it stands: nothing may encode it again.
                _exact_url(self._endpoints.rest, operation.path, query),
                headers=headers,
                allow_redirects=False,
            ) as response:
                body = await response.content.read(_BODY_BYTES_MAX + 1)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._budget.settle(grant)
            return Unknown(f"no answer from {operation.path}: {type(error).__name__}")
        self._budget.settle(grant)
        self._budget.note_headers(response.headers)
        return self._judge(operation, response.status, response.headers, body)

    def _signed(self, operation: Operation, params: Mapping[str, str]) -> tuple[str, dict[str, str]]:
        if not operation.is_signed and not operation.needs_key:
            return encode_query(params), {}
        credentials = self._credentials
        if credentials is None:
            raise ValueError(f"{operation.path} needs a key, and there are no credentials")
        headers = {"X-MBX-APIKEY": credentials.api_key.reveal().decode("ascii")}
        if not operation.is_signed:
            return encode_query(params), headers
        return signed_query(credentials.stamped(params), credentials.signer), headers

    def _judge(
        self, operation: Operation, status: int, headers: Mapping[str, str], body: bytes
    ) -> Success | Reject | Unknown:
        payload = parse_json(body)
        if status == HTTPStatus.OK:
            if payload is None:
                return Unknown(f"an answer of {operation.path} that is not JSON")
            return Success(payload)
        code, message = error_of(payload)
        retry_after_s = _seconds(headers.get("Retry-After"))
        if status in {HTTPStatus.TOO_MANY_REQUESTS, 418}:
            retry_after_s = retry_after_s if retry_after_s is not None else _DEFAULT_PENALTY_S
            self._budget.close_until(self._budget.now_ns() + int(retry_after_s * _S), is_ban=status == 418)  # noqa: PLR2004
        outcome = translate(self._table, status=status, code=code, message=message, retry_after_s=retry_after_s)
        if isinstance(outcome, Reject) and outcome.reason is RejectReason.CLOCK_SKEW and self._credentials is not None:
            self._credentials.clock.forget()
        return outcome


def parse_json(body: bytes | str) -> Any:
    """Return the parsed text, or None where it is no JSON or too long."""
    if len(body) > _BODY_BYTES_MAX:
        return None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def error_of(payload: Any) -> tuple[int | None, str]:
    """Return code and message of an error's body; None where there is no code."""
    if isinstance(payload, dict) and isinstance(payload.get("code"), int):
        return payload["code"], str(payload.get("msg", ""))
    return None, ""


def _exact_url(base: str, path: str, query: str) -> Any:
    from yarl import URL  # noqa: PLC0415 - comes with aiohttp

    return URL(f"{base.rstrip('/')}{path}{'?' if query else ''}{query}", encoded=True)


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdigit() else None
