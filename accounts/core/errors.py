"""The one family of errors: a stable code, an HTTP status, one public sentence.

The sentence is English and the key of its translation. What a person may not learn stands in
``reason`` and goes to the log only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


def N_(text: str) -> str:  # noqa: N802 - gettext calls its mark so, and extractors look for it
    """Mark a public sentence for translation; returns it unchanged."""
    return text


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field that cannot be taken as it is: its name, a stable code, a sentence and its values."""

    field: str
    code: str
    message: str
    values: Mapping[str, Any]


class Problem(Exception):
    """Something that the asker is told. Spoken as a page or as RFC 9457 ``application/problem+json``."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    message: ClassVar[str] = N_("Something went wrong on our side. Please try again later.")

    def __init__(
        self, reason: str = "", *, fields: Sequence[FieldError] = (), retry_after: int | None = None
    ) -> None:
        super().__init__(reason or self.code)
        self.reason = reason
        self.fields = tuple(fields)
        self.retry_after = retry_after
        """Seconds to wait before the same request can succeed."""


class InvalidInput(Problem):
    code, status = "invalid_input", 422
    message = N_("Please look at the marked fields.")


class Malformed(Problem):
    code, status = "malformed_request", 400
    message = N_("The request cannot be read.")


class SignInFailed(Problem):
    code, status = "sign_in_failed", 401
    message = N_("Address and password do not match.")


class NotSignedIn(Problem):
    code, status = "not_signed_in", 401
    message = N_("Please sign in first.")


class Forbidden(Problem):
    code, status = "forbidden", 403
    message = N_("Your account may not do this.")


class CsrfFailed(Problem):
    code, status = "csrf_failed", 403
    message = N_("This form is too old or comes from another place. Please send it again.")


class NotFound(Problem):
    code, status = "not_found", 404
    message = N_("There is nothing here.")


class MethodNotAllowed(Problem):
    code, status = "method_not_allowed", 405
    message = N_("This address does not take such a request.")


class OtherLinkOpened(Problem):
    code, status = "other_link_opened", 409
    message = N_("Another link was opened in this browser meanwhile. Nothing was changed.")


class WrongAccount(Problem):
    code, status = "wrong_account", 409
    message = N_("This link belongs to another account than the one signed in. Nothing was changed.")


class Conflict(Problem):
    code, status = "conflict", 409
    message = N_("Somebody changed this at the same moment. Please look again.")


class ConfirmationRequired(Problem):
    code, status = "confirmation_required", 403
    message = N_("Please confirm with your password that it is you.")


class AddressTaken(Problem):
    code, status = "address_taken", 409
    message = N_("That address belongs to another account by now.")


class LastAdmin(Problem):
    code, status = "last_admin", 409
    message = N_("This is the last admin. Make somebody else an admin first.")


class IdentityUnknown(Problem):
    code, status = "identity_unknown", 403
    message = N_(
        "That sign-in is not connected to an account here. If you have one, sign in to it first and connect it there."
    )


class IdentityTaken(Problem):
    code, status = "identity_taken", 409
    message = N_("That sign-in is connected to another account here.")


class LastWayIn(Problem):
    code, status = "last_way_in", 409
    message = N_("This is your only way in beside mail. Set a password first: “Forgot your password?” helps.")


class UpstreamFailed(Problem):
    code, status = "upstream_failed", 502
    message = N_("Signing in there did not work, or you did not want to. Nothing was changed.")


class TooLarge(Problem):
    code, status = "too_large", 413
    message = N_("The request is too large.")


class BadAppRequest(Problem):
    code, status = "bad_app_request", 400
    message = N_("The app that sent you here is not known, or wants you sent to a place it has not named.")


class UnsupportedMediaType(Problem):
    code, status = "unsupported_media_type", 415
    message = N_("Send JSON as application/json here.")


class TooManyRequests(Problem):
    code, status = "too_many_requests", 429
    message = N_("That was too often. Please wait a little.")


class Unavailable(Problem):
    code, status = "unavailable", 503
    message = N_("The service is busy or being repaired. Please try again in a moment.")


class DeadLink(Problem):
    """A link that cannot be used. ``reason`` is for the log; within one code all answers are identical.

    :ivar claims: what the link says, where it is a genuine one: ground for a fresh one, and for the doctor.
    """

    claims: Any = None


class LinkInvalid(DeadLink):
    code, status = "link_invalid", 400
    message = N_("This link is not valid. It may have been cut or changed on its way.")


class LinkExpired(DeadLink):
    code, status = "link_expired", 410
    message = N_("This link is too old.")


class LinkUsed(DeadLink):
    code, status = "link_used", 410
    message = N_("This link has done its work: it was used, or things have changed since it was sent.")


class LinkSuperseded(DeadLink):
    code, status = "link_superseded", 410
    message = N_("There is a newer link. Please use that one.")


class LinkRevoked(DeadLink):
    code, status = "link_revoked", 410
    message = N_("This invitation was taken back.")
