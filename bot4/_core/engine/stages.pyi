from enum import IntFlag
from typing import Final

STAGE_NAMES: Final[tuple[str, ...]]

class Stage(IntFlag):
    STAGE_SCAN = 0
    STAGE_BOOK = 1
    STAGE_FEATURES = 2
    STAGE_DECIDE = 3
    STAGE_ORDER = 4
    STAGE_MESSAGE = 5

class StageTimes:
    def __init__(self) -> None: ...
    def percentiles(self) -> dict[str, dict[str, int]]: ...
