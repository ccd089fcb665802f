"""Strategies: how one is written, and examples of each way (docs/strategy.md)."""
