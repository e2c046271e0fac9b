"""Object to a security notice ("this was not me"): void the password, take all else away, start a reset.

The link binds the password and the address of the notice. Signing out everywhere does not invalidate it: whoever took
the account over could do that at once, and the owner would have no way back.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from accounts.core.clock import now
from accounts.core.link_errors import LinkUsed
from accounts.core.link_kinds.parts import email, password
from accounts.core.links.link import ActResult, Link, OpenedLink
from accounts.core.messages import N_
from accounts.core.models.account import Account
from accounts.core.outbox import Letter, OutboxItem
from accounts.core.uow import UnitOfWork
from accounts.flows.shared.accounts import subject_of
from accounts.flows.shared.fields import Form
from accounts.flows.shared.recovery import NOT_ME as NOT_ME_RECOVERY
from accounts.flows.shared.recovery import recover_account

PURPOSE = "not-me"


class NotMePayload(Form):
    """What the link says beside the account: when that happened which the owner did not do.

    :ivar since: seconds since 1970; 0, as in links from before there was this, where nobody can tell.
    """

    since: int = 0


def build_security_notice(uow: UnitOfWork, item: OutboxItem, account: Account, **context: object) -> Letter:
    """Return a notice to the owner about the security of their account, with the link to object.

    :param context: what the words need to know beside who asked, and when.
    """
    context |= {
        "asked": item.requested_by,
        "email": account.email,
        "name": account.name or None,
        "at": item.created_at,
        "until": now() + uow.site.link_signer.lifetime(NOT_ME),
    }
    url = uow.link_url(NOT_ME, subject_of(account), NotMePayload(since=int(item.created_at.timestamp())))
    return Letter.to_account(item.purpose, account, context, link=url)


def letter(uow: UnitOfWork, item: OutboxItem) -> Letter | None:
    """Return None: the link has no email of its own, it stands in notices."""
    return None


def act(uow: UnitOfWork, opened: OpenedLink, form: object) -> ActResult:
    """Take everything away that others may have of the account, and queue a reset link to the owner."""
    account = opened.account
    since = datetime.fromtimestamp(opened.carried.since, UTC) if opened.carried.since else None
    recover_account(uow, account, NOT_ME_RECOVERY, since=since)
    uow.record_event("not-me", account_id=account.id, link_id=opened.link_id)
    return ActResult(account.id)


NOT_ME = Link(
    purpose=PURPOSE,
    lifetime=timedelta(hours=72),
    about="account",
    dies_with=(password, email),
    # Whoever has no password has none to void: nothing that it binds would move.
    single_use=True,
    gone=LinkUsed,
    carries=NotMePayload,
    letter=letter,
    act=act,
    title=N_("This wasn't me"),
    explanation=N_(
        "Your password will no longer work, and you'll get a link to choose a new one. All "
        "devices will be signed out, connected sign-ins and apps disconnected, and invitations "
        "sent since then revoked."
    ),
    button=N_("Secure my account"),
    done=N_(
        "All devices are signed out, and your old password no longer works. Check your email to choose a new one."
    ),
)
