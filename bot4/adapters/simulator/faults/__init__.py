"""Faults on demand: what goes wrong at real venues, here when it is asked for."""
