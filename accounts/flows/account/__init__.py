"""Create, change and close an account."""
