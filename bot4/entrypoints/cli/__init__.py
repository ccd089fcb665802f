"""The command `bot4`. Heavy imports wait until a command needs them: `bot4 --help` answers at once."""
