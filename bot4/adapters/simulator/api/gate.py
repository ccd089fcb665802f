"""Who is let in: parameters, keys, signatures, timing and weight of every request, whatever way it came.

What is looked at, in order: whether the address is banned; the parameters that make a request signed; its time; its
key; its signature; the key's rights; then the endpoint's own parameters, and the weight they make. A request that is
refused costs the least weight there is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bot4.adapters.simulator.api.endpoint import Call, Endpoint, Security
from bot4.adapters.simulator.wire.errors import ApiError, refusal
from bot4.adapters.simulator.wire.kinds import moment_ns, recv_window_ns
from bot4.adapters.simulator.wire.timing import DEFAULT_WINDOW_NS, check_timing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot4.adapters.simulator.house import House
    from bot4.adapters.simulator.wire.signatures import ApiKey

_is_key_name = re.compile(r"[!-~]{1,128}", re.ASCII).fullmatch
_REFUSED_WEIGHT = 1


class Gate:
    """Lets requests in. Belongs to the event loop's thread.

    Parameters
    ----------
    house : House

    """

    def __init__(self, house: House) -> None:
        self._house = house

    def admit(
        self,
        endpoint: Endpoint,
        sent: Mapping[str, str],
        *,
        address: str,
        unit: int,
        key_name: str | None,
        payload: Callable[[], bytes],
        session: ApiKey | None = None,
    ) -> Call:
        """Return the call of a request.

        Parameters
        ----------
        endpoint : Endpoint
            What it asks for.
        sent : mapping of str to str
            Its parameters as texts.
        address : str
            Where it came from.
        unit : int
            Nanoseconds of the time unit of the answer.
        key_name : str or None
            The key it names.
        payload : callable
            Makes the text its signature covers.
        session : ApiKey, optional
            Of a WebSocket that is logged on: its requests need no signature.

        Raises
        ------
        ApiError
            It is refused.

        """
        house = self._house
        now_ns = house.now_ns()
        budget = house.request_budget
        try:
            key = None
            if endpoint.security is not Security.NONE:
                if endpoint.security is Security.USER_STREAM:
                    key = self._named_key(key_name)
                elif session is not None and key_name is None and "signature" not in sent:
                    self._check_time(sent, now_ns)
                    key = session
                else:
                    key = self.authorise_key(sent, now_ns, key_name, payload)
                if endpoint.security is Security.TRADE and not key.may_trade:
                    raise refusal(-2015)
            values = endpoint.parameters.parse(sent)
        except ApiError:
            if budget is not None:
                budget.charge(address, _REFUSED_WEIGHT, now_ns)
            raise
        if budget is not None:
            budget.charge(address, endpoint.weight_of(values), now_ns)
        account = None if key is None else house.accounts[key.account]
        if endpoint.places and account is not None and account.budget is not None:
            account.budget.check(endpoint.places, now_ns)
        return Call(values, now_ns, unit, account, key)

    def recheck(self, call: Call) -> None:
        """Look at the time once more, just before the matching engine.

        Raises
        ------
        ApiError
            -1021: the request waited too long.

        """
        sent_ns = call.values.get("timestamp")
        if sent_ns is not None:
            check_timing(sent_ns, call.values.get("recvWindow", DEFAULT_WINDOW_NS), self._house.now_ns())

    def authorise_key(
        self, sent: Mapping[str, str], now_ns: int, key_name: str | None, payload: Callable[[], bytes]
    ) -> ApiKey:
        """Return the key of a signed request.

        Raises
        ------
        ApiError
            -1102, -1021, -1022, -2014 or -2015.

        """
        if not key_name:
            raise refusal(-2014)
        if not sent.get("signature"):
            raise refusal(-1102, "signature")
        self._check_time(sent, now_ns)
        key = self._named_key(key_name)
        if not key.verify(payload(), sent["signature"]):
            raise refusal(-1022)
        return key

    def _named_key(self, key_name: str | None) -> ApiKey:
        if not key_name or not _is_key_name(key_name):
            raise refusal(-2014)
        key = self._house.keys.get(key_name)
        if key is None:
            raise refusal(-2015)
        return key

    @staticmethod
    def _check_time(sent: Mapping[str, str], now_ns: int) -> None:
        text = sent.get("timestamp")
        if not text:
            raise refusal(-1102, "timestamp")
        window = sent.get("recvWindow")
        window_ns = recv_window_ns("recvWindow", window) if window else DEFAULT_WINDOW_NS
        check_timing(moment_ns("timestamp", text), window_ns, now_ns)
