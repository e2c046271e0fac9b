"""Sign in by a mailed link. Pressing the button on its page is the act; opening it signs nobody in."""

from __future__ import annotations

from datetime import timedelta

from accounts.core.errors import LinkExpired, LinkUsed, sentence
from accounts.core.link_kinds.parts import auth_epoch, email, sign_ins
from accounts.core.links.link import Done, Link, Opened
from accounts.core.links.opening import account_of
from accounts.core.outbox import Intent, Letter
from accounts.core.uow import UnitOfWork
from accounts.flows.shared import mail_request

PURPOSE = "sign-in"


class SignInByMail(mail_request.Asking):
    """The address that asks for a sign-in link, and where to go then."""


def ask(uow: UnitOfWork, said: SignInByMail) -> None:
    """Have a sign-in link sent, if there is such an account.

    :raises TooManyRequests: alike for addresses with and without an account.
    """
    mail_request.ask(uow, PURPOSE, said, "sign-in.mail-asked")


def letter(uow: UnitOfWork, intent: Intent) -> Letter | None:
    return mail_request.letter(uow, intent, SIGN_IN, account_of(uow, intent.subject), mail_request.target(intent))


def act(uow: UnitOfWork, opened: Opened, said: object) -> Done:
    account = opened.account
    account.sign_in_serial += 1
    uow.note("sign-in.by-mail", account_id=account.id, link_id=opened.link_id)
    return Done(account.id, signs_in=account, amr=("mail",))


SIGN_IN = Link(
    purpose=PURPOSE,
    lives=timedelta(minutes=15),
    about="account",
    dies_with=(email, auth_epoch, sign_ins),
    carries=mail_request.Target,
    letter=letter,
    act=act,
    again=mail_request.again,
    again_after=(LinkExpired, LinkUsed),
    title=sentence("Sign in"),
    explains=sentence("Press the button, and you are signed in on this device."),
    button=sentence("Sign in"),
    done=sentence("You are signed in."),
)
