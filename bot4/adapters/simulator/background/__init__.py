"""Who trades when no client does: the market that is always there."""
