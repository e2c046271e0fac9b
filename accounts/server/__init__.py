"""Serve a WSGI app with waitress, whole requests only: a thread is taken for what is there to its last byte.

What waitress leaves open is here: deadlines, limits by route, places for connections, and the end. Knows nothing of
accounts: an app goes in.
"""
