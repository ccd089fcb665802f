from enum import IntEnum

from typing_extensions import Buffer

class WsVerdict(IntEnum):
    WS_MORE = 0
    WS_TEXT = 1
    WS_BINARY = 2
    WS_PING = 3
    WS_PONG = 4
    WS_CLOSE = 5
    WS_BAD_FRAME = 6
    WS_BAD_FRAGMENT = 7
    WS_TOO_BIG = 8

class WebSocketReader:
    def __init__(self, message_bytes_max: int = ...) -> None: ...
    def clear(self) -> None: ...
    def room(self) -> memoryview: ...
    def took(self, count: int) -> None: ...
    def take(self, data: Buffer) -> None: ...
    def next(self) -> tuple[WsVerdict, bytes] | None: ...
    @property
    def counters(self) -> dict[str, int]: ...
