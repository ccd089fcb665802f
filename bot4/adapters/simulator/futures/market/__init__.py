"""What the futures tell of their markets: mark prices, books, trades, and their streams."""
