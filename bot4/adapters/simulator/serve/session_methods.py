"""Methods of the WebSocket API that are about the socket itself: logging on and off, user data subscriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bot4.adapters.simulator.wire import kinds
from bot4.adapters.simulator.wire.errors import refusal
from bot4.adapters.simulator.wire.parameters import SIGNING, Parameter, ParameterTable
from bot4.adapters.simulator.wire.signatures import ws_signed_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bot4.adapters.simulator.api.gate import Gate
    from bot4.adapters.simulator.house import House
    from bot4.adapters.simulator.serve.api_peer import ApiPeer
    from bot4.adapters.simulator.wire.signatures import ApiKey

    Method = Callable[["SessionMethods", ApiPeer, Mapping[str, str], int], Any]

WEIGHT = 2
_LIMITS = Parameter("returnRateLimits", kinds.boolean)
_SIGNED = ParameterTable(Parameter("apiKey", kinds.text, required=True), _LIMITS, *SIGNING)
_NOTHING = ParameterTable(_LIMITS)
_ONE = ParameterTable(Parameter("subscriptionId", kinds.long), _LIMITS)
_STATUS = ParameterTable(_LIMITS, *SIGNING)


class SessionMethods:
    """Answers of these methods. Belongs to the event loop's thread.

    Parameters
    ----------
    house : House
    gate : Gate

    """

    def __init__(self, house: House, gate: Gate) -> None:
        self._house = house
        self._gate = gate

    def answer(self, method: Method, peer: ApiPeer, params: Mapping[str, str]) -> Any:
        """Return the result of a method.

        Raises
        ------
        ApiError
            It is refused.

        """
        now_ns = self._house.now_ns()
        budget = self._house.request_budget
        if budget is not None:
            budget.charge(peer.address, WEIGHT, now_ns)
        return method(self, peer, params, now_ns)

    def log_on(self, peer: ApiPeer, params: Mapping[str, str], now_ns: int) -> dict[str, Any]:
        """Authorise the socket by an Ed25519 key."""
        key = self._key(params, now_ns)
        if key.kind != "ed25519":
            raise refusal(-1020)
        peer.log_out(now_ns)
        peer.session, peer.authorised_ns = key, now_ns
        return peer.status(now_ns)

    def status(self, peer: ApiPeer, params: Mapping[str, str], now_ns: int) -> dict[str, Any]:
        """Tell the state of the session."""
        _STATUS.parse(params)
        return peer.status(now_ns)

    def log_out(self, peer: ApiPeer, params: Mapping[str, str], now_ns: int) -> dict[str, Any]:
        """Forget the session's key."""
        _STATUS.parse(params)
        peer.log_out(now_ns)
        return peer.status(now_ns)

    def subscribe(self, peer: ApiPeer, params: Mapping[str, str], _now_ns: int) -> dict[str, int]:
        """Subscribe to the session's account."""
        _NOTHING.parse(params)
        if peer.session is None:
            raise refusal(-2015)
        return {"subscriptionId": peer.subscribe(self._house.accounts[peer.session.account], by_session=True)}

    def subscribe_signed(self, peer: ApiPeer, params: Mapping[str, str], now_ns: int) -> dict[str, int]:
        """Subscribe to the account of a signature."""
        key = self._key(params, now_ns)
        return {"subscriptionId": peer.subscribe(self._house.accounts[key.account], by_session=False)}

    def unsubscribe(self, peer: ApiPeer, params: Mapping[str, str], now_ns: int) -> dict[str, Any]:
        """End one subscription or all."""
        peer.unsubscribe(_ONE.parse(params).get("subscriptionId"), now_ns)
        return {}

    def subscriptions(self, peer: ApiPeer, params: Mapping[str, str], _now_ns: int) -> list[dict[str, int]]:
        """List the subscriptions."""
        _NOTHING.parse(params)
        return peer.subscriptions()

    def _key(self, params: Mapping[str, str], now_ns: int) -> ApiKey:
        _SIGNED.parse(params)
        return self._gate.authorise_key(params, now_ns, params["apiKey"], lambda: ws_signed_text(params).encode())


METHODS: dict[str, Method] = {
    "session.logon": SessionMethods.log_on,
    "session.status": SessionMethods.status,
    "session.logout": SessionMethods.log_out,
    "session.subscriptions": SessionMethods.subscriptions,
    "userDataStream.subscribe": SessionMethods.subscribe,
    "userDataStream.subscribe.signature": SessionMethods.subscribe_signed,
    "userDataStream.unsubscribe": SessionMethods.unsubscribe,
}
