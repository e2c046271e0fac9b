"""Reset a forgotten password by mail. Never signs in, never touches second factors."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from accounts.core.errors import LinkExpired, LinkUsed, sentence
from accounts.core.link_kinds.parts import auth_epoch, email, password, sign_ins_with_password
from accounts.core.links.link import Done, Link, Opened
from accounts.core.links.opening import account_of
from accounts.core.outbox import Intent, Letter
from accounts.core.uow import UnitOfWork
from accounts.flows.shared import accounts, mail_request
from accounts.flows.shared.accounts import Chosen
from accounts.flows.shared.fields import ChosenPassword
from accounts.flows.sign_in import unlock

PURPOSE = accounts.RESET_PASSWORD
VOID = "password-void"
"""Words for somebody who has no password now: they do not have to have asked, and nothing stays as it is."""


class ForgotPassword(mail_request.Asking):
    """The address whose password was forgotten."""


def ask(uow: UnitOfWork, said: ForgotPassword) -> None:
    """Have a reset link sent, if there is such an account.

    :raises TooManyRequests: alike for addresses with and without an account.
    """
    mail_request.ask(uow, PURPOSE, said, "password.reset-asked")


def letter(uow: UnitOfWork, intent: Intent) -> Letter | None:
    account = account_of(uow, intent.subject)
    found = mail_request.letter(uow, intent, RESET, account, mail_request.target(intent))
    if found is None or account is None or account.password_hash is not None:
        return found
    return replace(found, words=VOID, facts={**found.facts, "forgot_url": uow.house.signer.page("/forgot-password")})


def prepare(uow: UnitOfWork, opened: Opened, said: ChosenPassword) -> Chosen:
    account = opened.account
    return Chosen(accounts.choose(uow, said.password, email=account.email, name=account.name))


def act(uow: UnitOfWork, opened: Opened, said: Chosen) -> Done:
    account = opened.account
    accounts.set_password(uow, account, said.password_hash)
    unlock.lift(account)
    uow.note("password.reset", account_id=account.id, link_id=opened.link_id)
    return Done(account.id)


RESET = Link(
    purpose=PURPOSE,
    lives=timedelta(minutes=30),
    about="account",
    dies_with=(password, email, auth_epoch, sign_ins_with_password),
    asks=ChosenPassword,
    carries=mail_request.Target,
    again=mail_request.again,
    again_after=(LinkExpired, LinkUsed),
    letter=letter,
    prepare=prepare,
    act=act,
    title=sentence("Choose a new password"),
    explains=sentence("All other devices that are signed in to this account will be signed out."),
    button=sentence("Set password"),
    done=sentence("Your new password is set. Please sign in with it."),
)
