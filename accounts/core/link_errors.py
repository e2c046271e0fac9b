"""Define the errors of links that do not work: one for each reason that its holder may know."""

from __future__ import annotations

from typing import Any

from accounts.core.errors import Problem
from accounts.core.messages import N_


class DeadLink(Problem):
    """A link that is not valid. ``reason`` is for the log; within one code all answers are identical.

    But for the ``detail`` that a kind of link may have for those who are to know more.

    :ivar claims: what the link says, where its signature is valid: to send a fresh one, and for the link doctor.
    :ivar locale: the language of its email, where that is known.
    """

    claims: Any = None
    locale: str = ""


class LinkInvalid(DeadLink):
    """The link is malformed, not signed here for this purpose, or its account is gone or disabled."""

    code, status = "link_invalid", 400
    message = N_("This link isn't valid. It may have been cut off or changed in transit.")


class LinkExpired(DeadLink):
    """The link is too old."""

    code, status = "link_expired", 410
    message = N_("This link has expired.")


class InviteEnded(DeadLink):
    """The end of an invitation for several people has come: a fresh link to join with would be as dead."""

    code, status = "invite_ended", 410
    message = N_("This invitation has expired.")


class LinkUsed(DeadLink):
    """A bound part of the state has moved, or the link's id is used."""

    code, status = "link_used", 410
    message = N_("This link has already been used or is no longer valid.")


class LinkSignUpClosed(DeadLink):
    """The link was mailed when its address could sign up, and the policy of this installation forbids that by now."""

    code, status = "link_sign_up_closed", 410
    message = N_("This link no longer works because the sign-up rules have changed.")


class LinkSuperseded(DeadLink):
    """A newer link of its kind was asked for."""

    code, status = "link_superseded", 410
    message = N_("There is a newer link. Please use that one.")


class InviteFull(DeadLink):
    """All places of an invitation for several people are taken."""

    code, status = "invite_full", 410
    message = N_("All places on this invitation are taken.")


class LinkRevoked(DeadLink):
    """The link was revoked."""

    code, status = "link_revoked", 410
    message = N_("This invitation has been revoked.")
