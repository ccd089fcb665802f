"""Real orders: the gateway, what it knows of each order, and what the venue is asked."""
