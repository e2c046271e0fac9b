"""Reset a forgotten password by mail. Never signs in, never touches second factors."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from accounts.core.errors import N_, LinkExpired, LinkUsed
from accounts.core.link_kinds.parts import auth_epoch, email, password, sign_ins_with_password
from accounts.core.links.link import ActResult, Link, OpenedLink
from accounts.core.links.opening import find_subject_account
from accounts.core.outbox import Letter, OutboxItem
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


def letter(uow: UnitOfWork, intent: OutboxItem) -> Letter | None:
    account = find_subject_account(uow, intent.subject)
    found = mail_request.letter(uow, intent, RESET, account, mail_request.target(intent))
    if found is None or account is None or account.password_hash is not None:
        return found
    return replace(
        found, words=VOID, context={**found.context, "forgot_url": uow.site.link_signer.page_url("/forgot-password")}
    )


def prepare(uow: UnitOfWork, opened: OpenedLink, said: ChosenPassword) -> Chosen:
    account = opened.account
    return Chosen(accounts.choose(uow, said.password, email=account.email, name=account.name))


def act(uow: UnitOfWork, opened: OpenedLink, said: Chosen) -> ActResult:
    account = opened.account
    accounts.set_password(uow, account, said.password_hash)
    unlock.lift(account)
    uow.record_event("password.reset", account_id=account.id, link_id=opened.link_id)
    return ActResult(account.id)


RESET = Link(
    purpose=PURPOSE,
    lifetime=timedelta(minutes=30),
    about="account",
    dies_with=(password, email, auth_epoch, sign_ins_with_password),
    form=ChosenPassword,
    carries=mail_request.Target,
    can_resend=mail_request.again,
    resend_after=(LinkExpired, LinkUsed),
    letter=letter,
    prepare=prepare,
    act=act,
    title=N_("Choose a new password"),
    explanation=N_("All other devices that are signed in to this account will be signed out."),
    button=N_("Set password"),
    done=N_("Your new password is set. Please sign in with it."),
)
