"""Accounts, orders, positions and their events: what stands between the futures protocol and the compiled exchange."""
