"""Hold what several flows need."""
