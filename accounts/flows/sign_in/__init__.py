"""Authenticate: password, magic link, step-up."""
