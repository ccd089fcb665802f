"""Bybit v5: market data of the spot market."""
