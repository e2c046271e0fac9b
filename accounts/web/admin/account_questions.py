"""Ask before an account loses something: what will happen, and to how many sessions and apps."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from accounts.core.errors import NotFound
from accounts.core.messages import N_, Message, make_message, nN_
from accounts.core.models.account import Account
from accounts.flows.helpdesk import app_access
from accounts.flows.helpdesk.account_losses import AccountLosses, count_account_losses
from accounts.flows.sessions import session_list
from accounts.flows.shared import accounts
from accounts.flows.upstream import identities
from accounts.web.kit.context import uow
from accounts.web.kit.errors import translate
from accounts.web.kit.questions import ask
from accounts.web.kit.routes import page_url

UNKNOWN_DEVICE = N_("Unknown device")
SESSIONS_END = nN_("It is signed out of %(count)s session.", "It is signed out of all %(count)s sessions.")
NO_SESSIONS = N_("It is not signed in anywhere right now.")
APPS_LOST = nN_("It is disconnected from %(count)s app.", "It is disconnected from %(count)s apps.")
APPS_SIGNED_OUT = nN_(
    "%(count)s connected app is told that it is signed out.",
    "%(count)s connected apps are told that it is signed out.",
)
INVITES_REVOKED = nN_(
    "%(count)s open invitation that it has sent stops working.",
    "%(count)s open invitations that it has sent stop working.",
)
INVITED_APPS_LOST = nN_(
    "It loses access to %(count)s app that is only for invited people.",
    "It loses access to %(count)s apps that are only for invited people.",
)


def ask_disable(account_id: str) -> Mapping[str, Any]:
    """Ask before an account is disabled."""
    account, losses = _find(account_id)
    return _ask(
        account,
        "disable_account_form",
        make_message(N_("Disable %(email)s?"), email=account.email),
        *_tell_sign_out(losses),
        make_message(N_("Nobody can sign in to it, and all links that were emailed to it stop working.")),
        make_message(N_("Nothing is deleted. You can enable the account again at any time.")),
        button=N_("Disable account"),
    )


def ask_sign_out(account_id: str) -> Mapping[str, Any]:
    """Ask before all sessions of an account end."""
    account, losses = _find(account_id)
    return _ask(
        account,
        "sign_out_account_form",
        make_message(N_("Sign %(email)s out everywhere?"), email=account.email),
        *_tell_sign_out(losses),
        make_message(N_("The password stays the same. Whoever knows it can sign in again.")),
        button=N_("Sign out everywhere"),
    )


def ask_end_session(account_id: str, session_id: str) -> Mapping[str, Any]:
    """Ask before one session of an account ends."""
    account = accounts.get_account(uow(), account_id)
    device = name_device(account_id, session_id)
    return _ask(
        account,
        "end_account_session_form",
        make_message(N_("Sign out %(device)s?"), device=device),
        make_message(N_("%(email)s has to sign in again on this device."), email=account.email),
        make_message(N_("Apps that were opened from there are told that this session has ended.")),
        button=N_("Sign out"),
        session_id=session_id,
    )


def name_device(account_id: str, session_id: str) -> str:
    """Return what a session of an account is called in the list.

    :raises NotFound: it is no open session of it.
    """
    for session in session_list.list_sessions(uow(), account_id):
        if session.id == session_id:
            return session.agent or translate(UNKNOWN_DEVICE)
    raise NotFound("no such session")


def ask_unlock(account_id: str) -> Mapping[str, Any]:
    """Ask before passwords may be tried again."""
    account = accounts.get_account(uow(), account_id)
    attempts = nN_(
        "%(count)s wrong password in a row was counted.", "%(count)s wrong passwords in a row were counted."
    )
    return _ask(
        account,
        "unlock_account_form",
        make_message(N_("Unlock %(email)s?"), email=account.email),
        make_message(attempts, count=account.failures),
        make_message(N_("Passwords can be tried again at once. If somebody is guessing, they can go on, too.")),
        button=N_("Unlock account"),
        is_danger=False,
    )


def ask_disconnect_identity(account_id: str, identity_id: str) -> Mapping[str, Any]:
    """Ask before a sign-in of another service is disconnected from an account."""
    account, losses = _find(account_id)
    service = name_identity(account_id, identity_id)
    return _ask(
        account,
        "disconnect_account_identity_form",
        make_message(N_("Disconnect %(service)s from %(email)s?"), service=service, email=account.email),
        make_message(N_("Nobody can sign in to this account with %(service)s any more."), service=service),
        *_tell_sign_out(losses),
        make_message(N_("The user will be notified.")),
        button=N_("Disconnect"),
        identity_id=identity_id,
    )


def name_identity(account_id: str, identity_id: str) -> str:
    """Return what the service of a connected sign-in is called.

    :raises NotFound: it is none of the account's.
    """
    for identity in identities.list_identities(uow(), account_id):
        if identity.id == identity_id:
            return identity.label
    raise NotFound("no such identity")


def ask_change_invited(account_id: str) -> Mapping[str, Any]:
    """Ask before an account counts as invited, or does not any more: the opposite of what holds now."""
    account = accounts.get_account(uow(), account_id)
    if not account.invited:
        title, effects = N_("Mark %(email)s as invited?"), [N_("It can use apps that are only for invited people.")]
        told = [make_message(each) for each in effects]
    else:
        title = N_("Mark %(email)s as not invited?")
        listed = app_access.list_access(uow(), account_id)
        lost = sum(
            each.allowed and any(rule.rule == "invited" and rule.applies for rule in each.findings) for each in listed
        )
        told = [make_message(INVITED_APPS_LOST, count=lost)]
    return _ask(
        account,
        "change_invited_form",
        make_message(title, email=account.email),
        *told,
        button=N_("Mark as not invited") if account.invited else N_("Mark as invited"),
        is_danger=account.invited,
        hidden=[("invited", "off" if account.invited else "on")],
    ) | {"fields": ()}


def ask_lose_groups(account: Account, groups: Collection[str]) -> Mapping[str, Any]:
    """Ask before an account loses groups.

    :param groups: all that it shall have.
    """
    lost, gained = sorted({*account.groups} - {*groups}), sorted({*groups} - {*account.groups})
    title = nN_("Remove %(email)s from %(count)s group?", "Remove %(email)s from %(count)s groups?")
    added = [make_message(N_("Added to: %(groups)s"), groups=", ".join(gained))] if gained else []
    return _ask(
        account,
        "change_groups_form",
        make_message(title, count=len(lost), email=account.email),
        make_message(N_("Removed from: %(groups)s"), groups=", ".join(lost)),
        *added,
        *_tell_sign_out(count_account_losses(uow(), account.id)),
        button=N_("Change groups"),
        hidden=[("groups", " ".join(groups)), ("leaving", " ".join(lost))],
    ) | {"fields": (), "problem": None}


def ask_delete(account_id: str) -> Mapping[str, Any]:
    """Ask before an account is deleted for good; its address has to be typed."""
    account, losses = _find(account_id)
    invites = [make_message(INVITES_REVOKED, count=losses.invites)] if losses.invites else []
    apps = [make_message(APPS_LOST, count=losses.apps)] if losses.apps else []
    return _ask(
        account,
        "delete_account_form",
        make_message(N_("Delete %(email)s for good?"), email=account.email),
        make_message(
            N_(
                "This deletes the account and everything we know about it. Its owner will be notified. "
                "This can't be undone."
            )
        ),
        _tell_sessions(losses),
        *apps,
        *invites,
        make_message(N_("If you only want to block access, disable the account instead.")),
        make_message(N_("To confirm, enter the account's email address.")),
        button=N_("Delete permanently"),
    )


def _find(account_id: str) -> tuple[Account, AccountLosses]:
    account = accounts.get_account(uow(), account_id)
    return account, count_account_losses(uow(), account_id)


def _tell_sign_out(losses: AccountLosses) -> Iterator[Message]:
    yield _tell_sessions(losses)
    if losses.apps:
        yield make_message(APPS_SIGNED_OUT, count=losses.apps)


def _tell_sessions(losses: AccountLosses) -> Message:
    return make_message(SESSIONS_END, count=losses.sessions) if losses.sessions else make_message(NO_SESSIONS)


def _ask(
    account: Account,
    form_name: str,
    title: Message,
    *effects: Message,
    button: str,
    hidden: Any = (),
    is_danger: bool = True,
    **ids: str,
) -> dict[str, Any]:
    return ask(
        title,
        *effects,
        button=make_message(button),
        action=page_url(form_name, account_id=account.id, **ids),
        back=page_url("show_account", account_id=account.id),
        hidden=hidden,
        is_danger=is_danger,
    )
