"""Inviting by lists: reading and judging one, sending it, and looking through what was sent."""
