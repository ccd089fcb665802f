"""Words of the simulated exchange: verdicts, order kinds, states and reasons (plain numbers in every record)."""


# 32 to 41 are the numbers of FilterVerdict (bot4/_core/risk/filters.pxd).
cpdef enum ExchangeVerdict:
    VERDICT_OK = 0
    # Refused before anything happened: the exchange's own bounds.
    VERDICT_LOG_FULL = 1              # the reports of this request might not fit: take the reports first
    VERDICT_ORDERS_FULL = 2           # max_orders are open
    VERDICT_BOOK_FULL = 3             # no room for another price level on this side
    # Refused as a broken request.
    VERDICT_UNKNOWN_SYMBOL = 4
    VERDICT_UNKNOWN_ACCOUNT = 5
    VERDICT_NOT_TRADING = 6           # the symbol's status
    VERDICT_BAD_SIDE = 7
    VERDICT_BAD_TYPE = 8
    VERDICT_BAD_TIF = 9               # not one this type takes
    VERDICT_BAD_QUANTITY = 10
    VERDICT_BAD_PRICE = 11
    VERDICT_BAD_STOP = 12             # stop price or trailing delta missing, or not for this type
    VERDICT_BAD_ICEBERG = 13          # iceberg exceeds the quantity, or the type or time in force takes none
    VERDICT_BAD_STP = 14
    VERDICT_BAD_FLAGS = 15
    VERDICT_BAD_EXPIRY = 16
    VERDICT_BAD_LIST = 17             # legs that make no list
    VERDICT_UNKNOWN_ASSET = 18
    VERDICT_BAD_AMOUNT = 19
    VERDICT_BAD_KIND = 20             # of a request row
    VERDICT_REDUCE_ONLY = 21          # spot has no positions to reduce
    # The venue's filters.
    VERDICT_PRICE_FILTER = 32
    VERDICT_LOT_SIZE = 33
    VERDICT_MARKET_LOT_SIZE = 34
    VERDICT_MAX_NUM_ORDERS = 35
    VERDICT_MAX_POSITION = 36
    VERDICT_PERCENT_PRICE = 37
    VERDICT_PERCENT_PRICE_BY_SIDE = 38
    VERDICT_MIN_NOTIONAL = 39
    VERDICT_NOTIONAL = 40
    VERDICT_NO_REFERENCE = 41
    VERDICT_ICEBERG_PARTS = 42
    VERDICT_MAX_NUM_ALGO_ORDERS = 43
    VERDICT_MAX_NUM_ICEBERG_ORDERS = 44
    VERDICT_MAX_NUM_ORDER_LISTS = 45
    VERDICT_TRAILING_DELTA = 46
    VERDICT_MAX_NUM_ORDER_AMENDS = 47
    VERDICT_EXCHANGE_MAX_NUM_ORDERS = 48
    VERDICT_EXCHANGE_MAX_NUM_ALGO_ORDERS = 49
    VERDICT_EXCHANGE_MAX_NUM_ICEBERG_ORDERS = 50
    VERDICT_EXCHANGE_MAX_NUM_ORDER_LISTS = 51
    # Refused by the matching engine.
    VERDICT_DUPLICATE_ORDER = 64      # client_key of an order the account has open
    VERDICT_INSUFFICIENT_BALANCE = 65
    VERDICT_WOULD_MATCH = 66          # LIMIT_MAKER that would take
    VERDICT_WOULD_TRIGGER = 67        # stop that the last price has reached
    VERDICT_LIST_PRICES = 68          # prices of an OCO's legs
    VERDICT_LIST_TYPES = 69           # types of an OCO's legs
    VERDICT_UNKNOWN_ORDER = 70
    VERDICT_LIQUIDITY_BELOW_LOT = 71  # a quote amount buys less than the least quantity of what the book offers
    VERDICT_NO_CHANGE = 72            # amend to the same quantity
    VERDICT_AMEND_QUANTITY = 73       # amend upwards, or to what is executed already
    VERDICT_AMEND_NOT_RESTING = 74
    VERDICT_CANCEL_RESTRICTED = 75    # ONLY_NEW or ONLY_PARTIALLY_FILLED not met
    VERDICT_STP_NOT_ALLOWED = 76      # the symbol does not allow this mode
    VERDICT_NOT_ATTEMPTED = 77        # the new order of a cancel-replace whose cancel failed
    # Perpetuals (docs/exchange-margin.md).
    VERDICT_INSUFFICIENT_MARGIN = 96  # what the order would add exceeds what is available
    VERDICT_POSITION_SIDE = 97        # LONG or SHORT in one-way mode, or neither in hedge mode
    VERDICT_MAX_POSITION_AT_LEVERAGE = 98  # position and orders above the greatest notional of the leverage
    VERDICT_LEVERAGE_POSITION = 99    # a leverage that the position and orders are too large for
    VERDICT_BAD_LEVERAGE = 100
    VERDICT_OPEN_ORDERS = 101         # a setting that must wait until there are none
    VERDICT_OPEN_POSITION = 102
    VERDICT_ISOLATED_LEVERAGE = 103   # lower leverage of an open isolated position
    VERDICT_NOT_ISOLATED = 104
    VERDICT_NO_POSITION = 105
    VERDICT_NO_MARK = 106             # no mark price was set yet
    VERDICT_NOT_PERPETUAL = 107       # a request of perpetuals on a spot symbol


cpdef enum ExchangeOrderType:
    TYPE_LIMIT = 0
    TYPE_MARKET = 1
    TYPE_LIMIT_MAKER = 2
    TYPE_STOP_LOSS = 3
    TYPE_STOP_LOSS_LIMIT = 4
    TYPE_TAKE_PROFIT = 5
    TYPE_TAKE_PROFIT_LIMIT = 6


# The first three are TimeInForce of bot4/_core/types.pxd.
cpdef enum ExchangeTimeInForce:
    TIME_GTC = 0
    TIME_IOC = 1
    TIME_FOK = 2
    TIME_GTD = 3      # until expire_ns


cpdef enum OrderFlag:
    ORDER_REDUCE_ONLY = 1
    ORDER_ALLOW_FAILURE = 2           # cancel-replace: place the new order even where the cancel fails
    ORDER_PRICE_PROTECT = 2           # algo orders of perpetuals: wait while last and mark price are far apart
    ORDER_ONLY_NEW = 4                # cancel only what has no fill
    ORDER_ONLY_PARTIALLY_FILLED = 8   # cancel only what has a fill
    ORDER_CLOSE_POSITION = 16         # algo orders of perpetuals: close what there is, no quantity
    ORDER_MARK_PRICE = 32             # algo orders of perpetuals: wait for the mark price, not the last
    ORDER_LONG = 64                   # position of hedge mode
    ORDER_SHORT = 128


cpdef enum ExchangeOrderStatus:
    STATUS_NEW = 0
    STATUS_PARTIALLY_FILLED = 1
    STATUS_FILLED = 2
    STATUS_CANCELED = 3
    STATUS_REJECTED = 4
    STATUS_EXPIRED = 5
    STATUS_EXPIRED_IN_MATCH = 6
    STATUS_PENDING_NEW = 7            # waits for the working order of its list


cpdef enum ExecutionType:
    EXECUTION_NEW = 0
    EXECUTION_CANCELED = 1
    EXECUTION_REPLACED = 2
    EXECUTION_REJECTED = 3
    EXECUTION_TRADE = 4
    EXECUTION_EXPIRED = 5
    EXECUTION_TRADE_PREVENTION = 6
    EXECUTION_LIST_STATUS = 7         # not an order's: the state of an order list
    EXECUTION_BALANCE = 8             # not an order's: free and locked of one asset after the request
    # Of perpetuals (docs/exchange-margin.md).
    EXECUTION_ALGO = 9                # state of an algo order
    EXECUTION_POSITION = 10           # a position after the request
    EXECUTION_FUNDING = 11
    EXECUTION_MARGIN_CALL = 12
    EXECUTION_INSURANCE = 13          # the house paid a lost margin or took a position over


cpdef enum ExecutionReason:
    REASON_NONE = 0
    # Of a rejection.
    REASON_INSUFFICIENT_BALANCES = 1
    REASON_STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY = 2
    REASON_WOULD_MATCH_IMMEDIATELY = 3
    REASON_OCO_BAD_PRICES = 4
    # Of an expiry.
    REASON_REJECTED = 16              # triggered or activated, then refused by the book or for want of funds
    REASON_EXCHANGE_CANCELED = 17     # no room in the book; end of a GTD order's time
    REASON_OCO_TRIGGER = 18           # the other leg traded or triggered
    REASON_OTO_PHASE_ONE_EXPIRED = 19  # the working order closed without filling
    REASON_UNFILLED_IOC_QUANTITY_EXPIRED = 20
    REASON_UNFILLED_FOK_ORDER_EXPIRED = 21
    REASON_INSUFFICIENT_LIQUIDITY = 22
    REASON_EXECUTION_RULE_PRICE_RANGE_EXCEEDED = 23
    # Of perpetuals.
    REASON_REDUCE_ONLY = 24           # the position it would reduce is smaller or gone
    REASON_LIQUIDATION = 25
    REASON_COUNTDOWN = 26             # of a cancel: countdown_cancel_all
    REASON_CAUSE_FUNDING = 64         # of a position or balance record
    REASON_CAUSE_MARGIN_TRANSFER = 65
    REASON_CAUSE_LIQUIDATION = 66


cpdef enum ListKind:
    LIST_NONE = 0
    LIST_OCO = 1
    LIST_OTO = 2
    LIST_OTOCO = 3


cpdef enum ListStatus:
    LIST_STATUS_RESPONSE = 0
    LIST_STATUS_EXEC_STARTED = 1
    LIST_STATUS_ALL_DONE = 2
    LIST_STATUS_UPDATED = 3


cpdef enum ListOrderStatus:
    LIST_ORDER_EXECUTING = 0
    LIST_ORDER_ALL_DONE = 1
    LIST_ORDER_REJECT = 2


cpdef enum SymbolStatus:
    SYMBOL_TRADING = 0
    SYMBOL_HALT = 1
    SYMBOL_CANCEL_ONLY = 2


cpdef enum RequestKind:
    REQUEST_PLACE = 0
    REQUEST_CANCEL = 1                # order_id
    REQUEST_CANCEL_ALL = 2            # account and symbol
    REQUEST_CANCEL_REPLACE = 3        # order_id is canceled, the rest is the new order
    REQUEST_AMEND = 4                 # order_id, qty_lots
    REQUEST_ADVANCE = 5               # now_ns
    REQUEST_OCO = 6                   # one leg; the other in a REQUEST_LEG row behind it
    REQUEST_OTO = 7                   # the working order; one REQUEST_LEG row behind it
    REQUEST_OTOCO = 8                 # the working order; two REQUEST_LEG rows behind it
    REQUEST_LEG = 9
    REQUEST_DEPOSIT = 10              # account, quote_atoms of asset `symbol`
    REQUEST_WITHDRAW = 11
    # Perpetuals only.
    REQUEST_MARK = 12                 # symbol; price_ticks: mark price, stop_ticks: index price, in mark ticks
    REQUEST_FUNDING = 13              # symbol; qty_lots: rate in parts of 10^8, expire_ns: next funding time
    REQUEST_ALGO = 14                 # a conditional order of a perpetual
    REQUEST_ALGO_CANCEL = 15          # order_id: the algo id
    REQUEST_ALGO_CANCEL_ALL = 16
    REQUEST_MODIFY = 17               # order_id, qty_lots, price_ticks
    REQUEST_LEVERAGE = 18             # qty_lots
    REQUEST_MARGIN_TYPE = 19          # qty_lots: 1 isolated, 0 cross
    REQUEST_POSITION_MODE = 20        # qty_lots: 1 hedge, 0 one-way
    REQUEST_ADJUST_MARGIN = 21        # quote_atoms, flags: position
    REQUEST_COUNTDOWN = 22            # expire_ns: deadline; 0: none
