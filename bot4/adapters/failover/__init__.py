"""Who leads, and the journal's copy for who is to lead next: a lease and a mirror in PostgreSQL."""
