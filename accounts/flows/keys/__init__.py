"""Report what signing keys protect."""
