"""USD-M futures: what they have that the spot market has not; doors, streams and matching are shared with it."""
