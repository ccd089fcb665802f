"""What a strategy has to show: selection judged out of sample, parity, and the check before real orders."""
