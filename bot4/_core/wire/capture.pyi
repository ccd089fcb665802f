from enum import IntEnum

class CaptureFormat(IntEnum):
    CAPTURE_FORMAT_STAMPED = 0
    CAPTURE_FORMAT_CRYPTOFEED = 1
    CAPTURE_FORMAT_BARE = 2

class CaptureVerdict(IntEnum):
    CAPTURE_FRAME = 0
    CAPTURE_REST = 1
    CAPTURE_SKIPPED = 2
    CAPTURE_BAD = 3
    CAPTURE_MORE = 4

def split_capture(
    data: bytes | bytearray | memoryview, format: int, limit: int = -1
) -> list[tuple[int, int, int, int, int]]: ...
def count_capture(data: bytes | bytearray | memoryview, format: int) -> tuple[int, int, int, int, int]: ...
def rest_symbol(line: bytes) -> str | None: ...
def stamp_ns(text: str | bytes) -> int: ...
