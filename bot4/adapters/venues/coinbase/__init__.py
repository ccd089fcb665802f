"""Coinbase Advanced: market data of the spot market."""
