"""Help tests of a host app: sign somebody in without walking pages, and read the mail that it sends."""

from __future__ import annotations

from collections.abc import Iterable

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from accounts.core.database import schema
from accounts.core.models.account import Account
from accounts.core.security.addresses import parse_email
from accounts.core.uow import UnitOfWork
from accounts.delivery.transports import Mailbox, MailboxMessage
from accounts.extension import get_app_state
from accounts.flows.sessions import session as sessions
from accounts.flows.sessions.session import CurrentAccount, Session
from accounts.flows.shared import accounts
from accounts.flows.shared.accounts import NoPassword

DEFAULT_EMAIL = "test@example.org"


def sign_in(
    client: FlaskClient,
    *,
    email: str = DEFAULT_EMAIL,
    name: str = "",
    groups: Iterable[str] = (),
    domain: str = "",
) -> CurrentAccount:
    """Sign a test client in: no request is made, and the client holds a real session's cookie afterwards.

    :param email: address of the account, which is made where there is none. It has no password.
    :param groups: groups that it is in, beside those that it is in already.
    :param domain: host name of the client's requests, where it is neither SERVER_NAME nor localhost.
    :returns: the account, as ``current_account`` is in a view.
    :raises SettingsError: the tables are not there; ``auth.upgrade(app)`` makes them.
    """
    app = client.application
    state = get_app_state(app)
    schema.check_revision(state.site.store)
    uow = UnitOfWork(state.site)
    try:
        with uow:
            session = _open_session(uow, email, name, groups)
        current = sessions.find_current_account(uow, session)
    finally:
        uow.close()
    if current is None:
        raise ValueError(f"the account of {email} is disabled")
    host = domain or (app.config["SERVER_NAME"] or "localhost").partition(":")[0]
    client.set_cookie(
        state.session_cookie_name, state.site.signer.sign(sessions.SESSION, session), domain=host, path="/"
    )
    return current


def _open_session(uow: UnitOfWork, email: str, name: str, groups: Iterable[str]) -> Session:
    key = parse_email(email).key
    account = uow.session.scalars(select(Account).where(Account.email_key == key)).first()
    if account is None:
        credentials = NoPassword(name, uow.site.settings.terms_version or "")
        account = accounts.create_account(uow, email, credentials, groups=groups, locale=uow.site.settings.locale)
    else:
        account.name = name or account.name
        accounts.add_groups(uow, account, groups)
    # As fresh as after a password: pages that ask for one again let the test pass.
    return sessions.open_session(uow, account, ("pwd",))


class CapturedMail:
    """The mail of an app under test. Nothing leaves it, and no worker needs to run."""

    def __init__(self, app: Flask) -> None:
        self._state = get_app_state(app)
        self._mailbox = Mailbox(show=None)
        self._state.transport = self._mailbox

    @property
    def messages(self) -> list[MailboxMessage]:
        """What was sent since, newest first; each has ``to``, ``subject``, ``text`` and ``html``."""
        self._state.make_worker().deliver_all()
        return self._mailbox.messages

    def link(self, purpose: str, to: str = "") -> str:
        """Return the newest link of a kind that was mailed.

        :param to: only of mail to this address.
        :raises LookupError: there is none.
        """
        for message in self.messages:
            for line in message.text.splitlines():
                if f"/l/{purpose}/" in line and to in ("", message.to):
                    return line
        raise LookupError(f"no {purpose} link was mailed" + (f" to {to}" if to else ""))
