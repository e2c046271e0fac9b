"""What admins do about accounts: finding one, and helping its owner. Nobody sees or chooses a password."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import Select, and_, exists, func, select

from accounts.core.clock import now
from accounts.core.database import terms
from accounts.core.database.page import Keyset, Page, are_few
from accounts.core.database.terms import ACCOUNT_TERMS
from accounts.core.errors import InvalidInput, NotFound
from accounts.core.mail_lanes import BULK, DIRECT
from accounts.core.messages import N_
from accounts.core.models.account import LOCKOUT_DURATION, Account, Membership
from accounts.core.models.terms import AccountTerm
from accounts.core.uow import UnitOfWork
from accounts.flows.account import close_account
from accounts.flows.audit import search as audit_search
from accounts.flows.audit.search import AuditEvent
from accounts.flows.helpdesk.account_filter import AccountFilter, build_conditions, find_named_account
from accounts.flows.oidc import connected_apps
from accounts.flows.oidc.connected_apps import ConnectedApp
from accounts.flows.sessions import session as sessions
from accounts.flows.sessions import session_list
from accounts.flows.sessions.session_list import OpenSession
from accounts.flows.shared import accounts, recovery, unreachable
from accounts.flows.shared.fields import Checkbox, Email, Form, PageForm
from accounts.flows.shared.unreachable import UnreachableMark
from accounts.flows.upstream import identities
from accounts.flows.upstream.identities import ConnectedIdentity as Identity

ADDRESS_ORDER = Keyset((Account.email_key,))
MEMBER_ORDER = Keyset((Membership.account_id,))
TERM_ORDER = Keyset((AccountTerm.term, AccountTerm.email_key))
RESET_SENT_EVENT, ACCOUNT_DELETED_EVENT = "account.reset-sent", "account.deleted"
UNDISCLOSED_REQUEST = {"network": "", "agent": ""}
"""In the place of who asked for a letter: an admin's network is nobody else's business."""
WRONG_ADDRESS_MESSAGE = N_("This email address doesn't match the account. Enter the account's email address.")


class AccountSearchForm(AccountFilter, PageForm):
    """Which accounts, which page of them, and from which end of their order, whose index is read either way."""

    order: Literal["asc", "desc"] = Field(default="asc", json_schema_extra={"input": "hidden"})


class DeleteAccountForm(Form):
    """The address once more: whoever deletes for good shall have read whom."""

    email: Email


class InvitedForm(Form):
    """Whether an account shall count as invited."""

    invited: Checkbox


@dataclass(frozen=True, slots=True)
class AccountRow:
    """One account in the list.

    :ivar unreachable: why mail to its address comes back; None where none is known to.
    """

    id: str
    email: str
    email_verified: bool
    invited: bool
    name: str
    state: str
    groups: tuple[str, ...]
    created_at: datetime
    last_sign_in_at: datetime | None
    unreachable: UnreachableMark | None = None


@dataclass(frozen=True, slots=True)
class AccountDetails:
    """One account, as admins see it.

    :ivar locked_until: until when wrong passwords hold up further ones; None where they do not.
    :ivar terms_version: the version of the terms that the owner has accepted last; "" for none.
    :ivar old_email: the address before the last change, as long as it can be taken back.
    """

    account: AccountRow
    locale: str
    terms_version: str
    terms_accepted_at: datetime | None
    has_password: bool
    failures: int
    locked_until: datetime | None
    old_email: str
    sessions: tuple[OpenSession, ...]
    history: tuple[AuditEvent, ...]
    apps: tuple[ConnectedApp, ...]
    identities: tuple[Identity, ...]


def search_accounts(uow: UnitOfWork, form: AccountSearchForm) -> Page[AccountRow]:
    """Return one page of accounts by address; those that are looked for by text, by the term that it begins.

    A whole address, or an id, finds its account and no others. Members of a group that has many come by id.

    :raises NotFound: the account behind which the page begins is gone.
    """
    statement = select(Account).where(*build_conditions(form))
    # Not the first page again: whoever reads page after page would never come to an end.
    last = accounts.get_account(uow, form.after) if form.after else None
    order = ADDRESS_ORDER
    after: tuple[str, ...] | None = (last.email_key,) if last else None
    words = terms.parse_words(form.q)
    if found_id := find_named_account(uow, form.q):
        statement, words = statement.where(Account.id == found_id), []
    if words:
        statement = _select_matches(uow, statement, words)
        order, after = TERM_ORDER, _find_place(uow, last, words[0]) if last else None
    if form.group:
        is_member = and_(Membership.account_id == Account.id, Membership.group == form.group)
        members = select(Membership.account_id).where(Membership.group == form.group)
        if are_few(uow.session.scalar, members):
            statement = statement.where(Account.id.in_(members))
        elif words:
            statement = statement.where(exists().where(is_member))
        else:
            statement = statement.join(Membership, is_member)
            order, after = MEMBER_ORDER, (last.id,) if last else None
    page: Page[Account] = replace(order, descending=form.order == "desc").fetch_page(
        uow.session.scalars,
        statement,
        limit=form.limit,
        after=after,
        # An id, not the address itself: cursors stand in addresses of pages, and so in logs.
        format_cursor=lambda row: row.id,
    )
    return Page(_build_rows(uow, page.rows), page.next)


def _select_matches(uow: UnitOfWork, statement: Select[Any], words: Sequence[str]) -> Select[Any]:
    """Narrow a statement to accounts that have all words: each once, by its first term that has the first word."""
    terms.update_terms(uow.site.store.engine, ACCOUNT_TERMS)
    return statement.join(AccountTerm, AccountTerm.email_key == Account.email_key).where(
        ACCOUNT_TERMS.matches(words[0]),
        ACCOUNT_TERMS.is_first_match(words[0]),
        *(ACCOUNT_TERMS.is_found_by(word) for word in words[1:]),
    )


def _find_place(uow: UnitOfWork, account: Account, word: str) -> tuple[str, str]:
    of_account = AccountTerm.email_key == account.email_key
    term = uow.session.scalar(select(func.min(AccountTerm.term)).where(of_account, ACCOUNT_TERMS.matches(word)))
    if term is None:
        raise NotFound("that account is not found by this text any more")
    return term, account.email_key


def _build_rows(uow: UnitOfWork, rows: Any) -> list[AccountRow]:
    groups: dict[str, list[str]] = {row.id: [] for row in rows}
    for account_id, group in uow.session.execute(
        select(Membership.account_id, Membership.group).where(Membership.account_id.in_(groups))
    ):
        groups[account_id].append(group)
    marks = unreachable.find_marks(uow, [row.email_key for row in rows])
    return [
        AccountRow(
            row.id,
            row.email,
            not row.email_unproven,
            row.invited,
            row.name,
            _account_state(row),
            tuple(sorted(groups[row.id])),
            row.created_at,
            row.last_sign_in_at,
            marks.get(row.email_key),
        )
        for row in rows
    ]


def _account_state(row: Account) -> str:
    return "locked" if row.active and row.locked(now()) else row.status


def get_account_details(uow: UnitOfWork, account_id: str) -> AccountDetails:
    """Return all that admins are shown of an account.

    :raises NotFound: there is none.
    """
    row = accounts.get_account(uow, account_id)
    is_anchored = row.anchor_until is not None and row.anchor_until > now()
    return AccountDetails(
        account=_build_rows(uow, [row])[0],
        locale=row.locale,
        terms_version=row.terms_version,
        terms_accepted_at=row.terms_accepted_at,
        has_password=row.password_hash is not None,
        failures=row.failures,
        locked_until=row.locked_at + LOCKOUT_DURATION if row.locked_at and row.locked(now()) else None,
        old_email=str(row.anchor_email) if is_anchored else "",
        sessions=tuple(session_list.list_sessions(uow, row.id)),
        history=tuple(audit_search.list_account_events(uow, row.id)),
        apps=tuple(connected_apps.list_connected_apps(uow, row.id)),
        identities=tuple(identities.list_identities(uow, row.id)),
    )


def send_password_reset(uow: UnitOfWork, account_id: str) -> None:
    """Mail the owner a link to choose a new password. Nothing changes until they use it.

    :raises NotFound: there is no such account.
    """
    with uow:
        enqueue_reset(uow, accounts.get_account(uow, account_id))


def enqueue_reset(uow: UnitOfWork, account: Account, *, batch_id: str | None = None) -> None:
    """Queue that link in a unit of work under way.

    :param batch_id: the act by which many are mailed one; None for an act on one account.
    """
    lane = DIRECT if batch_id is None else BULK
    facts = {"asked": UNDISCLOSED_REQUEST}
    mail = recovery.enqueue_reset_link(uow, account, facts, lane=lane, batch_id=batch_id)
    event_facts = {"mail": mail, "purpose": recovery.RESET_PASSWORD}
    uow.record_event(RESET_SENT_EVENT, account_id=account.id, facts=event_facts)


def end_account_sessions(uow: UnitOfWork, account_id: str) -> None:
    """Sign somebody out everywhere.

    :raises NotFound: there is no such account.
    """
    accounts.get_account(uow, account_id)
    uow.release()
    sessions.sign_out_everywhere(uow, account_id)


def end_account_session(uow: UnitOfWork, account_id: str, session_id: str) -> None:
    """Sign somebody out on one device.

    :raises NotFound: there is no such account, or it is no open session of theirs.
    """
    accounts.get_account(uow, account_id)
    uow.release()
    session_list.end_session(uow, account_id, session_id)


def clear_account_lock(uow: UnitOfWork, account_id: str) -> None:
    """Let passwords be tried again, before the lock ends by itself.

    :raises NotFound: there is no such account.
    """

    def work() -> None:
        account = accounts.get_account(uow, account_id)
        if account.locked_at is not None or account.failures:
            recovery.clear_lock(account)
            uow.record_event("account.unlocked", account_id=account.id)

    uow.attempt(work)


def delete_account_as_admin(uow: UnitOfWork, account_id: str, form: DeleteAccountForm) -> None:
    """Delete an account for good and tell its address so.

    :raises NotFound: there is no such account.
    :raises InvalidInput: the address is of another one.
    :raises LastAdmin: nobody would administer any more.
    """

    def work() -> None:
        account = accounts.get_account(uow, account_id, lock=True)
        if account.email_key != form.email.key:
            raise InvalidInput.for_field("another address", "email", "other_address", WRONG_ADDRESS_MESSAGE)
        locale, is_anchored = account.locale, account.anchor_until is not None and account.anchor_until > now()
        # Whoever could still have taken the account back hears of it, too.
        addresses = {account.email, str(account.anchor_email)} if is_anchored else {account.email}
        close_account.delete_account(uow, account)
        for address in sorted(addresses):
            uow.enqueue(close_account.ACCOUNT_DELETED_NOTICE, address, {"asked": UNDISCLOSED_REQUEST}, locale)
        uow.record_event(ACCOUNT_DELETED_EVENT, account_id=account_id)

    uow.attempt(work)
