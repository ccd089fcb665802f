"""What the exchange publishes of its markets: trades, bars, tickers, books and the streams they go out on."""
