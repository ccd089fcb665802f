"""The brain over arrays, for research and tests: nothing of it is called by other compiled modules."""
