"""What the application needs of the outside world, as protocols."""
