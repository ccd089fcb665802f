"""What touches the outside world: files, venues, the host. Adapter families do not know each other."""
