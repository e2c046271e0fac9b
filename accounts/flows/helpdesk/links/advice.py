"""The words of the link doctor: why a link does not work, and what somebody should do about it.

English sentences that are the keys of their translations; the CLI says them as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from accounts.core.errors import sentence
from accounts.flows.helpdesk.links import parse as parse_link


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that is said: a stable code, a sentence, and the values that fill it in."""

    code: str
    text: str
    values: Mapping[str, str | int] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text % self.values if self.values else self.text


WHY: Mapping[str, str] = {
    "alive": sentence("This link works."),
    "mended": sentence("The link itself works, but not as it stands here."),
    "expired": sentence("This link is too old."),
    "used": sentence("This very link was used already."),
    "moved": sentence("Things have changed since it was sent, and what it says is not true any more."),
    "deleted": sentence("The account of its address was deleted after it was sent."),
    "superseded": sentence("A newer link of the same kind was asked for, and only the newest counts."),
    "revoked": sentence("The invitation was taken back."),
    "inviter": sentence("Whoever sent the invitation may not invite any more."),
    "account_gone": sentence("The account it is about does not exist any more."),
    "disabled": sentence("The account it is about is disabled."),
    "address_taken": sentence("The address it is about belongs to another account by now, or is kept for one."),
    "dropped_key": sentence("It was signed by a key that was dropped since. All links of that key are dead."),
    "other_purpose": sentence("It is a genuine link of another kind than its address says."),
    "old_version": sentence("It is genuine, but all links of its kind from that time were called back."),
    "no_link": sentence("This is not a link but something a browser keeps for itself, such as a session cookie."),
    "empty": sentence("All of its token was cut away; only the address of the page is left."),
    "cut": sentence("It was cut: at least %(missing)s characters are missing at its end."),
    "longer": sentence("Something was added to its token."),
    "lowered": sentence("Its letters were changed to lower or upper case on the way."),
    "elsewhere": sentence("It is a link of another place, %(base)s; this is %(own)s."),
    "future": sentence("It says that it was signed in the future: two clocks are apart, or it was changed."),
    "changed": sentence("It has the right shape, but nobody here signed it: it was changed, or it is not ours."),
    "unknown_kind": sentence("There is no kind of link of this name here."),
    "other": sentence("It is genuine, but what it asks for cannot be done now."),
}
"""Why a link does or does not work, by cause."""

REMARKS: Mapping[str, str] = {
    parse_link.QUOTED_PRINTABLE: sentence("It was copied from the source of a mail, where = breaks lines."),
    parse_link.ENTITIES: sentence("It was copied from source text, where some characters are written as codes."),
    parse_link.WRAPPED: sentence("A mail gateway had wrapped it into an address of its own."),
    parse_link.BROKEN: sentence("It was broken over lines or has blanks in it. Such a link opens only in part."),
    parse_link.INVISIBLE: sentence("There were invisible characters in it."),
    parse_link.DASHES: sentence("Its hyphens had been changed to dashes."),
    parse_link.APPENDED: sentence("Further characters followed it without a gap."),
    parse_link.NO_TAIL: sentence("Its end, /go, is missing: as it stands its address leads nowhere."),
    "other-base": sentence("Its address is not ours: it names %(base)s, and this is %(own)s."),
    "again": sentence("A fresh link was sent in its place already."),
    "forgeable": sentence("If that key was dropped because it had leaked, this link may be forged."),
}
"""What happened to a link on its way, or since."""

NEWEST = sentence("Ask the person to open the newest mail of this kind.")
FRESH: Mapping[str, str] = {
    "activate": sentence("Ask the person to enter their address on the sign-up page once more."),
    "invite": sentence("Send the invitation again, or a new one, from the page of invitations."),
    "reset-password": sentence("Ask the person to have a fresh link sent from the page for forgotten passwords."),
    "sign-in": sentence("Ask the person to have a fresh link sent from the page for signing in by mail."),
    "change-email": sentence("Ask the person to sign in and to ask for the new address once more in their account."),
    "undo-email-change": sentence("There is no other link of this kind. Make sure who owns the account."),
    "unlock": sentence("The pause ends by itself after an hour; signing in by mail works meanwhile."),
    "close-account": sentence("Ask the person to sign in and to close the account there once more."),
    "not-me": sentence("If it was not the person, let them choose a new password: that signs out everywhere."),
}
"""How somebody gets a fresh link, by purpose."""
FRESH_ELSEWHERE = sentence("Ask the person to ask for it once more where they asked before.")

SIGN_IN = sentence("There is nothing left to do with it; the person can simply sign in.")
NOTHING = sentence("Nothing: it has done its work.")
WHOLE = sentence("Ask the person to copy the whole link out of the mail, from https to /go.")
ADVICE: Mapping[str, tuple[str, ...]] = {
    "alive": (sentence("Ask the person to open it and to press the button on its page."),),
    "mended": (WHOLE,),
    "superseded": (NEWEST,),
    "deleted": (sentence("The person may sign up again, if they want an account."),),
    "account_gone": (sentence("The person may sign up again, if they want an account."),),
    "disabled": (sentence("Enable the account, if it should be used; then let the person ask for a fresh link."),),
    "revoked": (sentence("If that was a mistake, send a new invitation."),),
    "inviter": (sentence("Let somebody who administers now send a new invitation."),),
    "address_taken": (sentence("If both accounts are of one person, let them use the one that has the address."),),
    "no_link": (
        sentence("It may open a session: delete it wherever it was sent, and sign the account out everywhere."),
    ),
    "empty": (WHOLE,),
    "cut": (WHOLE,),
    "longer": (WHOLE,),
    "lowered": (WHOLE,),
    "changed": (WHOLE,),
    "unknown_kind": (WHOLE,),
    "other_purpose": (WHOLE,),
    "elsewhere": (
        sentence("Let the person ask there. If this service stood there before, links from that time are dead."),
    ),
    "future": (sentence("Compare the clocks of all machines that serve; links work again when they agree."),),
}
"""What to do, by cause; a way to a fresh link comes after it where one helps."""
THEN_FRESH = frozenset(
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
SIGNS_IN_AFTER = frozenset({"activate", "invite", "reset-password", "unlock"})
"""Purposes whose use leaves somebody who can sign in."""

PARTS: Mapping[str, str] = {
    "password": sentence("password"),
    "email": sentence("mail address"),
    "email_serial": sentence("newest change of address asked for"),
    "auth_epoch": sentence("sessions from then"),
    "sign_ins": sentence("last sign-in"),
    "lock_serial": sentence("pause after wrong passwords"),
    "anchor": sentence("old address kept for undoing"),
    "holder": sentence("who holds the address"),
}
"""Bound parts in words, by name."""


def why(cause: str, **values: str | int) -> Line:
    """The sentence that says why a link is dead."""
    return Line(cause, WHY[cause], values)


def remark(code: str, **values: str | int) -> Line:
    """A sentence about what else was seen."""
    return Line(code, REMARKS[code], values)


def advice(cause: str, purpose: str) -> tuple[Line, ...]:
    """What to do about a link of a kind ("" where that is not known) that is dead of a cause."""
    lines = [Line(cause, text) for text in ADVICE.get(cause, ())]
    if cause == "used":
        lines.append(Line("used", SIGN_IN if purpose in SIGNS_IN_AFTER else NOTHING))
    if cause in THEN_FRESH and purpose:
        lines.append(Line("fresh", FRESH.get(purpose, FRESH_ELSEWHERE)))
    return tuple(lines or [Line("fresh", FRESH_ELSEWHERE)])
