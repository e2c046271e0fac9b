"""Ask about addresses that look mistyped. Never refuse one: whoever sends it again is believed."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.core.security.addresses import PRIVATE_DOMAIN_SUFFIXES, EmailAddress

EMAIL_PROVIDERS = (
    *("gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "msn.com", "yahoo.com", "ymail.com"),
    *("icloud.com", "aol.com", "mail.com", "proton.me", "protonmail.com"),
    *("gmx.de", "gmx.net", "gmx.com", "web.de", "t-online.de", "freenet.de", "posteo.de", "mailbox.org"),
    *("orange.fr", "free.fr", "laposte.net", "wanadoo.fr", "yandex.com", "zoho.com", "fastmail.com"),
)
"""Where most people have their mailbox, and what may be meant by a name that is close to one of these."""
OTHER_PROVIDERS = frozenset({"email.com", "fmail.com", "me.com", "mac.com", "gmx.at", "gmx.ch", "live.fr", "hey.com"})
"""Real ones that look like a slip of one of those."""
SHORT_DOMAIN_CHARACTERS = 8
"""Below this length a domain is another company's soon: only two letters swapped, or a slip behind the dot."""


@dataclass(frozen=True, slots=True)
class AddressDoubt:
    """Why an address may be mistyped.

    :ivar suggestion: the address that may be meant; "" where its domain just has no dot.
    """

    suggestion: str = ""


def find_doubt(address: EmailAddress) -> AddressDoubt | None:
    """Return what to ask about an address before mail goes to it, or None."""
    local, _, domain = address.email.rpartition("@")
    if "." not in domain:
        # A domain of its own network is one on purpose: localhost, as in development.
        return None if f"@{domain}" in PRIVATE_DOMAIN_SUFFIXES else AddressDoubt()
    provider = _find_provider(domain.lower())
    return AddressDoubt(f"{local}@{provider}") if provider else None


def _find_provider(domain: str) -> str:
    if domain in EMAIL_PROVIDERS or domain in OTHER_PROVIDERS:
        return ""
    near = [(count_slips(domain, each), each) for each in EMAIL_PROVIDERS if not _is_same_name(domain, each)]
    slips, provider = min(near, default=(99, ""))
    if min(len(domain), len(provider)) >= SHORT_DOMAIN_CHARACTERS:
        return provider if slips <= 2 else ""
    is_clear = sorted(domain) == sorted(provider) or domain.partition(".")[0] == provider.partition(".")[0]
    return provider if slips == 1 and is_clear else ""


def _is_same_name(domain: str, provider: str) -> bool:
    """Return whether a provider may have this domain in another country: ``yahoo.fr``. One-letter slips are none."""
    name, _, country = domain.partition(".")
    is_country = len(country.rpartition(".")[2]) == 2 and country not in ("co", "cm", "om")
    return is_country and name == provider.partition(".")[0]


def count_slips(one: str, other: str) -> int:
    """Return how many letters to add, drop, replace or swap with a neighbour to make one text of another.

    The optimal string alignment distance of Damerau and Levenshtein.
    """
    before: list[int] = []
    above = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, wanted in enumerate(other, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, above = above, row
    return above[-1]
