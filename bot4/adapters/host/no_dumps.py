"""No core dump of a process that holds keys, and no other process of the same user that reads its memory."""

from __future__ import annotations

import ctypes
import resource

_PR_SET_DUMPABLE = 4


def forbid_dumps() -> bool:
    """Set the core limit to 0 and the process not dumpable; whether the kernel agreed to both."""
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        return bool(ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)
    except (OSError, ValueError, AttributeError):
        return False
