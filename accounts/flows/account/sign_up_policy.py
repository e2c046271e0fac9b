"""Who may sign up: everybody, nobody uninvited, addresses of certain domains, or whom an admin approves.

Judged by the settings and the text of an address, before anything is looked up: the answer cannot depend on who has
an account. Invitations, the first admin's among them, imports and the console ask nothing of this.
"""

from __future__ import annotations

from accounts.config import Settings
from accounts.config_sign_up import is_domain_listed
from accounts.core.errors import Detail, DomainNotAccepted, FieldError, SignUpClosed
from accounts.core.link_errors import LinkSignUpClosed
from accounts.core.messages import N_
from accounts.core.security.addresses import EmailAddress, parse_email

OTHER_DOMAIN = "other_domain"
OTHER_DOMAIN_MESSAGE = N_("Use an email address from %(domains)s.")
WAYS_IN = {
    "invited": (
        N_("You need an invitation to create an account."),
        N_("You need an invitation to create an account. To ask for one, contact: %(support)s"),
    ),
    "domains": (
        N_("Accounts are only available for addresses at %(domains)s."),
        N_("Accounts are for email addresses from %(domains)s. If yours is different, contact: %(support)s"),
    ),
    "approval": (N_("New accounts need approval from an admin. Request one on the sign-up page."),) * 2,
}
"""How people get in under a policy that has closed a link of before: without and with somebody to ask."""


def check_may_ask(settings: Settings, address: EmailAddress) -> None:
    """Check that an address may ask for an account, by a link or by an admin's approval.

    :raises SignUpClosed: it may not; names the field where another address would do.
    """
    if not settings.sign_up_offered:
        raise SignUpClosed("accounts are for whoever is invited")
    if not _is_listed(settings, address):
        field = FieldError("email", OTHER_DOMAIN, OTHER_DOMAIN_MESSAGE, {"domains": settings.sign_up_domains_text})
        raise DomainNotAccepted("no address of a domain that may sign up", fields=[field])


def check_link_holds(settings: Settings, email: str) -> None:
    """Check that a link that was mailed to an address may still make an account: as the policy is now.

    :raises LinkSignUpClosed: the policy has become stricter since.
    """
    if not may_activate(settings, email):
        raise describe_closed(settings)


def describe_closed(settings: Settings) -> LinkSignUpClosed:
    """Return the error for a link of an earlier policy. It says how people get in now."""
    message = WAYS_IN[settings.sign_up][bool(settings.support)]
    values = {"domains": settings.sign_up_domains_text, "support": settings.support or ""}
    return LinkSignUpClosed(f"sign-up is {settings.sign_up} by now", detail=Detail(message, values))


def may_activate(settings: Settings, email: str) -> bool:
    """Return whether whoever proves this mailbox may have an account by that alone."""
    return settings.sign_up in ("open", "domains") and _is_listed(settings, parse_email(email))


def _is_listed(settings: Settings, address: EmailAddress) -> bool:
    return settings.sign_up != "domains" or is_domain_listed(address.key, settings.sign_up_domains)
