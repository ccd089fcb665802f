"""One decision pass, the lane of an instrument, the shard that runs them, the feed that drives it."""
