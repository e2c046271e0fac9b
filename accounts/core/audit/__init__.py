"""Keep the audit log."""
