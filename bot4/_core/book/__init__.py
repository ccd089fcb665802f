"""Order books and their synchronisation with a venue."""
