"""A journal, read: projected into tables, reported on, explained."""
