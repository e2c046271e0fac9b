"""The whole: real processes, real sockets, a real browser."""
