"""Accounts, orders and their events: what stands between the protocol and the compiled matching engine."""
