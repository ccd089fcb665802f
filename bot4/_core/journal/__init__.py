"""The write-ahead record of what was decided and what came of it."""
