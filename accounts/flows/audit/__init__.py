"""Search, export and verify the audit log."""
