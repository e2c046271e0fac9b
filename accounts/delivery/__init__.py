"""Deliver what is in the outbox: emails over SMTP, callbacks over HTTPS."""
