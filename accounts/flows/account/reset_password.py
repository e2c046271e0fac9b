"""Reset a forgotten password by mail. Never signs in, never touches second factors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from accounts.core.link_errors import LinkExpired, LinkUsed
from accounts.core.link_kinds.parts import auth_epoch, email, password, sign_ins_with_password
from accounts.core.links.link import ActResult, Link, OpenedLink
from accounts.core.links.opening import find_subject_account
from accounts.core.messages import N_
from accounts.core.outbox import Letter, OutboxItem
from accounts.core.uow import UnitOfWork
from accounts.flows.shared import accounts, mail_request, recovery
from accounts.flows.shared.credentials import RecoveryForm, count_asked
from accounts.flows.shared.fields import NewPasswordForm

PURPOSE = recovery.RESET_PASSWORD
PASSWORD_VOID_WORDS = "password-void"  # noqa: S105 - the name of a letter
"""Words for somebody who has no password now: they do not have to have asked, and nothing stays as it is."""


class ForgotPasswordForm(mail_request.MailRequestForm):
    """The address whose password was forgotten."""


class ResetPasswordForm(RecoveryForm, NewPasswordForm):
    """The new password, and what else is taken away with the old one."""


@dataclass(frozen=True, slots=True)
class CheckedReset:
    """A new password that was checked and hashed before the unit of work began, and what shall stay."""

    password_hash: str
    kept: frozenset[str]


def request_password_reset(uow: UnitOfWork, form: ForgotPasswordForm) -> None:
    """Have a reset link sent, if there is such an account.

    :raises TooManyRequests: alike for addresses with and without an account.
    """
    mail_request.request_letter(uow, PURPOSE, form, "password.reset-asked")


def letter(uow: UnitOfWork, item: OutboxItem) -> Letter | None:
    """Return the email with the reset link, or None where no active account has the address."""
    account = find_subject_account(uow, item.about)
    account_letter = mail_request.build_account_letter(
        uow, item, RESET, account, mail_request.get_return_target(item)
    )
    if account_letter is None or account is None or account.password_hash is not None:
        return account_letter
    context = {
        **account_letter.context,
        "forgot_url": uow.site.link_signer.page_url("/forgot-password"),
        "taken": item.facts.get("taken", {}),
    }
    return replace(account_letter, words=PASSWORD_VOID_WORDS, context=context)


def prepare_new_password(uow: UnitOfWork, opened: OpenedLink, form: ResetPasswordForm) -> CheckedReset:
    """Check and hash the new password, before the transaction."""
    account = opened.account
    password_hash = accounts.hash_new_password(uow, form.password, email=account.email, name=account.name)
    return CheckedReset(password_hash, form.kept)


def act(uow: UnitOfWork, opened: OpenedLink, reset: CheckedReset) -> ActResult:
    """Set the new password, lift the lock, and take away what others may have of the account."""
    account = opened.account
    recovery.recover_account(uow, account, recovery.RESET, kept=reset.kept, password_hash=reset.password_hash)
    uow.record_event("password.reset", account_id=account.id, link_id=opened.link_id)
    return ActResult(account.id)


RESET = Link(
    purpose=PURPOSE,
    lifetime=timedelta(minutes=30),
    about="account",
    dies_with=(password, email, auth_epoch, sign_ins_with_password),
    form=ResetPasswordForm,
    carries=mail_request.ReturnTargetPayload,
    resend=mail_request.resend_link,
    resend_after=(LinkExpired, LinkUsed),
    letter=letter,
    prepare=prepare_new_password,
    act=act,
    context=lambda uow, opened: {"disconnects": count_asked(uow, opened.account.id)},
    title=N_("Choose a new password"),
    explanation=N_("All other devices signed in to this account will be signed out."),
    button=N_("Set password"),
    done=N_("Your new password is set. Sign in with it now."),
)
