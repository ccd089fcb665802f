"""bot4: an autonomous crypto trading engine."""
