"""Sign in by a mailed link. Pressing the button on its page is the act; opening it signs nobody in."""

from __future__ import annotations

from datetime import timedelta

from accounts.core.link_errors import LinkExpired, LinkUsed
from accounts.core.link_kinds.parts import auth_epoch, email, sign_ins
from accounts.core.links.link import ActResult, Link, OpenedLink
from accounts.core.links.opening import find_subject_account
from accounts.core.messages import N_, make_message
from accounts.core.outbox import Letter, OutboxItem
from accounts.core.uow import UnitOfWork
from accounts.flows.shared import mail_request

PURPOSE = "sign-in"
SIGNED_IN = N_("You're signed in.")


class SignInByMailForm(mail_request.MailRequestForm):
    """The address that asks for a sign-in link, and where to go then."""


def request_sign_in_link(uow: UnitOfWork, form: SignInByMailForm) -> None:
    """Have a sign-in link sent, if there is such an account.

    :raises TooManyRequests: alike for addresses with and without an account.
    """
    mail_request.request_letter(uow, PURPOSE, form, "sign-in.mail-asked")


def letter(uow: UnitOfWork, item: OutboxItem) -> Letter | None:
    """Return the email with the sign-in link, or None where no active account has the address."""
    return mail_request.build_account_letter(
        uow, item, SIGN_IN, find_subject_account(uow, item.about), mail_request.get_return_target(item)
    )


def act(uow: UnitOfWork, opened: OpenedLink, form: object) -> ActResult:
    """Sign the account in, by email (``amr`` is ``mail``)."""
    account = opened.account
    account.sign_in_serial += 1
    uow.record_event("sign-in.by-mail", account_id=account.id, link_id=opened.link_id)
    return ActResult(account.id, sign_in_as=account, amr=("mail",), outcome=make_message(SIGNED_IN))


SIGN_IN = Link(
    purpose=PURPOSE,
    lifetime=timedelta(minutes=15),
    about="account",
    dies_with=(email, auth_epoch, sign_ins),
    carries=mail_request.ReturnTargetPayload,
    letter=letter,
    act=act,
    goes_on=True,
    outcomes=(SIGNED_IN,),
    resend=mail_request.resend_link,
    resend_after=(LinkExpired, LinkUsed),
    title=N_("Sign in"),
    explanation=N_("Press the button to sign in on this device."),
    button=N_("Sign in"),
    done=SIGNED_IN,
)
