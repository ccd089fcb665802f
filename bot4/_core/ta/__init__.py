"""Streaming features."""
