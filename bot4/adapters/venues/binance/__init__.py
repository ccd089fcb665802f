"""Binance: order entry and account of the spot market and of USD-M futures; market data."""
