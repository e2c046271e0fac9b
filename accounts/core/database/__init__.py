"""Connect to the database and run its statements."""
