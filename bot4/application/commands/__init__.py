"""Commands: what can be asked of a run, the bus that carries it, the trail it leaves."""
