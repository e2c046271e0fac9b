"""Check the token with which metrics are read."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

MIN_TOKEN_CHARACTERS, MAX_TOKEN_CHARACTERS = 32, 512
_BEARER_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*", re.ASCII)
"""What can be sent as ``Authorization: Bearer`` (RFC 6750, section 2.1)."""


def check_metrics_token(value: str) -> str:
    """Return a token that can be used.

    :raises ValueError: it is too short, or no client could send it.
    """
    text = value.strip()
    if not MIN_TOKEN_CHARACTERS <= len(text) <= MAX_TOKEN_CHARACTERS or not _BEARER_TOKEN.fullmatch(text):
        raise ValueError(
            f"must be {MIN_TOKEN_CHARACTERS} to {MAX_TOKEN_CHARACTERS} random characters of A-Z a-z 0-9 - . _ ~ + /; "
            "make one: openssl rand -hex 32"
        )
    return text


MetricsToken = Annotated[str, AfterValidator(check_metrics_token)]
