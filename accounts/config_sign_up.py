"""Check the domains whose addresses may sign up, and match addresses with them. Text alone: nothing is looked up."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

ACCEPTED_SUFFIX = ".example"
"""Behind each domain while it is read: the library refuses those of private networks, which are domains here, too."""


def parse_sign_up_domains(value: Any) -> tuple[str, ...]:
    """Return domains in the form that those of addresses have: lower case, IDNA, without a dot at the end.

    ``example.org`` is that domain alone, ``.example.org`` that domain and all below it.

    :param value: one text with commas or blanks between, or several texts.
    :raises ValueError: one of them is no domain.
    """
    texts = re.split(r"[,\s]+", value.strip()) if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise ValueError("must be domains such as example.org, .example.com, separated by commas")
    return tuple(dict.fromkeys(_normalize_domain(text) for text in texts if text))


def is_domain_listed(email_key: str, domains: Iterable[str]) -> bool:
    """Return whether an address, in the form that makes it unique, is of one of the domains."""
    domain = email_key.rpartition("@")[2]
    return any(
        domain == each.removeprefix(".") or (each.startswith(".") and domain.endswith(each)) for each in domains
    )


def describe_domains(domains: Iterable[str]) -> str:
    """Return domains as people read them: ``example.org, example.com, *.example.com``, in their own letters."""
    names = [name for each in domains for name in ([each[1:], f"*{each}"] if each.startswith(".") else [each])]
    return ", ".join(map(_to_unicode, names))


def _to_unicode(domain: str) -> str:
    try:
        return domain.encode("ascii").decode("idna")
    except UnicodeError:
        return domain  # of a newer IDNA than the codec knows


def _normalize_domain(text: str) -> str:
    # On first use: it compiles expressions for 25 ms, and most installations name no domain.
    from email_validator import EmailNotValidError, validate_email

    subdomains = "." if text.startswith(".") else ""
    domain = text.removeprefix(".").removesuffix(".")
    try:
        if not domain or "@" in domain or domain.rpartition(".")[2].isdigit():
            raise UnicodeError("no domain")
        validated = validate_email(
            f"x@{domain}{ACCEPTED_SUFFIX}",
            allow_smtputf8=False,
            check_deliverability=False,
            globally_deliverable=False,
        )
    except (EmailNotValidError, UnicodeError):
        raise ValueError(f"{text} is no domain such as example.org, or .example.org with its subdomains") from None
    return subdomains + validated.ascii_domain.removesuffix(ACCEPTED_SUFFIX).lower()
