"""Small recordings the project makes itself, so that every path is covered without the real data."""
