"""The simulated venue: paper matching, fees, latency, random numbers."""
