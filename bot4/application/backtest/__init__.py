"""A strategy over arrays or recordings, its result, statistics and report."""
