"""Answer support questions: accounts, mail, limits, dead letters."""
