# The table of working orders has no Python face: the shard alone uses it.
