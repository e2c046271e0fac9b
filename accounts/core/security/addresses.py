"""Parse email addresses: what is accepted, and the one form under which an address is unique."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

MAX_EMAIL_BYTES = 254
"""RFC 5321 4.5.3.1.3: a path has 256 octets, two of which are its angle brackets."""
PRIVATE_DOMAIN_SUFFIXES = (".local", "@local", ".localhost", "@localhost", ".test", "@test")
ACCEPTED_SUFFIX = ".example"
BLANKS = "".join(character for character in map(chr, range(0x3001)) if character.isspace()) + "\u200b\u2060\ufeff"
"""What Unicode calls white space, and three characters that are as empty: zero-width space, word joiner, byte order
mark."""


class AddressRefused(ValueError):
    """Raised for a text that is not exactly one email address that can be delivered by plain SMTP (RFC 5321)."""


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """An accepted address: ``email`` is where mail goes, ``key`` is what makes it unique."""

    email: str
    key: str


def parse_email(text: str) -> EmailAddress:
    """Parse one address from what a user typed.

    The local part is ASCII (so that no look-alike such as KELVIN SIGN folds onto another account), the domain
    becomes lower-case IDNA. The key folds the case of the local part too: it is computed here and compared as it
    is under a UNIQUE index, because every database has its own idea of ``lower()``.

    Blanks of any kind around it, as programs paste them, never belong to an address and are dropped.

    :raises AddressRefused: anything but one plain address of at most 254 bytes.
    """
    stripped = text.strip(BLANKS)
    if len(stripped) > MAX_EMAIL_BYTES:
        raise AddressRefused("longer than 254 bytes")
    return _parse_email(stripped)


# One request parses its address up to ten times. Bounded in number and, by the length above, in size; what is refused
# is not kept.
@lru_cache(maxsize=1024)
def _parse_email(text: str) -> EmailAddress:
    # On first use: it compiles expressions for 25 ms.
    from email_validator import EmailNotValidError, validate_email

    # Domains of private networks are a place to run this, too. email-validator refuses their names; the tail
    # leads past that one check, and every other one stays.
    suffix = ACCEPTED_SUFFIX if text.lower().endswith(PRIVATE_DOMAIN_SUFFIXES) else ""
    try:
        validated = validate_email(
            text + suffix, allow_smtputf8=False, check_deliverability=False, globally_deliverable=False
        )
    except (EmailNotValidError, UnicodeError) as error:
        raise AddressRefused(str(error)) from None
    email = (validated.ascii_email or "").removesuffix(suffix)
    if not email or len(email) > MAX_EMAIL_BYTES:
        raise AddressRefused("has no plain form of at most 254 bytes")
    local, _, domain = email.rpartition("@")
    return EmailAddress(email=email, key=f"{local.casefold()}@{domain.lower()}")


def mask_email(email: str) -> str:
    """Return ``a•••@example.org``: enough for its owner to recognise, not enough to learn."""
    local, _, domain = email.rpartition("@")
    return f"{local[:1]}•••@{domain}"
