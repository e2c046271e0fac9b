"""Sites without a web server."""

from __future__ import annotations

from typing import Any

from accounts.config import Settings
from accounts.core.link_kinds.signer import LinkSigner
from accounts.core.signing.keys import KeyRing
from accounts.core.signing.tokens import TokenSigner
from accounts.core.site import Site
from accounts.flows import LINKS, TOKENS
from tests.conftest import KEY

ISSUER = "https://ac.example.org"


def make_signer(*keys: str, issuer: str = ISSUER) -> TokenSigner:
    return TokenSigner(KeyRing(keys or (KEY,)), issuer)


def make_link_signer(*keys: str) -> LinkSigner:
    return LinkSigner(make_signer(*keys), ISSUER, {})


def make_site(database: str, **changes: Any) -> Site:
    """Return a site on a migrated database; close its store."""
    values = {"database_url": database, "secret_keys": [KEY]} | changes
    environ = {f"ACCOUNTS_{name.upper()}": value for name, value in values.items()}
    return Site(Settings.load(environ), LINKS, tokens=TOKENS)
