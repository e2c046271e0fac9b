"""Accounts as such: making one, granting groups, setting a password, switching off. Other flows build on these."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import bindparam, func, select

from accounts.core.clock import now
from accounts.core.database.spent import FOR_EVER
from accounts.core.database.sql import CompiledStatement
from accounts.core.errors import AddressTaken, Conflict, LastAdmin, NotFound
from accounts.core.ids import new_id
from accounts.core.link_kinds.parts import Subject
from accounts.core.links.link import OpenedLink
from accounts.core.local_time import UNKNOWN_ZONE
from accounts.core.models.account import ADMIN_GROUP, Account, Membership
from accounts.core.security.addresses import AddressRefused, EmailAddress, parse_email
from accounts.core.uow import UnitOfWork
from accounts.flows.shared import recovery, terms
from accounts.flows.shared.credentials import TAKE_ALL, RecoveryForm

FIRST_ADMIN_SPENT_ID = "invite:first-admin"
"""Spent as soon as anybody administers; the door for the first admin never opens again."""
KEPT_ADDRESS_REASON = "kept for whoever may undo a change of address"


@dataclass(frozen=True, slots=True)
class NewCredentials:
    """A password that was checked and hashed before the unit of work began.

    :ivar terms: the version of the terms that was accepted with it; "" for none.
    """

    password_hash: str
    email: EmailAddress | None = None
    name: str = ""
    zone: str = UNKNOWN_ZONE
    terms: str = ""


@dataclass(frozen=True, slots=True)
class NoPassword:
    """Credentials of a user who signs in with another provider, and may set a password later by email.

    :ivar terms: the version of the terms that they have accepted; "" for none.
    """

    name: str = ""
    terms: str = ""
    password_hash: None = None
    email: None = None
    zone: str = UNKNOWN_ZONE


InitialCredentials = NewCredentials | NoPassword
"""What is known of somebody who gets an account."""


def hash_new_password(uow: UnitOfWork, password: str, *, email: str, name: str = "", field: str = "password") -> str:
    """Check and hash a chosen password. Slow: belongs before the unit of work.

    :raises InvalidInput: it may not be chosen; names ``field``.
    :raises Unavailable: too many hashes are waiting already.
    """
    uow.release()
    local, _, domain = email.partition("@")
    context = [uow.site.settings.service_name, email, local, domain, domain.split(".")[0], *name.split(), name]
    return uow.site.passwords.check_and_hash(password, context, field=field)


def create_account(
    uow: UnitOfWork,
    email: str,
    credentials: InitialCredentials,
    *,
    groups: Iterable[str] = (),
    locale: str,
    invited: bool = False,
) -> Account:
    """Create an active account. The UNIQUE index on the address decides between two at once.

    :param invited: whether somebody let them in, who need not have signed up.
    :raises AddressTaken: the address is kept for somebody.
    """
    if is_anchored(uow, email):
        raise AddressTaken(KEPT_ADDRESS_REASON)
    address = parse_email(email)
    account = Account(
        id=new_id(),
        email=address.email,
        email_key=address.key,
        name=credentials.name,
        locale=locale,
        zone=credentials.zone,
        password_hash=credentials.password_hash,
        auth_epoch=1,
        sign_in_serial=0,
        invited=invited,
        memberships=[],
    )
    uow.session.add(account)
    uow.announce("account.created", account.id)
    if credentials.terms:
        terms.record_acceptance(uow, account, credentials.terms)
    add_groups(uow, account, groups)
    return account


def check_address_available(opened: OpenedLink) -> None:
    """Check that a new account may have the address of a link, where nobody holds it.

    :raises AddressTaken: it is kept for somebody.
    """
    if opened.subject.account is None and opened.is_reserved:
        raise AddressTaken(KEPT_ADDRESS_REASON)


_SELECT_KEEPERS = CompiledStatement(
    select(Account.id).where(Account.anchor_key == bindparam("email_key"), Account.anchor_until > bindparam("moment"))
)


def is_anchored(uow: UnitOfWork, email: str, *, except_account_id: str = "") -> bool:
    """Whether an address is kept for somebody who may still undo a change away from it."""
    keepers = uow.execute(_SELECT_KEEPERS, {"email_key": parse_email(email).key, "moment": now()})
    return any(account_id != except_account_id for (account_id,) in keepers)


def add_groups(uow: UnitOfWork, account: Account, groups: Iterable[str]) -> tuple[str, ...]:
    """Add groups; answers those that are new."""
    new = tuple(sorted(set(groups) - set(account.groups)))
    account.memberships.extend(Membership(account_id=account.id, group=group) for group in new)
    if ADMIN_GROUP in new:
        uow.spend(FIRST_ADMIN_SPENT_ID, FOR_EVER)
    if new:
        uow.record_event("account.groups", account_id=account.id, facts={"added": list(new)})
    return new


def remove_groups(uow: UnitOfWork, account: Account, groups: Iterable[str]) -> tuple[str, ...]:
    """Remove groups, in a unit of work under way; answers those that it was in. Losing one ends its sessions.

    :raises LastAdmin: nobody would administer any more.
    """
    names = tuple(sorted(set(groups).intersection(account.groups)))
    if not names:
        return ()
    if ADMIN_GROUP in names:
        lock_admins(uow)
    for membership in [each for each in account.memberships if each.group in names]:
        account.memberships.remove(membership)
    account.auth_epoch += 1
    uow.record_event("account.groups", account_id=account.id, facts={"removed": list(names)})
    if ADMIN_GROUP in names:
        check_admin_remains(uow)
    return names


def get_email_key(text: str) -> str:
    """Return the unique form of an address; "" for anything else, such as an id."""
    try:
        return parse_email(text).key
    except AddressRefused:
        return ""


def find_account(uow: UnitOfWork, id_or_email: str) -> Account:
    """Return an account by id or address.

    :raises NotFound: there is none.
    """
    statement = select(Account).where(Account.id == id_or_email)
    if "@" in id_or_email:
        statement = select(Account).where(Account.email_key == get_email_key(id_or_email))
    account = uow.session.scalars(statement).first()
    if account is None:
        raise NotFound(f"no account {id_or_email}")
    return account


def find_addresses(uow: UnitOfWork, account_ids: Iterable[str]) -> dict[str, str]:
    """Return the addresses of accounts by their ids, of those that are there."""
    statement = select(Account.id, Account.email).where(Account.id.in_({*account_ids} - {""}))
    return {row.id: row.email for row in uow.session.execute(statement)}


def set_invited(uow: UnitOfWork, account_id: str, *, invited: bool) -> Account:
    """Say of an account that it was let in, or that it was not: apps for invited people judge by that.

    :raises NotFound: there is no such account.
    """

    def work() -> Account:
        account = get_account(uow, account_id)
        if account.invited != invited:
            account.invited = invited
            uow.record_event("account.let-in", account_id=account.id, facts={"invited": invited})
        return account

    return uow.attempt(work)


def get_unchanged_account(uow: UnitOfWork, account_id: str, epoch: int) -> Account:
    """Return the account that is signed in, to be changed in this transaction.

    :param epoch: the ``auth_epoch`` of the session that the request came with.
    :raises Conflict: the sessions of this epoch were ended since.
    """
    account = uow.session.get_one(Account, account_id)
    if account.auth_epoch != epoch or not account.active:
        raise Conflict("password or sessions changed meanwhile")
    return account


def disable_account(uow: UnitOfWork, account_id: str) -> Account:
    """Disable an account: sessions are revoked and links invalid at once.

    :raises LastAdmin: nobody would administer any more.
    """

    def work() -> Account:
        account = get_account(uow, account_id, lock=True)
        if account.active:
            switch_off(uow, account)
        return account

    return uow.attempt(work)


def switch_off(uow: UnitOfWork, account: Account) -> None:
    """Disable an active account in a unit of work under way, which holds the lock on who administers.

    :raises LastAdmin: nobody would administer any more.
    """
    account.status = "disabled"
    recovery.recover_account(uow, account, recovery.DISABLE)
    uow.record_event("account.disabled", account_id=account.id)
    if ADMIN_GROUP in account.groups:
        check_admin_remains(uow)


def enable_account(uow: UnitOfWork, account_id: str, form: RecoveryForm = TAKE_ALL) -> Account:
    """Enable an account again. Sessions and links from before stay invalid.

    :param form: what else is taken away, so that nobody comes back with the account who should not.
    """

    def work() -> Account:
        account = get_account(uow, account_id, lock=True)
        if not account.active:
            switch_on(uow, account, form.kept)
        return account

    return uow.attempt(work)


def switch_on(uow: UnitOfWork, account: Account, kept: Collection[str]) -> None:
    """Enable a disabled account in a unit of work under way.

    :param kept: names of credentials that shall stay.
    """
    account.status = "active"
    recovery.recover_account(uow, account, recovery.ENABLE, kept=kept)
    uow.record_event("account.enabled", account_id=account.id)


def set_groups(uow: UnitOfWork, account_id: str, groups: Iterable[str]) -> Account:
    """Make these the groups of an account. Losing one ends its sessions.

    :raises LastAdmin: nobody would administer any more.
    """
    new_groups = set(groups)

    def work() -> Account:
        account = get_account(uow, account_id, lock=True)
        add_groups(uow, account, new_groups)
        remove_groups(uow, account, set(account.groups) - new_groups)
        return account

    return uow.attempt(work)


def get_account(uow: UnitOfWork, account_id: str, *, lock: bool = False) -> Account:
    """Return an account by id.

    :param lock: lock who administers first, and read the account anew: for changes after which an admin must remain.
    :raises NotFound: there is none.
    """
    if lock:
        lock_admins(uow)
    account = uow.session.get(Account, account_id, populate_existing=lock)
    if account is None:
        raise NotFound(f"no account {account_id}")
    return account


def lock_admins(uow: UnitOfWork) -> None:
    """Lock who administers (on SQLite the first write does): two admins who switch each other off come one by one."""
    uow.session.execute(select(Membership).where(Membership.group == ADMIN_GROUP).with_for_update()).all()


def check_admin_remains(uow: UnitOfWork) -> None:
    """Look at the end of a change whether anybody still administers.

    :raises LastAdmin: nobody would.
    """
    uow.session.flush()
    admins = uow.session.scalar(
        select(func.count())
        .select_from(Membership)
        .join(Account, Account.id == Membership.account_id)
        .where(Membership.group == ADMIN_GROUP, Account.active)
    )
    if not admins:
        raise LastAdmin("the last active admin")


def subject_of(account: Account) -> Subject:
    """Return an account as the subject of a link about it."""
    return Subject(account.id, account)
