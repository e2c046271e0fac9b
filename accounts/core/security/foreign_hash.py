"""Describe one hash of another system, as far as it can be verified here, and the secrets that such hashes need."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field

log = logging.getLogger("accounts")
DEVISE, FLASK_SECURITY, FIREBASE = "devise", "flask-security", "firebase"
SETTING_OF_SYSTEM = {DEVISE: "devise_pepper", FLASK_SECURITY: "flask_security_salt", FIREBASE: "firebase_signer_key"}
"""The settings that hold what the hashes of a system alone do not say."""


@dataclass(frozen=True, slots=True)
class ForeignSecrets:
    """The secrets that other systems mixed into their hashes; None where one is not set."""

    devise_pepper: str | None = field(default=None, repr=False)
    flask_security_salt: str | None = field(default=None, repr=False)
    firebase_signer_key: str | None = field(default=None, repr=False)


PasswordCheck = Callable[[str, str], bool]
"""Whether a password is right, given the password and the old system's secret ("" where it has none)."""


@dataclass(frozen=True, slots=True)
class ForeignHash:
    """A hash of another system that can be verified here.

    :ivar format: its name for admins, such as ``Django pbkdf2_sha256``.
    :ivar setting: the setting without which it cannot be verified; "" for none.
    """

    format: str
    check: PasswordCheck = field(repr=False)
    setting: str = ""

    def matches(self, password: str, secrets: ForeignSecrets) -> bool:
        """Return whether the password is right, as it was typed or in the one form that passwords have here (NFC).

        The other system may have hashed what the browser sent as it was. Never raises for a stored hash. Without the
        secret no password is right, in the time of one that is wrong.
        """
        secret = (getattr(secrets, self.setting) or "") if self.setting else ""
        can_match = bool(secret) or not self.setting
        if not can_match:
            log.warning("a password hash needs ACCOUNTS_%s, which is not set", self.setting.upper())
        spellings = dict.fromkeys((password, unicodedata.normalize("NFC", password)))
        return any(self.check(each, secret) for each in spellings) and can_match
