"""Rings, waiters and object pools between threads."""
