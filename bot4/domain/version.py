"""The version, here and nowhere else: the build, the command line and every summary read it."""

VERSION = "0.1.0"
