"""Name the systems that accounts come from."""

from __future__ import annotations

from collections.abc import Mapping

from accounts.core.security.foreign_hashes import DEVISE, FLASK_SECURITY
from accounts.flows.moving.cells import Cells
from accounts.flows.moving.django import DjangoSource
from accounts.flows.moving.firebase import FirebaseSource
from accounts.flows.moving.keycloak import KeycloakSource
from accounts.flows.moving.source import Source


class DeviseSource(Source):
    """Tables of Devise users. With a pepper, every hash has it."""

    def find_hash(self, cells: Cells) -> str:
        """Return the hash, marked as one that needs the pepper."""
        stored = super().find_hash(cells)
        return f"{DEVISE}{stored}" if stored.startswith("$2") and self.secrets.devise_pepper else stored


class FlaskSecuritySource(Source):
    """Tables of Flask-Security users: what is hashed is the HMAC of the password."""

    def find_hash(self, cells: Cells) -> str:
        """Return the hash, marked as one that needs the salt of the HMAC."""
        stored = super().find_hash(cells)
        return f"{FLASK_SECURITY}{stored}" if stored.startswith("$") else stored


SOURCES: Mapping[str, type[Source]] = {
    "plain": Source,
    "django": DjangoSource,
    "werkzeug": Source,
    "flask-security": FlaskSecuritySource,
    "devise": DeviseSource,
    "firebase": FirebaseSource,
    "keycloak": KeycloakSource,
}
"""How the files of each system are read, by its name."""
