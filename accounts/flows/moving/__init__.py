"""Moving: accounts come in from other systems, go out as files, change databases, and come back from backups."""
