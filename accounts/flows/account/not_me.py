"""Said in every notice about security: "this was not me". Voids the password, ends all sessions, starts a reset.

It is about the password and the address of the notice. Signing out everywhere does not kill it: whoever took the
account over could do that at once, and the owner would have no way back.
"""

from __future__ import annotations

from datetime import timedelta

from accounts.core.errors import N_
from accounts.core.link_kinds.parts import email, password
from accounts.core.links.link import ActResult, Link, OpenedLink
from accounts.core.models.account import Account
from accounts.core.outbox import Letter, OutboxItem
from accounts.core.uow import UnitOfWork
from accounts.flows.shared import accounts

PURPOSE = "not-me"


def make_not_me_url(uow: UnitOfWork, account: Account) -> str:
    """The link for a notice to the owner of an account."""
    return uow.link_url(NOT_ME, accounts.subject_of(account))


def letter(uow: UnitOfWork, item: OutboxItem) -> Letter | None:
    """Never a letter of its own: the link rides in notices."""
    return None


def act(uow: UnitOfWork, opened: OpenedLink, form: object) -> ActResult:
    account = opened.account
    account.auth_epoch += 1
    accounts.void_password(uow, account)
    uow.record_event("not-me", account_id=account.id, link_id=opened.link_id)
    return ActResult(account.id)


NOT_ME = Link(
    purpose=PURPOSE,
    lifetime=timedelta(hours=72),
    about="account",
    dies_with=(password, email),
    letter=letter,
    act=act,
    title=N_("This was not me"),
    explanation=N_(
        "The password does not count any more, all devices are signed out, and you get a link to choose a new one."
    ),
    button=N_("Lock others out"),
    done=N_("Nobody is signed in any more, and the old password is void. Look into your mail to choose a new one."),
)
