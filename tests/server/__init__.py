"""Tests of the HTTP server: over real sockets, with apps of a few lines."""
