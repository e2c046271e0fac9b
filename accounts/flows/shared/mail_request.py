"""Share what kinds of links do alike: a user enters an address, and an email with a link goes to the account."""

from __future__ import annotations

from pydantic import BaseModel

from accounts.core.clock import now
from accounts.core.link_kinds.kind import LinkClaims
from accounts.core.links.link import Link
from accounts.core.models.account import Account
from accounts.core.outbox import Letter, OutboxItem
from accounts.core.uow import UnitOfWork
from accounts.flows.shared import accounts, mail_limits
from accounts.flows.shared.fields import Email, Form, Next


class MailRequestForm(Form):
    """An address, and where to go once its email was read."""

    email: Email
    next: Next = ""


class ReturnTargetPayload(Form):
    """What a link says beside the account: where the user wanted to go, if anywhere."""

    next: str = ""


def request_letter(uow: UnitOfWork, purpose: str, form: MailRequestForm, event: str) -> None:
    """Queue an email. Looks nobody up: the worker finds out whether there is an account.

    :raises TooManyRequests: alike for addresses with and without an account.
    """
    with mail_limits.record_held(uow, purpose, email_key=form.email.key), uow:
        uow.count_attempts(*mail_limits.visitor_attempts(uow, purpose, form.email.key))
        mail_id = uow.enqueue(purpose, form.email.email, {"next": form.next})
        uow.record_event(event, email_key=form.email.key, facts={"mail": mail_id, "purpose": purpose})


def resend_link(uow: UnitOfWork, claims: LinkClaims) -> bool:
    """Have a fresh link sent with the same return target."""
    uow.enqueue(claims.kind.purpose, claims.subject_id, {"next": claims.carried.next})
    return True


def get_return_target(item: OutboxItem) -> ReturnTargetPayload | None:
    """Return the return target of whoever asked. None, not an empty one: it would make every link longer."""
    next_path = item.facts.get("next", "")
    return ReturnTargetPayload(next=next_path) if next_path else None


def build_account_letter(
    uow: UnitOfWork,
    item: OutboxItem,
    link: Link,
    account: Account | None,
    carried: BaseModel | None = None,
    *,
    to: str = "",
) -> Letter | None:
    """Return the email with a link about an account; None where there is no account that may be used.

    :param to: the address, where it is not the account's own.
    """
    if account is None or not account.active:
        return None
    context = {
        "asked": item.requested_by,
        "email": to or account.email,
        "name": account.name or None,
        "until": now() + uow.site.link_signer.lifetime(link),
    }
    url = uow.link_url(link, accounts.subject_of(account), carried)
    return Letter.to_account(link.purpose, account, context, link=url, to=to)


def build_already_registered_letter(uow: UnitOfWork, item: OutboxItem, account: Account) -> Letter | None:
    """Return the email to an address that asks for an account and has one; None where that one is disabled."""
    if not account.active:
        return None
    link_signer = uow.site.link_signer
    context = {
        "asked": item.requested_by,
        "email": account.email,
        "sign_in_url": link_signer.page_url("/sign-in"),
        "forgot_url": link_signer.page_url("/forgot-password"),
    }
    return Letter.to_account("already-registered", account, context)
