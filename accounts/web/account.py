"""What people do: sign up, sign in and out, forget a password, look after their account."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import request, url_for

from accounts.core.security import addresses
from accounts.flows.account import change_email, change_password, close_account, profile, reset_password, sign_up
from accounts.flows.moving import export
from accounts.flows.sessions import session as sessions
from accounts.flows.sessions import session_list
from accounts.flows.sessions.session import CurrentAccount
from accounts.flows.shared.fields import Asks, Checkbox, Next
from accounts.flows.sign_in import magic_link, step_up
from accounts.flows.sign_in import password as password_sign_in
from accounts.web.connected_apps import said_goodbye
from accounts.web.kit import context
from accounts.web.kit.context import house, uow
from accounts.web.kit.cookies import known_here
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import BOTH, JSON, PAGE, Room, page_url
from accounts.web.kit.runtime import API

room: Room = Room()
WRITTEN = {"sent": True}
"""The answer to every request for a letter, whoever the address belongs to."""


class SignOut(Asks):
    """Whether on all devices, and where to go then."""

    everywhere: Checkbox = False
    next: Next = ""


def shown(account: CurrentAccount) -> dict[str, Any]:
    """An account as its owner sees it."""
    return {
        "id": account.id,
        "email": account.email,
        "name": account.name,
        "locale": account.locale,
        "groups": list(account.groups),
        "amr": list(account.session.amr),
        "auth_time": account.session.auth_time,
        "created_at": account.created_at,
        "last_sign_in_at": account.last_sign_in_at,
    }


@room.get("/", speaks=PAGE)
def home() -> Reply:
    """The front door: to one's account, or to signing in."""
    return Reply(then=page_url("change_account_form" if context.account() else "sign_in_form"))


def _hinted() -> dict[str, Any]:
    """The address that a link or another app suggests; whether it is anybody's is not looked up."""
    return {"given": {"email": request.args.get("email", "")[: addresses.MAX_EMAIL_BYTES]}}


@room.post("/sign-up", asks=sign_up.SignUp, page="sign_up.html", fill=_hinted, statuses=(202,))
def sign_up_(said: sign_up.SignUp) -> Reply:
    """Ask for an account: a letter goes to the address."""
    sign_up.ask(uow(), said)
    return Reply(says=WRITTEN, status=202, then=page_url("look_into_mail", asked="sign-up"))


@room.post("/forgot-password", asks=reset_password.ForgotPassword, page="forgot_password.html", statuses=(202,))
def forgot_password(said: reset_password.ForgotPassword) -> Reply:
    """Ask for a link that sets a new password."""
    reset_password.ask(uow(), said)
    return Reply(says=WRITTEN, status=202, then=page_url("look_into_mail", asked="forgot-password"))


@room.get("/look-into-your-mail", speaks=PAGE)
def look_into_mail() -> Reply:
    """What comes after every request for a letter."""
    return Reply(page="look_into_mail.html")


@room.post("/sign-in", asks=password_sign_in.SignIn, page="sign_in.html", fill=_hinted)
def sign_in_(said: password_sign_in.SignIn) -> Reply:
    """Sign in with address and password."""
    context.set_session(password_sign_in.act(uow(), said, known_here=known_here()))
    signed_in = context.account() if context.bound().speaks == "json" else None
    return Reply(says=shown(signed_in) if signed_in else {}, then=said.next or page_url("change_account_form"))


@room.post("/sign-in/mail", asks=magic_link.SignInByMail, page="sign_in_mail.html", statuses=(202,))
def sign_in_mail(said: magic_link.SignInByMail) -> Reply:
    """Ask for a link that signs in."""
    magic_link.ask(uow(), said)
    return Reply(says=WRITTEN, status=202, then=page_url("look_into_mail", asked="sign-in"))


@room.post("/confirm", needs="account", asks=step_up.Confirm, page="confirm.html")
def confirm_(said: step_up.Confirm) -> Reply:
    """Prove afresh by password that it is you, for what needs that."""
    context.set_session(step_up.act(uow(), context.signed_in(), said))
    return Reply(says=shown(context.signed_in()), then=said.next or page_url("change_account_form"))


@room.post("/sign-out", asks=SignOut, uses_session=True, statuses=(204,))
def sign_out(said: SignOut) -> Reply:
    """Sign out here, or on all devices."""
    account = context.account()
    if account is not None and said.everywhere:
        step_up.require(account)
        sessions.end_everywhere(uow(), account.id)
    if account is not None:
        sessions.end(uow(), account.session)
    context.set_session(None)
    return Reply(status=204, then=_after_sign_out(said.next), headers={"Clear-Site-Data": '"cache"', **_related()})


def _after_sign_out(wanted: str) -> str:
    about = said_goodbye()
    return wanted or (page_url("signed_out", about=about) if about else page_url("sign_in_form"))


def _related() -> dict[str, str]:
    # An answer of 204 has no body that could say where to look.
    about = said_goodbye()
    where = url_for(f"{API}.signed_out", about=about) if about else ""
    return {"Link": f'<{where}>; rel="related"'} if where else {}


@room.get("/csrf", speaks=JSON)
def csrf() -> Reply:
    """The token that JSON requests of a signed-in browser send as ``X-CSRF-Token``."""
    return Reply(says={"csrf_token": sessions.csrf_token(house(), context.form_session())})


@room.get("/account", needs="account", speaks=JSON)
def account() -> Reply:
    """The signed-in account."""
    found = context.signed_in()
    return Reply(says={**shown(found), "csrf_token": sessions.csrf_token(house(), found.session)})


def _own_profile() -> dict[str, Any]:
    found = context.signed_in()
    given = {"name": found.name, "locale": found.locale}
    return {"given": given, "account": found, "done": request.args.get("done", "")}


@room.patch("/account", needs="account", asks=profile.Profile, page="account.html", fill=_own_profile)
def change_account(said: profile.Profile) -> Reply:
    """Change name or language."""
    profile.change(uow(), context.signed_in().id, said)
    context.forget_account()
    return Reply(says=shown(context.signed_in()), then=page_url("change_account_form", done="profile"))


@room.post("/account/password", needs="account", asks=change_password.ChangePassword, page="change_password.html")
def change_password_(said: change_password.ChangePassword) -> Reply:
    """Change the password; all other devices are signed out."""
    context.set_session(change_password.act(uow(), context.signed_in(), said))
    return Reply(says=shown(context.signed_in()), then=page_url("change_account_form", done="password"))


@room.post(
    "/account/email",
    needs="account",
    fresh=True,
    asks=change_email.ChangeEmail,
    page="change_email.html",
    statuses=(202,),
)
def change_email_(said: change_email.ChangeEmail) -> Reply:
    """Change the address: a link goes to the new one."""
    change_email.ask(uow(), context.signed_in().id, said)
    return Reply(says=WRITTEN, status=202, then=page_url("look_into_mail", asked="change-email"))


@room.post("/account/close", needs="account", fresh=True, asks=Asks, page="close_account.html", statuses=(202,))
def close_account_(said: Asks) -> Reply:
    """Close the account: a link goes to its address."""
    close_account.ask(uow(), context.signed_in().id)
    return Reply(says=WRITTEN, status=202, then=page_url("look_into_mail", asked="close-account"))


@room.get("/account/export", needs="account", fresh=True, speaks=BOTH)
def export_data() -> Reply:
    """Everything that is kept about this account, without secrets."""
    found = export.own_data(uow(), context.signed_in())
    return Reply(page="export.html", says=found, shows={"file": url_for(f"{API}.export_data")})


@room.get("/account/sessions", needs="account", speaks=BOTH)
def list_sessions() -> Reply:
    """Where this account is signed in."""
    found = session_list.listing(uow(), context.signed_in())
    return Reply(page="sessions.html", says={"sessions": [asdict(each) for each in found]})


@room.delete("/account/sessions/<session_id>", needs="account", fresh=True, speaks=JSON, statuses=(204,))
def end_session(session_id: str) -> Reply:
    """End one session of this account."""
    session_list.end_one(uow(), context.signed_in(), session_id)
    return Reply(status=204)


@room.post("/account/sessions/<session_id>/end", needs="account", fresh=True, speaks=PAGE)
def end_session_page(session_id: str) -> Reply:
    """End one session of this account."""
    session_list.end_one(uow(), context.signed_in(), session_id)
    return Reply(then=page_url("list_sessions"))
