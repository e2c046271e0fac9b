"""Provide what flows are built of. Nothing in this package imports Flask."""
