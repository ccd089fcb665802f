"""What a run keeps for its next life, and how that life gets it back."""
