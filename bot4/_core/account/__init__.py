"""Positions and balances in exact integers."""
