"""One request's way through: let in, looked at once more, answered, paid for.

REST and the WebSocket API differ in how a request is written, not in what happens to it: both come through here.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from bot4.adapters.simulator.api.endpoint import Call, Endpoint, Security
from bot4.adapters.simulator.wire.errors import ApiError, refusal

if TYPE_CHECKING:
    from bot4.adapters.simulator.api.gate import Gate
    from bot4.adapters.simulator.house import House

_log = logging.getLogger("bot4.exchange")


class Dispatcher:
    """Answers calls. Belongs to the event loop's thread.

    Parameters
    ----------
    house : House
    gate : Gate

    """

    def __init__(self, house: House, gate: Gate) -> None:
        self._house = house
        self._gate = gate

    def answer(self, endpoint: Endpoint, call: Call, address: str) -> Any:
        """Return what an endpoint says to a call.

        Raises
        ------
        ApiError
            It refuses.

        """
        if endpoint.security is Security.TRADE:
            self._gate.recheck(call)
            if self._house.faults.is_halted:
                raise refusal(-1016)
        try:
            result = endpoint.answer(self._house, call)
        except ApiError:
            raise
        except Exception:  # noqa: BLE001 - see below
            # A defect of ours: the client is told that nothing is known, the others notice nothing, the log has it all.
            _log.exception("answering %s %s failed", endpoint.method, endpoint.path)
            raise refusal(-1000) from None
        if endpoint.is_free_when_done and self._house.request_budget is not None:
            self._house.request_budget.give_back(address, endpoint.weight_of(call.values), call.now_ns)
        return result
