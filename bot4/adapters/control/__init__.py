"""A run's local control endpoint."""
