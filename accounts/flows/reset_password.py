"""Reset a forgotten password by mail. Never signs in, never touches second factors."""

from __future__ import annotations

from datetime import timedelta

from accounts.core import throttle
from accounts.core.clock import now
from accounts.core.errors import sentence
from accounts.core.links import Done, Link, Opened, auth_epoch, email, password, sign_ins
from accounts.core.opening import holder_of
from accounts.core.outbox import Intent, Letter
from accounts.core.uow import UnitOfWork
from accounts.flows import accounts, change_password
from accounts.flows.accounts import Chosen
from accounts.flows.inputs import Asks, ChosenPassword, Email

PURPOSE = "reset-password"


class ForgotPassword(Asks):
    """The address whose password was forgotten."""

    email: Email


def ask(uow: UnitOfWork, said: ForgotPassword) -> None:
    """Have a reset link sent, if there is such an account. Looks nobody up.

    :raises TooManyRequests: alike for addresses with and without an account.
    """
    uow.house.throttle.hit(throttle.MAIL_NETWORK, uow.asker.network)
    uow.house.throttle.hit(throttle.MAIL_ADDRESS, PURPOSE, said.email.key)
    with uow:
        uow.put(PURPOSE, said.email.email)
        uow.note("password.reset-asked")


def letter(uow: UnitOfWork, intent: Intent) -> Letter | None:
    subject = holder_of(uow, intent.subject)
    account = subject.account
    if account is None or not account.active:
        return None
    signer = uow.house.signer
    token = signer.sign(RESET, accounts.subject_of(account))
    facts = {
        "asked": intent.asked,
        "email": account.email,
        "name": account.name or None,
        "until": now() + signer.lives(RESET),
    }
    return Letter(PURPOSE, account.email, account.locale, facts, link=signer.url(RESET, token))


def prepare(uow: UnitOfWork, opened: Opened, said: ChosenPassword) -> Chosen:
    account = opened.account
    return Chosen(accounts.choose(uow, said.password, email=account.email, name=account.name))


def act(uow: UnitOfWork, opened: Opened, said: Chosen) -> Done:
    account = opened.account
    accounts.set_password(account, said.password_hash)
    uow.put(change_password.NOTICE, account.id, locale=account.locale)
    uow.note("password.reset", account_id=account.id, link_id=opened.link_id)
    return Done(account.id)


RESET = Link(
    purpose=PURPOSE,
    lives=timedelta(minutes=30),
    about="account",
    dies_with=(password, email, auth_epoch, sign_ins),
    asks=ChosenPassword,
    letter=letter,
    prepare=prepare,
    act=act,
    title=sentence("Choose a new password"),
    explains=sentence("All other devices that are signed in to this account will be signed out."),
    button=sentence("Set password"),
    done=sentence("Your new password is set. Please sign in with it."),
)
