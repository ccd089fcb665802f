"""What stands between a decision and the market: limits, filters, breaker, order ids."""
