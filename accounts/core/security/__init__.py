"""Judge input and guard resources: passwords, addresses, limits, outbound requests."""
