"""Slow, plain-Python twins of the compiled kernels: written for reading, not for speed."""
