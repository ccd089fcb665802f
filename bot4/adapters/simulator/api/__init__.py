"""What can be asked, the same by REST and by WebSocket: one table of endpoints and what each answers."""
