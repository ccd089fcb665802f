"""Stores: where runs, orders and fills are kept."""
