# Delivery from sockets has no Python face: the feed uses it, and shows its counters.
