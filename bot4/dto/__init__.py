"""Shapes on the wire and in storage, to and from the domain."""
