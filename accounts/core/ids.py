"""Random names for rows and statements."""

from __future__ import annotations

import secrets


def new_id() -> str:
    """96 random bits as 16 URL-safe characters. Never handed out twice."""
    return secrets.token_urlsafe(12)
