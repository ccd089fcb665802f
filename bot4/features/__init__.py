"""Features off the trading path: the engine's own bank over rows that are kept."""
