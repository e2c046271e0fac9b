"""Real servers for tests: PostgreSQL, an SMTP server that can misbehave, a browser."""
