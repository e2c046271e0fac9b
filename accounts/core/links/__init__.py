"""Open mailed links: what a kind of link does, and whether one is still valid."""
