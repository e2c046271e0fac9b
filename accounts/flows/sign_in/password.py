"""Sign in with address and password."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

from pydantic import Field
from sqlalchemy import ColumnElement, ScalarSelect, bindparam, case, func, literal, select, update

from accounts.core.clock import now
from accounts.core.database.sql import CompiledStatement, Row
from accounts.core.errors import SignInFailed
from accounts.core.local_time import UNKNOWN_ZONE
from accounts.core.messages import N_
from accounts.core.models.account import LOCKOUT_DURATION, Account, Membership
from accounts.core.security import throttle
from accounts.core.uow import UnitOfWork
from accounts.flows.sessions import session as sessions
from accounts.flows.sessions.session import CurrentAccount
from accounts.flows.shared.fields import BrowserZone, Checkbox, CurrentPassword, Email, Form, Next
from accounts.flows.sign_in import unlock
from accounts.flows.sign_in.devices import KnownDevice

SIGN_IN_FAILED_EVENT = "sign-in.failed"
UNKNOWN_DEVICE = KnownDevice()


class SignInForm(Form):
    """Address and password, whether to stay signed in, and where to go then."""

    email: Email
    password: CurrentPassword
    remember: Checkbox = Field(
        default=False, title=N_("Stay signed in on this device"), json_schema_extra={"input": "checkbox"}
    )
    next: Next = ""
    zone: BrowserZone = UNKNOWN_ZONE


def sign_in_with_password(
    uow: UnitOfWork, form: SignInForm, *, device: KnownDevice = UNKNOWN_DEVICE
) -> CurrentAccount:
    """Return whoever knows the password, with a new session.

    The same work is done whether or not there is such an account; one that is disabled or locked answers like a
    wrong password.

    :param device: which accounts have signed in on this device before, and lost none of their credentials since. A
        lock does not hold them up here: it must be no weapon against its owner. Tries are counted of their own.
    :raises SignInFailed: address and password do not match.
    :raises TooManyRequests: for the pair of address and network, the address, or the network.
    """
    rows = _find_sign_in_rows(uow, form.email.key)
    account_id, stored_hash, status, locked_at, epoch, _, fallback_hash = rows[0]
    is_known_device = (account_id, epoch) in device.epochs
    key, network = form.email.key, uow.request_info.network
    of_account = throttle.SIGN_IN_DEVICE if is_known_device else throttle.SIGN_IN_ACCOUNT
    uow.site.throttle.reserve(
        throttle.SIGN_IN_NETWORK.by(network), throttle.SIGN_IN_PAIR.by(key, network), of_account.by(key)
    )
    is_locked = locked_at is not None and now() < locked_at + LOCKOUT_DURATION and not is_known_device
    may_sign_in = status == "active" and not is_locked
    is_correct, new_hash = uow.site.passwords.verify(
        form.password, stored_hash, fallback_hash=fallback_hash, renew=may_sign_in
    )
    if not is_correct or account_id is None or not may_sign_in:
        with uow:
            uow.record_event(SIGN_IN_FAILED_EVENT, account_id=account_id, facts={"locked": is_locked})
            if not is_known_device:
                unlock.count_failure(uow, form.email.key)
        raise SignInFailed("locked" if is_locked else "wrong password or no such account")
    groups = tuple(sorted(row[5] for row in rows if row[5] is not None))
    return complete_sign_in(
        uow,
        account_id,
        stored_hash,
        groups=groups,
        new_hash=new_hash,
        remember=form.remember,
        browser_zone=form.zone,
    )


MAX_STAND_IN_CANDIDATES = 64


def _select_first_hash(*conditions: ColumnElement[bool]) -> ScalarSelect[Any]:
    """Return the hash of the first account by id that has one, among so many that none is long looked for."""
    accounts = select(Account.id, Account.password_hash).where(*conditions).order_by(Account.id)
    candidates = accounts.limit(MAX_STAND_IN_CANDIDATES).subquery()
    hashes = select(candidates.c.password_hash).where(candidates.c.password_hash.is_not(None))
    return hashes.order_by(candidates.c.id).limit(1).scalar_subquery()


_SELECT_SIGN_IN_ROWS = CompiledStatement(
    select(
        Account.id,
        Account.password_hash,
        Account.status,
        Account.locked_at,
        Account.auth_epoch,
        Membership.group,
        # Behind the last id comes the first: a store without hashes of our own must not show one to strangers alone.
        func.coalesce(_select_first_hash(Account.id >= bindparam("pivot")), _select_first_hash()),
    )
    # A row, whether or not there is an account; one for each group that it is in.
    .select_from(select(literal(1)).subquery())
    .outerjoin(Account, Account.email_key == bindparam("email_key"))
    .outerjoin(Membership, Membership.account_id == Account.id)
)


def _find_sign_in_rows(uow: UnitOfWork, email_key: str) -> Sequence[Row]:
    """Return the account of an address, if there is one, and the hash to work on if there is none: in one statement.

    There is a row for each group of the account, and one for an account without groups or no account at all.

    Hashes that came from other systems take another time than our own. If an address of nobody always took the time
    of our own, every address that takes another would be somebody's. So each address without a password is given the
    hash of some account, always of the same one, and takes its time: the kinds are spread among all addresses as
    they are among users. By the oldest key: an account never goes back to the hash of another system, and a new key
    must not make strangers seem to.
    """
    key = uow.site.ring.entries[0].key
    pivot = urlsafe_b64encode(uow.site.signer.tag(key, ["stand-in", email_key], 12)).decode()
    return uow.fetch_all(_SELECT_SIGN_IN_ROWS, {"pivot": pivot, "email_key": email_key})


# Guarded rather than by the ORM's version: sign-ins at the same moment do not exclude each other.
_SIGN_IN = CompiledStatement(
    update(Account)
    .where(Account.id == bindparam("account"), Account.active, Account.password_hash == bindparam("verified_hash"))
    .values(
        sign_in_serial=Account.sign_in_serial + 1,
        last_sign_in_at=bindparam("moment"),
        failures=0,
        password_hash=bindparam("kept_hash"),
        # Learnt once: what somebody has chosen, or another browser has said, stays.
        zone=case((Account.zone == UNKNOWN_ZONE, bindparam("zone")), else_=Account.zone),
    )
    .returning(
        Account.auth_epoch,
        Account.email,
        Account.name,
        Account.locale,
        Account.zone,
        Account.created_at,
        Account.last_sign_in_at,
        Account.email_unproven,
        Account.invited,
        Account.terms_version,
    )
)


def complete_sign_in(
    uow: UnitOfWork,
    account_id: str,
    stored_hash: str | None,
    *,
    groups: tuple[str, ...],
    new_hash: str | None,
    remember: bool,
    browser_zone: str = UNKNOWN_ZONE,
) -> CurrentAccount:
    """Note the sign-in and make its session, unless the account changed while the password was verified.

    :param groups: of the account; it is only told of them, no right depends on these.
    :param browser_zone: kept with an account whose time zone nobody has told.
    """
    values = {
        "account": account_id,
        "verified_hash": stored_hash,
        "kept_hash": new_hash or stored_hash,
        "zone": browser_zone,
    }
    with uow:
        rows = uow.execute(_SIGN_IN, {**values, "moment": now()})
        if not rows:
            raise SignInFailed("changed while the password was verified")
        (
            epoch, email, name, locale, zone, created_at, last_sign_in_at, email_unproven, invited, terms_version
        ) = rows[0]  # fmt: skip
        session = sessions.create_session(account_id, epoch, amr=("pwd",), remember=remember)
        sessions.record_sign_in(uow, session)
    return CurrentAccount(
        account_id,
        email,
        name,
        locale,
        zone,
        epoch,
        created_at,
        last_sign_in_at,
        groups,
        not email_unproven,
        invited,
        terms_version,
        uow.site.settings.are_terms_accepted(terms_version),
        session,
    )
