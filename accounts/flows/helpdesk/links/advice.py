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
    "mended": N_("The link itself works, but not as it stands here."),
    "expired": N_("This link is too old."),
    "used": N_("This very link was used already."),
    "moved": N_("Things have changed since it was sent, and what it says is not true any more."),
    "deleted": N_("The account of its address was deleted after it was sent."),
    "superseded": N_("A newer link of the same kind was asked for, and only the newest counts."),
    "revoked": N_("The invitation was taken back."),
    "full": N_("All places of the invitation are taken."),
    "inviter": N_("Whoever sent the invitation may not invite any more."),
    "account_gone": N_("The account it is about does not exist any more."),
    "disabled": N_("The account it is about is disabled."),
    "sign_up_closed": N_("Its address could sign up when the link was sent; now ACCOUNTS_SIGN_UP does not allow it."),
    "address_taken": N_("The address it is about belongs to another account by now, or is kept for one."),
    "decided": N_("The request was decided already. By: %(by)s."),
    "no_admin": N_("Its admin does not administer any more."),
    "nothing_to_decide": N_("Whoever asked for an account has one by now, or an invitation that is open."),
    "dropped_key": N_("It was signed by a key that was dropped since. All links of that key are dead."),
    "other_purpose": N_("It is a genuine link of another kind than its address says."),
    "old_version": N_("It is genuine, but all links of its kind from that time were called back."),
    "no_link": N_(
        "This is not a link but another token of this service, such as a session cookie or an access token."
    ),
    "empty": N_("All of its token was cut away; only the address of the page is left."),
    "cut": N_("It was cut: at least %(missing)s characters are missing at its end."),
    "longer": N_("Something was added to its token."),
    "lowered": N_("Its letters were changed to lower or upper case on the way."),
    "elsewhere": N_("It is a link of another place, %(base)s; this is %(own)s."),
    "future": N_("It says that it was signed in the future: two clocks are apart, or it was changed."),
    "changed": N_("It has the right shape, but nobody here signed it: it was changed, or it is not ours."),
    "unknown_kind": N_("There is no kind of link of this name here."),
    "other": N_("It is genuine, but what it asks for cannot be done now."),
}
"""Why a link does or does not work, by cause."""

REMARK_MESSAGES: Mapping[str, str] = {
    parse_link.QUOTED_PRINTABLE: N_("It was copied from the source of a mail, where = breaks lines."),
    parse_link.WRAPPED: N_("A mail gateway had wrapped it into an address of its own."),
    parse_link.BROKEN: N_("It was broken over lines or has blanks in it. Such a link opens only in part."),
    parse_link.APPENDED: N_("Further characters followed it without a gap."),
    parse_link.NO_TAIL: N_("Its end, /go, is missing. It opens without it."),
    "other-base": N_("Its address is not ours: it names %(base)s, and this is %(own)s."),
    "again": N_("A fresh link was sent in its place already."),
    "forgeable": N_("If that key was dropped because it had leaked, this link may be forged."),
}
"""What happened to a link on its way, or since."""

ON_CONSOLE = "console"
"""In the place of who has decided, where an operator has."""
USE_NEWEST_MAIL = N_("Ask the person to open the newest mail of this kind.")
FRESH_LINK_ADVICE: Mapping[str, str] = {
    "activate": N_("Ask the person to enter their address on the sign-up page once more."),
    "join-shared": N_("Ask the person to open the link for several people, or its code, once more."),
    "shared-invite": N_("Make or extend a link for several people, and hand the new one out."),
    "invite": N_("Send the invitation again, or a new one, from the page of invitations."),
    "reset-password": N_("Ask the person to have a fresh link sent from the page for forgotten passwords."),
    "sign-in": N_("Ask the person to have a fresh link sent from the page for signing in by mail."),
    "change-email": N_("Ask the person to sign in and to ask for the new address once more in their account."),
    "undo-email-change": N_("There is no other link of this kind. Make sure who owns the account."),
    "unlock": N_("The pause ends by itself after an hour; signing in by mail works meanwhile."),
    "close-account": N_("Ask the person to sign in and to close the account there once more."),
    "request-account": N_("Ask the person to enter their address on the sign-up page once more."),
    "review-request": N_("Invite the person yourself, or ask them to sign up once more."),
    "not-me": N_("If it was not the person, let them choose a new password: that signs out everywhere."),
}
"""How somebody gets a fresh link, by purpose."""
DEFAULT_FRESH_LINK_ADVICE = N_("Ask the person to ask for it once more where they asked before.")

SIGN_IN_ADVICE = N_("There is nothing left to do with it; the person can simply sign in.")
NOTHING_TO_DO_ADVICE = N_("Nothing: it has done its work.")
COPY_WHOLE_LINK_ADVICE = N_("Ask the person to copy the whole link out of the mail, from https to /go.")
ADVICE_OF_CAUSE: Mapping[str, tuple[str, ...]] = {
    "alive": (N_("Ask the person to open it and to press the button on its page."),),
    "mended": (COPY_WHOLE_LINK_ADVICE,),
    "superseded": (USE_NEWEST_MAIL,),
    "deleted": (N_("The person may sign up again, if they want an account."),),
    "account_gone": (N_("The person may sign up again, if they want an account."),),
    "disabled": (N_("Enable the account, if it should be used; then let the person ask for a fresh link."),),
    "full": (N_("Make another link for several people, or invite the person by mail."),),
    "revoked": (N_("If that was a mistake, send a new invitation."),),
    "inviter": (N_("Let somebody who administers now send a new invitation."),),
    "sign_up_closed": (
        N_("If the person should have an account, send an invitation: it works under every setting."),
    ),
    "decided": (N_("There is nothing left to do. A person who was declined may ask again."),),
    "no_admin": (N_("The other admins have links of their own for the same request."),),
    "nothing_to_decide": (N_("There is nothing left to do. The invitation is on the page of invitations."),),
    "address_taken": (N_("If both accounts are of one person, let them use the one that has the address."),),
    "no_link": (N_("It may open a session: delete it wherever it was sent, and sign the account out everywhere."),),
    "empty": (COPY_WHOLE_LINK_ADVICE,),
    "cut": (COPY_WHOLE_LINK_ADVICE,),
    "longer": (COPY_WHOLE_LINK_ADVICE,),
    "lowered": (COPY_WHOLE_LINK_ADVICE,),
    "changed": (COPY_WHOLE_LINK_ADVICE,),
    "unknown_kind": (COPY_WHOLE_LINK_ADVICE,),
    "other_purpose": (COPY_WHOLE_LINK_ADVICE,),
    "elsewhere": (
        N_("Let the person ask there. If this service stood there before, links from that time are dead."),
    ),
    "future": (N_("Compare the clocks of all machines that serve; links work again when they agree."),),
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
    "password": N_("password"),
    "email": N_("mail address"),
    "email_serial": N_("newest change of address asked for"),
    "auth_epoch": N_("sessions from then"),
    "sign_ins": N_("last sign-in"),
    "lock_serial": N_("pause after wrong passwords"),
    "anchor": N_("old address kept for undoing"),
    "holder": N_("who holds the address"),
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
