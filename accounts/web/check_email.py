"""Tell that an email is on its way: to which address, how long its link works, and how to have it sent again."""

from __future__ import annotations

from typing import Any

from flask import Response, after_this_request

from accounts.core.errors import NotFound
from accounts.core.links.link import get_link
from accounts.core.messages import N_, Message, PluralText, make_message, nN_
from accounts.core.security.addresses import MAX_EMAIL_BYTES
from accounts.flows.account import approval, change_email, close_account, reset_password, sign_up
from accounts.flows.shared.asked_mail import ASKED_MAIL, ASKED_MAIL_TTL, AskedMail
from accounts.flows.shared.fields import Form
from accounts.flows.sign_in import magic_link, step_up
from accounts.web.answers.base import MAIL_REQUESTED
from accounts.web.kit import context, cookies
from accounts.web.kit.context import site, uow
from accounts.web.kit.reply import Reply
from accounts.web.kit.request_state import RequestState
from accounts.web.kit.routes import HTML, Onward, Routes, page_url

routes: Routes = Routes()
COOKIE_NAME = "mail-asked"
TEMPLATE = "check_email.html"
CORRECTED = "1"
"""What ``corrects`` in the query says where a form shall show the address that was typed before."""
SAYS_WHAT_WAS_SENT = Onward("the page that follows says what was sent, and where to")
SENT_AGAIN = N_("If this address can receive email from us, we've sent a new link. Only use the latest email.")
DURATIONS: tuple[tuple[int, PluralText], ...] = (
    (86400, nN_("%(count)s day", "%(count)s days")),
    (3600, nN_("%(count)s hour", "%(count)s hours")),
    (60, nN_("%(count)s minute", "%(count)s minutes")),
)


def mail_asked_reply(
    purpose: str, *, page: str = "check_email_form", until: float | None = None, **asked: str
) -> Reply:
    """Return the answer to whoever has asked for an email, the same whoever the address belongs to.

    :param purpose: the kind of the link in it.
    :param page: the endpoint that a browser goes to.
    :param until: how long that link works at most, in seconds; None for what its kind declares.
    :param asked: more of :class:`AskedMail`.
    """
    if context.state().format == "html":
        lifetime = site().link_signer.lifetime(get_link(site(), purpose)).total_seconds()
        _keep(AskedMail(purpose, int(min(lifetime, until or lifetime)), **asked))
    return Reply(json=MAIL_REQUESTED, status=202, location=page_url(page))


def _keep(asked: AskedMail) -> None:
    signed = site().signer.sign(ASKED_MAIL, asked)

    @after_this_request
    def set_cookie(response: Response) -> Response:
        cookies.set_cookie(response, cookies.cookie_name(COOKIE_NAME), signed, int(ASKED_MAIL_TTL.total_seconds()))
        return response


def forget_asked_mail() -> None:
    """Remove what this browser has asked for: the next one at it shall not see whose address was typed."""
    if context.state().cookie(cookies.cookie_name(COOKIE_NAME)):

        @after_this_request
        def delete_cookie(response: Response) -> Response:
            cookies.delete_cookie(response, cookies.cookie_name(COOKIE_NAME))
            return response


def read_asked_mail(state: RequestState) -> AskedMail | None:
    """Return which email this browser has asked for; None where it has asked for none, or some time ago."""
    cookie = state.cookie(cookies.host_cookie_name(COOKIE_NAME, secure=state.site.settings.secure))
    asked = state.site.signer.read(ASKED_MAIL, cookie) if cookie else None
    return asked if asked is not None and asked.purpose in state.site.links else None


def typed_email(state: RequestState) -> str:
    """Return the address that a form begins with: of the query, or the one to correct."""
    if state.args.get("corrects") == CORRECTED:
        asked = read_asked_mail(state)
        return asked.email if asked else ""
    return state.args.get("email", "")[:MAX_EMAIL_BYTES]


def check_email_context(*, joins: bool = False) -> dict[str, Any]:
    """Return what the page shows. Nothing is looked up.

    :param joins: whether it is the page of a link for several people.
    """
    asked = read_asked_mail(context.state())
    if asked is not None and joins != (asked.purpose == "join-shared"):
        asked = None
    return {"asked": asked, "joins": joins, "duration": describe_duration(asked.seconds) if asked else None}


@routes.get("/look-into-your-mail", formats=HTML)
def check_mail() -> Reply:
    """Redirect to the page of today: this was its address."""
    return Reply(location=page_url("check_email_form"))


@routes.post(
    "/check-email", formats=HTML, form=Form, template=TEMPLATE, context=check_email_context, notice=SENT_AGAIN
)
def check_email(form: Form) -> Reply:
    """Have the same email sent once more, by the same way and under the same limits."""
    asked = read_asked_mail(context.state())
    if asked is None or not asked.email:
        raise NotFound("this browser has asked for no email, or some time ago")
    _ask_again(asked)
    _keep(asked)
    return Reply(location=page_url("check_email_form"))


def _ask_again(asked: AskedMail) -> None:
    typed = {"email": asked.email, "next": asked.next}
    if asked.purpose in (sign_up.PURPOSE, approval.REQUEST_PURPOSE):
        sign_up.request_sign_up(uow(), sign_up.SignUpForm.model_validate(typed))
    elif asked.purpose == reset_password.PURPOSE:
        reset_password.request_password_reset(uow(), reset_password.ForgotPasswordForm.model_validate(typed))
    elif asked.purpose == magic_link.PURPOSE:
        magic_link.request_sign_in_link(uow(), magic_link.SignInByMailForm.model_validate(typed))
    else:
        _ask_again_for_account(asked)


def _ask_again_for_account(asked: AskedMail) -> None:
    """Ask once more for what only the account itself may ask for, with a proof as fresh as at the first time."""
    account = context.require_account()
    if account.id != asked.account_id:
        raise NotFound("another account asked for it")
    step_up.require_step_up(account)
    if asked.purpose == change_email.PURPOSE:
        form = change_email.ChangeEmailForm.model_validate({"email": asked.email})
        change_email.request_email_change(uow(), account.id, form)
    elif asked.purpose == close_account.PURPOSE:
        close_account.request_account_closing(uow(), account.id)
    else:
        raise NotFound(f"{asked.purpose} is asked for elsewhere")


def describe_duration(seconds: int) -> Message:
    """Return a duration in words: the largest unit of which it is two or more, or exactly one."""
    for unit, text in DURATIONS:
        if seconds == unit or seconds >= 2 * unit:
            return make_message(text, count=seconds // unit)
    return make_message(DURATIONS[-1][1], count=1)
