"""Bytes of venues and files to events."""
