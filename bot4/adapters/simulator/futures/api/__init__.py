"""What the futures can be asked, the same by REST and by WebSocket."""
