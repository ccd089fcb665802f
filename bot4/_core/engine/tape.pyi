import numpy as np
from numpy.typing import NDArray

MARK_DTYPE: np.dtype[np.void]
REFUSAL_DTYPE: np.dtype[np.void]

class TapeKeeper:
    def __init__(self) -> None: ...
    @property
    def lost(self) -> int: ...
    def rows(self, name: str) -> NDArray[np.void]: ...
