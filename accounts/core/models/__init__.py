"""Map the tables."""
