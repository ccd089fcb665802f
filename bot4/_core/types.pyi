from enum import IntEnum

class EventKind(IntEnum):
    EVENT_NONE = 0
    EVENT_DEPTH_BEGIN = 1
    EVENT_DEPTH_LEVEL = 2
    EVENT_TRADE = 3
    EVENT_AGG_TRADE = 4
    EVENT_QUOTE = 5
    EVENT_BAR_PRICES = 6
    EVENT_BAR_FLOW = 7
    EVENT_GAP_MARK = 8
    EVENT_ORDER_ACK = 16
    EVENT_ORDER_FILL = 17
    EVENT_ORDER_CANCELED = 18
    EVENT_ORDER_REJECTED = 19
    EVENT_ORDER_EXPIRED = 20
    EVENT_CANCEL_REJECTED = 21
    EVENT_ORDER_SENT = 22
    EVENT_ORDER_DROPPED = 23
    EVENT_ORDER_UNKNOWN = 24
    EVENT_ORDER_RESOLVED_ABSENT = 25
    EVENT_ORDER_TOTAL = 26
    EVENT_TIMER = 32
    EVENT_CONTROL = 33

class Flag(IntEnum):
    FLAG_FIRST = 1
    FLAG_LAST = 2
    FLAG_SNAPSHOT = 4
    FLAG_BUYER_IS_MAKER = 8
    FLAG_PARTIAL_BOOK = 16
    FLAG_FUTURES = 32
    FLAG_BAR_CLOSED = 64
    FLAG_MAKER = 128

class Side(IntEnum):
    SIDE_BUY = 0
    SIDE_SELL = 1

class IntentAction(IntEnum):
    ACTION_PLACE = 0
    ACTION_CANCEL = 1
    ACTION_CANCEL_ALL = 2

class OrderType(IntEnum):
    ORDER_LIMIT = 0
    ORDER_MARKET = 1

class TimeInForce(IntEnum):
    TIF_GTC = 0
    TIF_IOC = 1
    TIF_FOK = 2

class IntentFlag(IntEnum):
    INTENT_POST_ONLY = 1
    INTENT_REDUCE_ONLY = 2

class ContractKind(IntEnum):
    CONTRACT_SPOT = 0
    CONTRACT_LINEAR = 1
    CONTRACT_INVERSE = 2

def event_size() -> int: ...
def money_round_trip(amount: int) -> int: ...
