"""Explain why a link does not work (the link doctor)."""
