"""What bot4 does: commands, sessions, projections. Knows ports, never adapters."""
