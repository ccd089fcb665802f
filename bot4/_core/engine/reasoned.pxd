"""The reasoned policy's decision: exits first, then what works, then an entry that can say why."""

from libc.stdint cimport int64_t

from bot4._core.account.contract cimport ContractSpec
from bot4._core.account.positions cimport Position
from bot4._core.engine.decide cimport DecisionState, Exposure, Policy
from bot4._core.engine.outlook cimport Reasoned
from bot4._core.types cimport OrderIntent, TopOfBook


# DecisionVerdict. With an intent, or a refusal that is to be journalled, `reasoned.reasons` says why.
cdef int reasoned_decide(Reasoned* reasoned, const Policy* policy, DecisionState* state, const TopOfBook* top,
                         const Exposure* exposure, const ContractSpec* spec, const Position* position, int64_t now_ns,
                         OrderIntent* out) noexcept nogil
