"""Serve the forms that ask for an email: to sign up, to sign in, to choose a new password."""

from __future__ import annotations

from flask import request

from accounts.core.errors import SignUpClosed
from accounts.core.security.address_typos import AddressDoubt, find_doubt
from accounts.flows.account import approval, reset_password, sign_up, sign_up_policy
from accounts.flows.sign_in import magic_link
from accounts.web.answers.base import MailRequestedOut
from accounts.web.check_email import SAYS_WHAT_WAS_SENT, mail_asked_reply
from accounts.web.kit import context, forms
from accounts.web.kit.context import site, uow
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import Routes
from accounts.web.sign_in_context import find_app, form_context, requested_context

routes: Routes = Routes()


@routes.post(
    "/sign-up",
    form=sign_up.SignUpForm,
    template="sign_up.html",
    context=form_context,
    hot=True,
    answers=MailRequestedOut,
    notice=SAYS_WHAT_WAS_SENT,
    statuses=(202,),
    refusals=(SignUpClosed,),
)
def sign_up_(form: sign_up.SignUpForm) -> Reply:
    """Ask for an account: an email with a link goes to the address."""
    if context.state().format == "html" and (doubt := _find_doubt(form)) is not None:
        return _ask_about_address(form, doubt)
    sign_up.request_sign_up(uow(), form)
    purpose = approval.REQUEST_PURPOSE if site().settings.sign_up == "approval" else sign_up.PURPOSE
    return mail_asked_reply(purpose, email=form.email.email, next=form.next)


def _find_doubt(form: sign_up.SignUpForm) -> AddressDoubt | None:
    """Return what to ask about the address, unless it was asked before."""
    settings = site().settings
    sign_up_policy.check_may_ask(settings, form.email)
    if settings.sign_up_domains or request.form.get(forms.CHECKED_FIELD, "") == form.email.email:
        return None
    return find_doubt(form.email)


def _ask_about_address(form: sign_up.SignUpForm, doubt: AddressDoubt) -> Reply:
    """Show the form once more with a question. Sent again as it is, it counts."""
    values = {"email": form.email.email, "next": form.next}
    shown = {"fields": forms.form_fields(sign_up.SignUpForm, values), "problem": None, "next": form.next}
    return Reply(template="sign_up.html", context={**shown, "app": find_app(uow(), form.next), "doubt": doubt})


@routes.post(
    "/forgot-password",
    form=reset_password.ForgotPasswordForm,
    answers=MailRequestedOut,
    template="forgot_password.html",
    context=requested_context,
    statuses=(202,),
    notice=SAYS_WHAT_WAS_SENT,
)
def forgot_password(form: reset_password.ForgotPasswordForm) -> Reply:
    """Ask for a link that sets a new password."""
    reset_password.request_password_reset(uow(), form)
    return mail_asked_reply(reset_password.PURPOSE, email=form.email.email, next=form.next)


@routes.post(
    "/sign-in/mail",
    form=magic_link.SignInByMailForm,
    template="sign_in_mail.html",
    context=requested_context,
    answers=MailRequestedOut,
    statuses=(202,),
    notice=SAYS_WHAT_WAS_SENT,
)
def sign_in_mail(form: magic_link.SignInByMailForm) -> Reply:
    """Ask for a link that signs in."""
    magic_link.request_sign_in_link(uow(), form)
    return mail_asked_reply(magic_link.PURPOSE, email=form.email.email, next=form.next)
