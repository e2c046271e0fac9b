"""Serve what users do: sign in and out, and look after their account."""

from __future__ import annotations

from typing import Any

from flask import request
from werkzeug.wrappers import Response as BaseResponse

from accounts.core.messages import N_
from accounts.core.security.redirects import local_path
from accounts.flows.account import change_email, change_password, close_account, overview, profile
from accounts.flows.oidc import backchannel
from accounts.flows.sessions import session as sessions
from accounts.flows.sessions.notice import make_notice
from accounts.flows.shared.accounts import get_email_key
from accounts.flows.shared.fields import Checkbox, Form, Next
from accounts.flows.sign_in import password as password_sign_in
from accounts.flows.sign_in import step_up
from accounts.web.answers.account import AccountOut, AccountWithTokenOut, CsrfTokenOut
from accounts.web.answers.base import MailRequestedOut
from accounts.web.check_email import mail_asked_reply
from accounts.web.kit import context
from accounts.web.kit.context import uow
from accounts.web.kit.cookies import known_device
from accounts.web.kit.reply import Reply
from accounts.web.kit.request_state import RequestState
from accounts.web.kit.routes import (
    HTML,
    JSON,
    SIGNED_IN,
    SIGNED_IN_WITHOUT_TERMS,
    Onward,
    Routes,
    api_url,
    page_url,
)
from accounts.web.sign_in_context import email_context, form_context, requested_context
from accounts.web.terms import go_on

routes: Routes = Routes()
CHECK_EMAIL_SAYS_IT = Onward("the page about the email says where it goes and what comes then")
SIGNED_OUT, SIGNED_OUT_EVERYWHERE = N_("You're signed out."), N_("You're signed out on all devices.")
CONFIRMED = N_("Thanks, you're confirmed. Please submit again.")


class SignOutForm(Form):
    """Whether on all devices, and where to go then."""

    everywhere: Checkbox = False
    next: Next = ""


@routes.get("/", formats=HTML)
def home() -> Reply:
    """Redirect to one's account, or to signing in."""
    return Reply(location=page_url("change_account_form" if context.load_account() else "sign_in_form"))


@routes.get("/.well-known/change-password", formats=HTML, unprefixed=True)
def change_password_url() -> Reply:
    """Send password managers to where a password is changed (W3C, A Well-Known URL for Changing Passwords)."""
    return Reply(location=page_url("change_password_form"))


def _signed_in_meanwhile() -> BaseResponse | None:
    """Lead on from the sign-in form of a second tab, where the same user has signed in by the first one.

    Nothing is done: whoever sent the form is who they say by the session that this browser has now.
    """
    account = context.load_account()
    if account is None or get_email_key(request.form.get("email", "")) != get_email_key(account.email):
        return None
    target = local_path(request.form.get("next", "")) or ""
    return Reply(location=go_on(target, terms_accepted=account.terms_accepted)).response()


@routes.post(
    "/sign-in",
    form=password_sign_in.SignInForm,
    leave_outdated=_signed_in_meanwhile,
    template="sign_in.html",
    context=form_context,
    hot=True,
    answers=AccountOut,
    notice=Onward("the page that somebody wanted follows, or their account with their name"),
)
def sign_in_(form: password_sign_in.SignInForm) -> Reply:
    """Sign in with address and password."""
    account = password_sign_in.sign_in_with_password(uow(), form, device=known_device(context.state()))
    context.set_account(account)
    location = go_on(form.next, terms_accepted=account.terms_accepted)
    return Reply(json=AccountOut.from_account(account), location=location)


@routes.post(
    "/confirm",
    access=SIGNED_IN_WITHOUT_TERMS,
    form=step_up.ConfirmPasswordForm,
    template="confirm.html",
    context=requested_context,
    answers=AccountOut,
    notice=(CONFIRMED, Onward("the page that asked for the proof follows")),
)
def confirm_(form: step_up.ConfirmPasswordForm) -> Reply:
    """Prove afresh by password that it is you, for what needs that."""
    account = step_up.confirm_password(uow(), context.require_account(), form)
    context.set_account(account)
    return Reply(
        json=AccountOut.from_account(account),
        location=form.next or page_url("change_account_form"),
        # What was sent before the proof was not done: it has to be sent again.
        notice=make_notice(CONFIRMED) if request.args.get("submitted") else None,
    )


@routes.post(
    "/sign-out",
    form=SignOutForm,
    csrf=True,
    statuses=(204,),
    notice=(SIGNED_OUT, SIGNED_OUT_EVERYWHERE, Onward("the page that follows tells of each app")),
)
def sign_out(form: SignOutForm) -> Reply:
    """Sign out here, or on all devices."""
    account = context.load_account()
    if account is not None and form.everywhere:
        step_up.require_step_up(account)
        sessions.sign_out_everywhere(uow(), account.id)
    if account is not None:
        sessions.sign_out(uow(), account.session)
    context.set_session(None)
    status_token = backchannel.sign_logout_status(uow())
    tells_of_apps = bool(status_token) and not form.next
    # An answer of 204 has no body that could say where to look.
    link = {"Link": f'<{api_url("signed_out", about=status_token)}>; rel="related"'} if status_token else {}
    return Reply(
        status=204,
        location=page_url("signed_out", about=status_token)
        if tells_of_apps
        else form.next or page_url("sign_in_form"),
        headers={"Clear-Site-Data": '"cache"', **link},
        notice=None if tells_of_apps else make_notice(SIGNED_OUT_EVERYWHERE if form.everywhere else SIGNED_OUT),
    )


@routes.get("/csrf", formats=JSON, answers=CsrfTokenOut)
def csrf() -> Reply:
    """Return the token that JSON requests of a signed-in browser send as ``X-CSRF-Token``."""
    return Reply(json=CsrfTokenOut(csrf_token=context.state().csrf_token()))


@routes.get("/account", access=SIGNED_IN_WITHOUT_TERMS, formats=JSON, answers=AccountWithTokenOut, hot=True)
def account(state: RequestState) -> Reply:
    """Return the signed-in account."""
    return Reply(json=AccountWithTokenOut.from_session(state.require_account(), state.csrf_token()))


def _profile_context() -> dict[str, Any]:
    current = context.require_account()
    values = {"name": current.name, "locale": current.locale, "zone": current.zone}
    return {"given": values, "account": current, "overview": overview.get_overview(uow(), current.id)}


@routes.patch(
    "/account",
    access=SIGNED_IN,
    form=profile.ProfileForm,
    answers=AccountOut,
    template="account.html",
    context=_profile_context,
    notice=N_("Changes saved."),
)
def change_account(form: profile.ProfileForm) -> Reply:
    """Change name, language or time zone."""
    current = context.require_account()
    profile.update_profile(uow(), current.id, form)
    if "locale" in form.model_fields_set and form.locale != current.locale:
        # Whoever chooses another language wants to see it, whatever the address has said until now.
        context.state().prefix = ""
    context.forget_account()
    return Reply(
        json=AccountOut.from_account(context.require_account()),
        location=page_url("change_account_form"),
    )


@routes.post(
    "/account/password",
    access=SIGNED_IN,
    form=change_password.ChangePasswordForm,
    answers=AccountOut,
    template="change_password.html",
    notice=N_("Your password has been changed. All other devices have been signed out."),
)
def change_password_(form: change_password.ChangePasswordForm) -> Reply:
    """Change the password; all other devices are signed out."""
    context.set_session(change_password.change_password(uow(), context.require_account(), form))
    return Reply(
        json=AccountOut.from_account(context.require_account()),
        location=page_url("change_account_form"),
    )


@routes.post(
    "/account/email",
    access=SIGNED_IN,
    step_up=True,
    form=change_email.ChangeEmailForm,
    answers=MailRequestedOut,
    template="change_email.html",
    context=email_context,
    notice=CHECK_EMAIL_SAYS_IT,
    statuses=(202,),
)
def change_email_(form: change_email.ChangeEmailForm) -> Reply:
    """Change the address: a link goes to the new one."""
    account = context.require_account()
    change_email.request_email_change(uow(), account.id, form)
    return mail_asked_reply(change_email.PURPOSE, email=form.email.email, account_id=account.id)


@routes.post(
    "/account/close",
    access=SIGNED_IN_WITHOUT_TERMS,
    step_up=True,
    form=Form,
    page_form=close_account.CloseAccountForm,
    answers=MailRequestedOut,
    template="close_account.html",
    notice=CHECK_EMAIL_SAYS_IT,
    statuses=(202,),
)
def close_account_(form: Form) -> Reply:
    """Close the account: a link goes to its address. A page asks for the address first."""
    current = context.require_account()
    if isinstance(form, close_account.CloseAccountForm):
        close_account.check_typed_email(current.email, form)
    close_account.request_account_closing(uow(), current.id)
    return mail_asked_reply(close_account.PURPOSE, email=current.email, account_id=current.id)
