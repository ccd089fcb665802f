"""One run from its start to its summary, and what watches over it."""
