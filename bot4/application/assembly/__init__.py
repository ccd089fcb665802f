"""From settings to an engine with its lanes, limits, features and opening amounts."""
