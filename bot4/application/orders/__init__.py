"""Orders at the venue: the board of what is known of each, how they are sent, found again and reported."""
