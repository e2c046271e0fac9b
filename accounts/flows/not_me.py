"""Said in every notice about security: "this was not me". Ends all sessions and starts a reset."""

from __future__ import annotations

from datetime import timedelta

from accounts.core.errors import sentence
from accounts.core.links import Done, Link, Opened, auth_epoch
from accounts.core.models import Account
from accounts.core.outbox import Intent, Letter
from accounts.core.uow import UnitOfWork
from accounts.flows import accounts

PURPOSE = "not-me"


def url_for(uow: UnitOfWork, account: Account) -> str:
    """The link for a notice to the owner of an account."""
    return uow.url(NOT_ME, accounts.subject_of(account))


def letter(uow: UnitOfWork, intent: Intent) -> Letter | None:
    """Never a letter of its own: the link rides in notices."""
    return None


def act(uow: UnitOfWork, opened: Opened, said: object) -> Done:
    account = opened.account
    account.auth_epoch += 1
    accounts.start_reset(uow, account)
    uow.note("not-me", account_id=account.id, link_id=opened.link_id)
    return Done(account.id)


NOT_ME = Link(
    purpose=PURPOSE,
    lives=timedelta(hours=72),
    about="account",
    dies_with=(auth_epoch,),
    letter=letter,
    act=act,
    title=sentence("This was not me"),
    explains=sentence("All devices are signed out, and we mail you a link to choose a new password."),
    button=sentence("Sign out everywhere"),
    done=sentence("All devices are signed out. Look into your mail to choose a new password."),
)
