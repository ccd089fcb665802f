"""Where a person or a program comes in: the command line and, later, the served interfaces."""
