"""What the trade is made of, in exact figures: standard library only above the compiled core."""
