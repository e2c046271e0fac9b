"""Walking the flows without a web server: what the endpoint of links does, and accounts made that way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session as OrmSession

from accounts.core.audit.log import RequestInfo
from accounts.core.errors import Problem
from accounts.core.links.link import ActResult, Link, OpenedLink
from accounts.core.links.opening import open_link
from accounts.core.models.account import Account
from accounts.core.models.audit import AuditRow
from accounts.core.models.base import Base
from accounts.core.uow import UnitOfWork
from accounts.flows import use_link as flow
from accounts.flows.account import reset_password, sign_up
from accounts.flows.helpdesk.first_admin import first_admin_url
from accounts.flows.invites import link as invite_link
from accounts.flows.sessions import session as sessions
from accounts.flows.sessions.session import CurrentAccount, Session
from accounts.flows.shared.accounts import subject_of
from accounts.flows.sign_in import password as password_sign_in
from tests.people import PASSWORD, Service, make_email, token_of_url


@dataclass
class Member:
    """Somebody with an account, made by signing up and activating."""

    service: Service
    email: str
    id: str
    password: str = PASSWORD

    @property
    def row(self) -> Account:
        """The account as it is now, cut off from the store."""
        with OrmSession(self.service.site.store.engine, expire_on_commit=False) as session:
            account = session.get_one(Account, self.id)
            _ = account.groups
            return account

    def uow(self) -> UnitOfWork:
        """A unit of work that this member asks for."""
        return self.service.uow(RequestInfo(account_id=self.id, network="10.1.1.1", agent="Firefox"))

    def sign_in(self, password: str = "", **extra: Any) -> Session:
        """A session, by password."""
        data = {"email": self.email, "password": password or self.password, **extra}
        return password_sign_in.sign_in_with_password(
            anonymous_uow(self.service), password_sign_in.SignInForm.model_validate(data)
        ).session

    def current_account(self, **extra: Any) -> CurrentAccount:
        """Who is signed in, by a session of its own."""
        account = self.load_current_account(self.sign_in(**extra))
        assert account is not None
        return account

    def load_current_account(self, session: Session) -> CurrentAccount | None:
        return sessions.find_current_account(self.service.uow(), session)

    def reset_token(self) -> str:
        """A token as it would be mailed at this moment."""
        return self.service.site.link_signer.sign(reset_password.RESET, subject_of(self.row))


def anonymous_uow(service: Service, network: str = "10.9.9.9") -> UnitOfWork:
    """A unit of work of somebody who is not signed in."""
    return service.uow(RequestInfo(network=network, agent="Firefox on Linux", request_id="r-1"))


def sign_up_member(service: Service, name: str = "member", password: str = PASSWORD) -> Member:
    """Signs up, reads the mail, activates."""
    email = make_email(name)
    sign_up.request_sign_up(anonymous_uow(service), sign_up.SignUpForm.model_validate({"email": email}))
    token = service.link_token(email, "activate")
    done = use_link(service, sign_up.ACTIVATE, token, {"password": password, "name": name.title()})
    return Member(service, email, done.account_id, password)


def create_first_admin(service: Service) -> Member:
    """Create the first admin."""
    url, email = first_admin_url(service.uow()), make_email("admin")
    assert url is not None
    done = use_link(
        service, invite_link.INVITE, token_of_url(url), {"email": email, "password": PASSWORD, "name": "Admin"}
    )
    return Member(service, email, done.account_id)


def open_token(service: Service, link: Link, token: str) -> OpenedLink:
    """The link, if it is alive."""
    uow = anonymous_uow(service)
    try:
        return open_link(uow, link, token)
    finally:
        uow.close()


def use_link(
    service: Service, link: Link, token: str, data: dict[str, Any], account_id: str | None = None
) -> ActResult:
    """Use a link, in a browser in which nobody is signed in, or just now somebody by password."""
    uow = service.uow(RequestInfo(account_id=account_id, network="10.9.9.9"))
    try:
        current = sign_in_without_record(uow, account_id) if account_id else None
        return flow.use_link(uow, link, token, lambda opened: opened.form.model_validate(data), current).result
    finally:
        uow.close()


def sign_in_without_record(uow: UnitOfWork, account_id: str) -> CurrentAccount | None:
    """A fresh session of an account, of which no table knows."""
    epoch = uow.session.get_one(Account, account_id).auth_epoch
    uow.release()
    return sessions.find_current_account(uow, sessions.create_session(account_id, epoch, amr=("pwd",)))


def link_state(service: Service, link: Link, token: str) -> str:
    """ "alive", or the code with which the link is dead."""
    try:
        open_token(service, link, token)
    except Problem as error:
        return error.code
    return "alive"


def count_rows(service: Service) -> dict[str, int]:
    """How many rows there are in each table that has any."""
    with OrmSession(service.site.store.engine) as session:
        count_by_table = {
            name: session.scalar(select(func.count()).select_from(table)) or 0
            for name, table in Base.metadata.tables.items()
        }
    return {name: count for name, count in count_by_table.items() if count}


def list_event_kinds(service: Service, account_id: str | None) -> list[str]:
    """Kinds of what happened to an account, in order."""
    with OrmSession(service.site.store.engine) as session:
        query = select(AuditRow.kind).where(AuditRow.account_id == account_id).order_by(AuditRow.at)
        return list(session.scalars(query))
