"""A market made up from a seed, for trying bot4 without a network."""
