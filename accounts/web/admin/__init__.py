"""Serve the pages and JSON of administration."""
