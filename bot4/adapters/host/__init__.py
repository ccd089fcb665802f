"""The machine bot4 runs on."""
