"""Answer support questions: accounts, email, limits, dead letters."""
