"""The served exchange: the compiled matching engine behind Binance's spot protocol, REST and WebSocket on one port."""
