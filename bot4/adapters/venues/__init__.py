"""One room a venue."""
