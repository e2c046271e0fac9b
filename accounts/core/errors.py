"""Define the errors that a client is told: a stable code, an HTTP status, one public message (RFC 9457).

The message is English and the key of its translation. What a client may not learn stands in ``reason`` and goes to
the log only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from accounts.core.messages import N_


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field that is not accepted: its name, a stable code, a message and the values of its placeholders."""

    field: str
    code: str
    message: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Detail:
    """What there is to say about this one occurrence of a problem: a message and the values of its placeholders."""

    message: str
    values: Mapping[str, str | datetime]


class Problem(Exception):
    """An error that the client is told, as a page or as ``application/problem+json`` (RFC 9457).

    :ivar code: stable; clients decide by it.
    :ivar status: the HTTP status.
    :ivar message: the public message, English.
    """

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    message: ClassVar[str] = N_("Something went wrong on our side. Please try again later.")

    def __init__(
        self,
        reason: str = "",
        *,
        fields: Sequence[FieldError] = (),
        retry_after: int | None = None,
        until: datetime | None = None,
        detail: Detail | None = None,
    ) -> None:
        super().__init__(reason or self.code)
        self.reason = reason
        self.fields = tuple(fields)
        self.retry_after = retry_after
        """Seconds to wait before the same request can succeed."""
        self.until = until
        """The same for what takes hours or days: the moment until which it is refused."""
        self.detail = detail
        """What more this client may know (RFC 9457 3.1.4)."""
        self.challenge = ""
        """How to authenticate, as ``WWW-Authenticate`` says it (RFC 9110 11.6.1)."""


class InvalidInput(Problem):
    """The body was read, and fields of it are not accepted; ``fields`` names them."""

    code, status = "invalid_input", 422
    message = N_("Please correct the fields below.")

    @classmethod
    def for_field(cls, reason: str, field: str, code: str, message: str) -> InvalidInput:
        """Return the problem that one field has.

        :param reason: one line for operators.
        """
        return cls(reason, fields=[FieldError(field, code, message, {})])


class Malformed(Problem):
    """The request itself cannot be read."""

    code, status = "malformed_request", 400
    message = N_("We couldn't read the request.")


class SignInFailed(Problem):
    """Address or password is wrong; the answer does not say which."""

    code, status = "sign_in_failed", 401
    message = N_("Wrong email or password.")


class NotSignedIn(Problem):
    """A session is needed."""

    code, status = "not_signed_in", 401
    message = N_("Please sign in first.")


class Forbidden(Problem):
    """The signed-in account may not do this."""

    code, status = "forbidden", 403
    message = N_("You don't have permission to do this.")

    def __init__(self, reason: str = "", *, group: str = "") -> None:
        super().__init__(reason)
        self.group = group
        """The group that the account would have to be in; "" where none would do."""


class TermsRequired(Problem):
    """The signed-in account has not accepted the terms of this installation, or not those of today."""

    code, status = "terms_required", 403
    message = N_("Accept the terms to continue.")


class SignUpClosed(Problem):
    """The policy of this installation lets nobody sign up who is not invited (``ACCOUNTS_SIGN_UP``)."""

    code, status = "sign_up_closed", 403
    message = N_("Accounts are by invitation only.")


class DomainNotAccepted(SignUpClosed):
    """It lets addresses of certain domains sign up, and this is none of them."""

    message = N_("Accounts are only available for email addresses at certain domains.")


class AppNotAllowed(Forbidden):
    """The signed-in account may not use an app: it does not meet one of its rules."""

    def __init__(self, reason: str = "", *, app: Any = None, rule: str = "") -> None:
        super().__init__(reason)
        self.app = app
        """As much of the app as its page shows."""
        self.rule = rule
        """The name of the rule, as in :mod:`accounts.flows.shared.admission`."""


class ForeignHost(Problem):
    """A page of development was asked for by a name of this server that is not its own."""

    code, status = "foreign_host", 403
    message = N_(
        "In development, this page is only available at the ACCOUNTS_PUBLIC_ORIGIN address and on localhost."
    )


class CsrfFailed(Problem):
    """The CSRF token or the origin of the request is missing or wrong."""

    code, status = "csrf_failed", 403
    message = N_("This form has expired or was sent from another site. Please send it again.")


class FormOutdated(CsrfFailed):
    """A form of ours belongs to the session that this browser had when its page was opened."""


class NotFound(Problem):
    """There is nothing at this address, or nothing that this account may see."""

    code, status = "not_found", 404
    message = N_("We couldn't find what you're looking for.")


class MethodNotAllowed(Problem):
    """The address exists and does not take this method."""

    code, status = "method_not_allowed", 405
    message = N_("This address doesn't accept this type of request.")


class OtherLinkOpened(Problem):
    """The form was made for another link than the one that this browser has opened since."""

    code, status = "other_link_opened", 409
    message = N_("Another link was opened in this browser in the meantime. Nothing was changed.")


class LinkNotOpened(Problem):
    """This browser holds no link of the kind that the page is for: it was opened in another one, or some time ago."""

    code, status = "no_link_opened", 400
    message = N_("The link wasn't opened in this browser, or the browser doesn't keep cookies.")


class WrongAccount(Problem):
    """Another account is signed in than the one that the link is about."""

    code, status = "wrong_account", 409
    message = N_("This link belongs to a different account from the one you're signed in to. Nothing was changed.")


class Conflict(Problem):
    """The state has changed meanwhile; nothing was done."""

    code, status = "conflict", 409
    message = N_("Someone else changed this at the same time. Please check and try again.")


class ConfirmationRequired(Problem):
    """A session is there, and the password was not entered in it recently enough (step-up)."""

    code, status = "confirmation_required", 403
    message = N_("Please confirm your password.")


class AddressTaken(Problem):
    """The address belongs to another account, or is kept for one."""

    code, status = "address_taken", 409
    message = N_("This email address now belongs to another account.")


class AddressChangePending(Problem):
    """The address was changed a short while ago, and whoever has the old one may still undo that (``until``)."""

    code, status = "address_change_pending", 409
    message = N_(
        "The email address of this account was changed, and the change can still be undone. You "
        "can close the account once that period is over."
    )


class LastAdmin(Problem):
    """Nobody would administer any more."""

    code, status = "last_admin", 409
    message = N_("This is the last admin. Make someone else an admin first.")


class IdentityUnknown(Problem):
    """The account of the other provider is not connected to an account here."""

    code, status = "identity_unknown", 403
    message = N_(
        "This sign-in isn't connected to an account here. If you have an account, sign in to it "
        "first and connect it there."
    )


class IdentityTaken(Problem):
    """The account of the other provider is connected to another account here."""

    code, status = "identity_taken", 409
    message = N_("This sign-in is already connected to another account here.")


class LastWayIn(Problem):
    """The account could not sign in any more."""

    code, status = "last_way_in", 409
    message = N_(
        "Apart from email, this is your only way to sign in. Set a password first with “Forgot your password?”."
    )


class UpstreamFailed(Problem):
    """The other provider gave no valid answer."""

    code, status = "upstream_failed", 502
    message = N_("Sign-in with that service failed or was cancelled. Nothing was changed.")


class TooSlow(Problem):
    """The body took longer than a request may (RFC 9110, section 15.5.9)."""

    code, status = "too_slow", 408
    message = N_("The request took too long to arrive. Please send it again.")


class TooLarge(Problem):
    """The body is larger than this route accepts."""

    code, status = "too_large", 413
    message = N_("The request is too large.")


class BadAppRequest(Problem):
    """A relying party's request is wrong in a way that must not be answered by a redirect (RFC 6749 4.1.2.1)."""

    code, status = "bad_app_request", 400
    message = N_("Unknown app or unregistered redirect URL.")


class UnsupportedMediaType(Problem):
    """The body is not of a type that this route reads."""

    code, status = "unsupported_media_type", 415
    message = N_("Send the request as JSON (application/json).")


class BadSignature(Problem):
    """A program's request is not signed, wrongly signed, or too old. The answer does not say which."""

    code, status = "bad_signature", 401
    message = N_("The request signature is missing or not valid.")


class InvalidToken(Problem):
    """A program has not sent the token that it needs (RFC 6750, section 3).

    :param is_sent: whether it sent another one.
    """

    code, status = "invalid_token", 401
    message = N_("This address requires a token. The token is missing or not valid.")

    def __init__(self, reason: str = "", *, is_sent: bool = False) -> None:
        super().__init__(reason)
        # RFC 6750, section 3.1: who sent nothing is told no error.
        self.challenge = 'Bearer realm="accounts"' + (', error="invalid_token"' if is_sent else "")


class UnknownReport(Problem):
    """What was sent can be read, and is no report about an email in any format that is known here."""

    code, status = "unknown_report", 422
    message = N_("This isn't an email report in a supported format.")


class TooManyRequests(Problem):
    """A limit is reached; ``retry_after`` says in how many seconds to try again."""

    code, status = "too_many_requests", 429
    message = N_("Too many attempts.")


class Unavailable(Problem):
    """The service is too busy, or its database does not answer."""

    code, status = "unavailable", 503
    message = N_("The service is temporarily unavailable. Please try again in a moment.")


class NobodyDecides(Unavailable):
    """There is no active admin who could decide about a request for an account."""

    code = "no_admin"
    message = N_("There is currently no admin who can decide on this. Nothing was sent. Please try again later.")


class NothingToDecide(Problem):
    """Whoever asked for an account has one by now, or an invitation that waits for them."""

    code, status = "nothing_to_decide", 409
    message = N_("The requester already has an account or an open invitation. No decision is needed.")
