"""Word the findings of the link doctor: why a link does not work, and what a user or an admin should do about it.

English texts that are the keys of their translations; the console prints them as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from accounts.core.messages import N_
from accounts.flows.helpdesk.links import parse as parse_link


@dataclass(frozen=True, slots=True)
class DoctorLine:
    """One finding: a stable code, a text, and the values of its placeholders."""

    code: str
    text: str
    values: Mapping[str, str | int] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text % self.values if self.values else self.text


CAUSE_MESSAGES: Mapping[str, str] = {
    "alive": N_("This link works."),
    "mended": N_("The original link works, but not in the form entered here."),
    "expired": N_("This link has expired."),
    "used": N_("This link has already been used."),
    "moved": N_("Something has changed since this link was sent, so it is no longer valid."),
    "deleted": N_("The account for this address was deleted after the link was sent."),
    "superseded": N_("A newer link of this kind was requested. Only the latest one works."),
    "revoked": N_("The invitation was revoked."),
    "full": N_("All places on this invitation are taken."),
    "inviter": N_("The sender of this invitation can no longer invite people."),
    "account_gone": N_("The account for this link no longer exists."),
    "disabled": N_("The account for this link is disabled."),
    "sign_up_closed": N_(
        "This address could sign up when the link was sent, but ACCOUNTS_SIGN_UP no longer allows it."
    ),
    "address_taken": N_("The address this link is for now belongs to another account, or is reserved for one."),
    "decided": N_("This request has already been decided. By: %(by)s."),
    "no_admin": N_("The admin this link was sent to is no longer an admin."),
    "nothing_to_decide": N_("The person who asked for an account already has one, or has an open invitation."),
    "dropped_key": N_(
        "This link was signed with a key that has since been removed. No link signed with that key works any more."
    ),
    "other_purpose": N_("This link is genuine, but it is a different kind of link than its URL says."),
    "old_version": N_("This link is genuine, but all links of its kind from that time were revoked."),
    "no_link": N_(
        "This is not a link. It is another token of this service, such as a session cookie or an access token."
    ),
    "empty": N_("The token is missing. Only the address of the page is left."),
    "cut": N_("The link was cut off. At least %(missing)s characters are missing at the end."),
    "longer": N_("Extra characters were added to the token."),
    "lowered": N_("The link was converted to lowercase or uppercase on the way."),
    "elsewhere": N_("This link belongs to another site, %(base)s. This service is %(own)s."),
    "future": N_("The link says it was signed in the future. Either two clocks differ or the link was changed."),
    "changed": N_(
        "The link has the right format, but this service did not sign it. It was changed, or it is not ours."
    ),
    "unknown_kind": N_("This service has no kind of link with this name."),
    "other": N_("This link is genuine, but what it asks for can't be done at the moment."),
}
"""Why a link does or does not work, by cause."""

REMARK_MESSAGES: Mapping[str, str] = {
    parse_link.QUOTED_PRINTABLE: N_("The link was copied from the source of an email, where = marks line breaks."),
    parse_link.WRAPPED: N_("An email gateway replaced the link with a URL of its own."),
    parse_link.BROKEN: N_("The link was split across lines or contains spaces. Only part of such a link opens."),
    parse_link.APPENDED: N_("Other characters followed the link without a space."),
    parse_link.NO_TAIL: N_("The end of the link, /go, is missing. The link opens without it."),
    "other-base": N_("The link doesn't point to this service. It points to %(base)s; this service is %(own)s."),
    "again": N_("A new link has already been sent to replace it."),
    "forgeable": N_("If that key was removed because it had leaked, this link may be forged."),
}
"""What happened to a link on its way, or since."""

ON_CONSOLE = "console"
"""In the place of who has decided, where an operator has."""
USE_NEWEST_MAIL = N_("Ask the user to open the latest email of this kind.")
FRESH_LINK_ADVICE: Mapping[str, str] = {
    "activate": N_("Ask the person to enter their email address on the sign-up page again."),
    "join-shared": N_("Ask the person to open the shared link, or scan its code, again."),
    "shared-invite": N_("Create or extend a shared link, then hand out the new one."),
    "invite": N_("Resend the invitation, or send a new one, on the Invitations page."),
    "reset-password": N_("Ask the user to request a new link on the password reset page."),
    "sign-in": N_("Ask the user to request a new sign-in link by email."),
    "change-email": N_("Ask the user to sign in and request the email change again in their account."),
    "undo-email-change": N_("There is no other link of this kind. Verify who owns the account."),
    "unlock": N_("The lock ends by itself after an hour. Until then, the user can sign in with a link by email."),
    "close-account": N_("Ask the user to sign in and close the account again."),
    "request-account": N_("Ask the person to enter their email address on the sign-up page again."),
    "review-request": N_("Invite the person yourself, or ask them to sign up again."),
    "not-me": N_("If it wasn't the user, ask them to choose a new password. This signs them out everywhere."),
}
"""How somebody gets a fresh link, by purpose."""
DEFAULT_FRESH_LINK_ADVICE = N_("Ask the user to request a new link where they requested this one.")

SIGN_IN_ADVICE = N_("This link is no longer needed. The user can just sign in.")
NOTHING_TO_DO_ADVICE = N_("Nothing to do. The link has served its purpose.")
COPY_WHOLE_LINK_ADVICE = N_("Ask the user to copy the whole link from the email, from https to /go.")
ADVICE_OF_CAUSE: Mapping[str, tuple[str, ...]] = {
    "alive": (N_("Ask the recipient to open the link and press the button on the page."),),
    "mended": (COPY_WHOLE_LINK_ADVICE,),
    "superseded": (USE_NEWEST_MAIL,),
    "deleted": (N_("If the person wants an account, they can sign up again."),),
    "account_gone": (N_("If the person wants an account, they can sign up again."),),
    "disabled": (N_("If the account should be used, enable it. The user can then request a new link."),),
    "full": (N_("Create another shared link, or invite the person by email."),),
    "revoked": (N_("If this was a mistake, send a new invitation."),),
    "inviter": (N_("Ask a current admin to send a new invitation."),),
    "sign_up_closed": (
        N_("If the person should have an account, send an invitation. Invitations work with every setting."),
    ),
    "decided": (N_("No action needed. A person whose request was declined can ask again."),),
    "no_admin": (N_("The other admins have their own links to the same request."),),
    "nothing_to_decide": (N_("No action needed. The invitation is on the Invitations page."),),
    "address_taken": (N_("If both accounts belong to the same user, ask them to use the one with this address."),),
    "no_link": (
        N_("This token may open a session. Delete it everywhere it was sent, and sign the account out everywhere."),
    ),
    "empty": (COPY_WHOLE_LINK_ADVICE,),
    "cut": (COPY_WHOLE_LINK_ADVICE,),
    "longer": (COPY_WHOLE_LINK_ADVICE,),
    "lowered": (COPY_WHOLE_LINK_ADVICE,),
    "changed": (COPY_WHOLE_LINK_ADVICE,),
    "unknown_kind": (COPY_WHOLE_LINK_ADVICE,),
    "other_purpose": (COPY_WHOLE_LINK_ADVICE,),
    "elsewhere": (
        N_(
            "Ask the person to contact that site. If this service used to run there, links from that "
            "time no longer work."
        ),
    ),
    "future": (N_("Compare the clocks of all servers. Links work again when the clocks agree."),),
}
"""What to do, by cause; a way to a fresh link comes after it where one helps."""
FRESH_LINK_CAUSES = frozenset(
    {
        "mended",
        "expired",
        "moved",
        "dropped_key",
        "old_version",
        "empty",
        "cut",
        "longer",
        "lowered",
        "changed",
        "elsewhere",
    }
)
SIGN_IN_PURPOSES = frozenset({"activate", "invite", "join-shared", "reset-password", "unlock"})
"""Purposes whose use leaves somebody who can sign in."""

PART_LABELS: Mapping[str, str] = {
    "password": N_("Password"),
    "email": N_("Email address"),
    "email_serial": N_("Latest email change request"),
    "auth_epoch": N_("Sessions at that time"),
    "sign_ins": N_("Last sign-in"),
    "lock_serial": N_("Lock after wrong passwords"),
    "anchor": N_("Previous email kept for restoring"),
    "holder": N_("Owner of the address"),
}
"""Bound parts in words, by name."""


def describe_cause(cause: str, **values: str | int) -> DoctorLine:
    """Return the finding that says why a link does not work."""
    return DoctorLine(cause, CAUSE_MESSAGES[cause], values)


def describe_remark(code: str, **values: str | int) -> DoctorLine:
    """Return a finding about what else was seen."""
    return DoctorLine(code, REMARK_MESSAGES[code], values)


def list_advice(cause: str, purpose: str) -> tuple[DoctorLine, ...]:
    """Return what to do about a link that does not work.

    :param purpose: its kind; "" where that is not known.
    """
    lines = [DoctorLine(cause, text) for text in ADVICE_OF_CAUSE.get(cause, ())]
    if cause == "used":
        lines.append(DoctorLine("used", SIGN_IN_ADVICE if purpose in SIGN_IN_PURPOSES else NOTHING_TO_DO_ADVICE))
    if cause in FRESH_LINK_CAUSES and purpose:
        lines.append(DoctorLine("fresh", FRESH_LINK_ADVICE.get(purpose, DEFAULT_FRESH_LINK_ADVICE)))
    return tuple(lines or [DoctorLine("fresh", DEFAULT_FRESH_LINK_ADVICE)])
