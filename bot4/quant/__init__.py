"""Statistics and market models: numbers in, numbers out."""
