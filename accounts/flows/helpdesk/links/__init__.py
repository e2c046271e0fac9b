"""Explain why a link is dead."""
