"""From features to an order: signals, regime, expected value, size and stops. Compiled, pure, allocation-free."""
