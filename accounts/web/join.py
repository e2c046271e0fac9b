"""Serve links for several people: the page that asks for an address, at which no more is typed.

Many people open the same link, some of them on one device: nothing that one has typed is shown to the next, and the
link stays open in the browser until its cookie ends.
"""

from __future__ import annotations

from typing import Any

from flask import Response, request

from accounts.config_sign_up import describe_domains
from accounts.core.clock import now
from accounts.core.errors import LinkNotOpened, OtherLinkOpened
from accounts.flows.invites.join import JOIN_PURPOSE, JoinForm, request_join
from accounts.flows.invites.shared_terms import SHARED_INVITE, SharedTerms, check_terms, read_shared_link
from accounts.flows.shared.fields import Form
from accounts.web.answers.shared_invites import SharedLinkOut
from accounts.web.check_email import TEMPLATE, check_email_context, forget_asked_mail, mail_asked_reply
from accounts.web.kit import context, cookies, forms
from accounts.web.kit.context import runtime, uow
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import page_url


class SharedLinkForm(Form):
    """The link that JSON asks about; a page has it in a cookie."""

    token: str = ""


def go(address: str) -> Response:
    """Where links for several people lead: takes the token out of the address. Changes nothing, looks nothing up."""
    token = runtime().site.link_signer.token_in_path(address)
    # Read, not judged: junk is turned away at the door, and the genuine one is judged on the page.
    _read(token)
    response = Response(status=303, headers={"Location": page_url("join_form")})
    cookies.set_cookie(response, cookies.link_cookie_name(SHARED_INVITE.purpose), token, cookies.LINK_COOKIE_SECONDS)
    return response


def show_shared_link(query: SharedLinkForm) -> Reply:
    """Show what a link for several people is good for. Uses nothing up, however often it is asked."""
    return Reply(json=SharedLinkOut.from_terms(open_shared_link(query.token)))


def join_context() -> dict[str, Any]:
    """Return what the page of a link for several people shows."""
    terms = open_shared_link(read_cookie_token())
    _speak(terms)
    if request.method == "GET":
        forget_asked_mail()
    shown = dict(SharedLinkOut.from_terms(terms))
    # Without its dot, and in its own letters: the page says in words what the dot means.
    domain = describe_domains((terms.domain.removeprefix("."),)) if terms.domain else ""
    with_subdomains = terms.domain.startswith(".")
    return {
        **shown,
        "link_id": terms.id,
        "invited_to": shown["title"],
        "domain": domain,
        "with_subdomains": with_subdomains,
    }


def join_(form: JoinForm) -> Reply:
    """Ask to join by a link for several people: an email with a link that takes a place goes to the address."""
    token = form.token if context.state().format == "json" else read_cookie_token()
    terms = _read(token)
    if context.state().format == "html" and request.form.get(forms.LINK_FIELD, "") != terms.id:
        raise OtherLinkOpened("the form shows another link")
    _speak(terms)
    request_join(uow(), token, form)
    seconds = (terms.ends_at - now()).total_seconds()
    asked = {"email": form.email.email, "link_id": terms.id}
    return mail_asked_reply(JOIN_PURPOSE, page="join_requested", until=seconds, **asked)


def join_requested() -> Reply:
    """Tell that an email is on its way, and lead whoever is next at this device back to the form."""
    return Reply(template=TEMPLATE, context={"problem": None, "fields": (), **check_email_context(joins=True)})


def _read(token: object) -> SharedTerms:
    # What goes wrong from here on is told in words about such links.
    context.state().purpose = SHARED_INVITE.purpose
    return read_shared_link(uow(), token)


def open_shared_link(token: object) -> SharedTerms:
    """Return what a link for several people says.

    :raises DeadLink: it does not hold, or all places are taken.
    """
    terms = _read(token)
    check_terms(uow(), terms)
    return terms


def _speak(terms: SharedTerms) -> None:
    if terms.locale:
        context.keep_language(terms.locale)


def read_cookie_token(purpose: str = SHARED_INVITE.purpose) -> str:
    """Return the link of a kind that this browser has opened.

    :raises LinkNotOpened: it has opened none, some time ago, or keeps no cookies.
    """
    context.state().purpose = purpose
    token = request.cookies.get(cookies.link_cookie_name(purpose))
    if token is None:
        raise LinkNotOpened("no cookie of an opened link")
    return token
