"""Serve links: one endpoint, registered once for each purpose, that shows on GET and acts on POST.

Nothing in here knows any kind of link; the purpose is a hidden value of the registration.
"""

from __future__ import annotations

import functools
import hmac

from flask import Response, request
from pydantic import BaseModel

from accounts.core.errors import LinkNotOpened, OtherLinkOpened, Problem, WrongAccount
from accounts.core.link_errors import DeadLink, LinkExpired, LinkInvalid
from accounts.core.link_kinds.kind import LinkClaims
from accounts.core.links.link import Link, OpenedLink, get_link
from accounts.core.links.opening import open_link
from accounts.core.security import throttle
from accounts.core.security.addresses import mask_email
from accounts.core.security.redirects import local_path
from accounts.flows import LINKS
from accounts.flows.sessions.notice import make_notice
from accounts.flows.shared import mail_limits
from accounts.flows.shared.fields import Form
from accounts.flows.shared.terms import TERMS_FIELD
from accounts.flows.shared.validation import validate
from accounts.flows.use_link import UsedLink, check_account, use_link
from accounts.web.answers.base import MailRequestedOut
from accounts.web.answers.links import LinkOut, TermsLinkOut, UsedLinkOut
from accounts.web.check_email import SAYS_WHAT_WAS_SENT, mail_asked_reply
from accounts.web.kit import context, cookies, errors, forms
from accounts.web.kit.context import runtime, uow
from accounts.web.kit.reply import Reply, with_language
from accounts.web.kit.routes import BOTH, HTML, Onward, Routes, link_url, page_url
from accounts.web.terms import go_on

routes: Routes = Routes()
damaged_routes = Routes()
TOKEN_FIELD = "token"  # noqa: S105 - the name of a field


class LinkTokenForm(Form):
    """The link that JSON asks about; a page has it in a cookie."""

    token: str = ""


def _current_link() -> Link:
    return get_link(runtime().site, context.state().purpose)


def _current_token() -> object:
    """Return the token of this request: from the cookie for a page, from query or body for JSON.

    :raises LinkNotOpened: a page is asked for by a browser that has opened no such link, or keeps no cookies.
    """
    if context.state().format == "html":
        token = request.cookies.get(cookies.link_cookie_name(_current_link().purpose))
        if token is None:
            raise LinkNotOpened("no cookie of an opened link")
        return token
    if request.method in ("GET", "HEAD"):
        return request.args.get(TOKEN_FIELD, "")
    return forms.read_json_body().get(TOKEN_FIELD)


@routes.get("/<anything:address>", formats=HTML)
def go(address: str) -> Response:
    """Where mailed links lead: takes the token out of the address. Changes nothing, looks nothing up."""
    link_signer = runtime().site.link_signer
    token = link_signer.token_in_path(address)
    # Read, not opened: junk is turned away at the door, and the genuine one is judged on the page.
    link_signer.verify(_current_link(), token)
    response = Response(status=303, headers={"Location": link_url(_current_link().purpose)})
    cookies.set_cookie(
        response, cookies.link_cookie_name(_current_link().purpose), token, cookies.LINK_COOKIE_SECONDS
    )
    return response


@damaged_routes.get("/l/<anything:address>", formats=HTML)
def find_kind(address: str) -> Response:
    """Answer a link whose address names no kind: one that some carrier wrote in capitals is sent on.

    :raises LinkInvalid: no kind is called so.
    """
    name, _, rest = address.partition("/")
    purpose = name.strip().lower()
    if purpose == name or purpose not in runtime().site.links:
        raise LinkInvalid("no such kind of link")
    location = link_url(purpose, "go", address=rest) if rest else link_url(purpose)
    return Response(status=303, headers={"Location": location})


@routes.get("/done", formats=HTML)
def done() -> Reply:
    """Show what comes after the act."""
    next_path = local_path(request.args.get("next", "")) or ""
    return Reply(
        template="link_done.html",
        context={"link": _current_link(), "signed_in": _session_names_account(), "next": with_language(next_path)},
    )


@routes.post("/again", formats=BOTH, csrf=True, answers=MailRequestedOut, statuses=(202,), notice=SAYS_WHAT_WAS_SENT)
def again() -> Reply:
    """Queue a fresh link of the same kind to the address on file, for one that does not work any more."""
    link = _current_link()
    claims = _resendable_claims(link)
    subject = mail_limits.audit_subject_of(claims)
    with mail_limits.record_held(uow(), link.purpose, **subject), uow():
        uow().count_attempts(*mail_limits.visitor_attempts(uow(), link.purpose, claims.subject_id))
        if link.resend is None or not link.resend(uow(), claims):
            raise LinkExpired("no fresh one is to be had")
        uow().record_event("link.again", link_id=claims.link_id, **subject, facts={"purpose": link.purpose})
    # The link stays in this browser, dead as it is: the page that follows can ask once more with it.
    return mail_asked_reply(link.purpose)


def _resendable_claims(link: Link) -> LinkClaims:
    """Return what the link says, if a fresh one helps against its error (or if it is valid)."""
    try:
        return open_link(uow(), link, _current_token()).claims
    except DeadLink as error:
        if error.claims is None or not isinstance(error, link.resend_after):
            raise
        claims: LinkClaims = error.claims
        return claims
    finally:
        uow().release()


@routes.get("", formats=BOTH, query=LinkTokenForm, answers=LinkOut)
def show(query: LinkTokenForm) -> Reply:
    """Show what a link will do, and to whom. Uses nothing up, however often it is asked."""
    context.load_account()
    return build_link_reply(_open_current_link(), None)


@routes.post(
    "",
    formats=BOTH,
    csrf=True,
    answers=UsedLinkOut,
    statuses=(200, 201),
    notice=(
        *(outcome for link in LINKS for outcome in link.outcomes),
        Onward("the page that follows says what the link has done"),
    ),
)
def act() -> Reply:
    """Do what the link says."""
    # Loaded before the link is opened: nobody may hold one connection while waiting for a second.
    current = context.load_account()
    attempts = (throttle.LINK_NETWORK.by(uow().request_info.network),)
    shown: list[OpenedLink] = []

    def read_form(opened: OpenedLink) -> BaseModel:
        _speak(opened)
        _check_link_id(opened)
        shown.append(opened)
        return _read_form(opened)

    try:
        used = use_link(uow(), _current_link(), _current_token(), read_form, current, attempts=attempts)
    except Problem as problem:
        if not shown:
            raise
        return errors.redisplay_form(problem, functools.partial(build_link_reply, shown[0], problem))
    if used.session is not None:
        context.set_session(used.session)
    else:
        _drop_ended_session()
    return _done_reply(used)


def _open_current_link() -> OpenedLink:
    opened = open_link(uow(), _current_link(), _current_token())
    _speak(opened)
    return opened


def _speak(opened: OpenedLink) -> None:
    """Answer in the language of whoever is signed in, else in that of the email, up to the page behind the act."""
    current, account = context.state().account, opened.subject.account
    # The first admin's link was mailed to nobody: whoever opens it is spoken to in their own language.
    email_locale = str(getattr(opened.carried, "locale", "")) if opened.subject.id else context.get_language()
    speaker = current or account
    context.keep_language(speaker.locale if speaker else email_locale)


def _check_link_id(opened: OpenedLink) -> None:
    """Check that the form was made for this link.

    :raises OtherLinkOpened: it was made for another link than the one this browser holds now.
    """
    if context.state().format == "html":
        form_link_id = request.form.get(forms.LINK_FIELD, "")
        if not hmac.compare_digest(form_link_id.encode(), opened.link_id.encode()):
            raise OtherLinkOpened("the form shows another link")


def _read_form(opened: OpenedLink) -> BaseModel:
    if context.state().format == "html":
        return forms.read_form(opened.form)
    body = dict(forms.read_json_body())
    body.pop(TOKEN_FIELD, None)
    return validate(opened.form, body)


def build_link_reply(opened: OpenedLink, problem: Problem | None) -> Reply:
    """Return what is shown of a link before its act.

    :param problem: what was wrong with what was sent, where its form is shown again.
    :raises TermsRequired: whose link it is must accept the terms first.
    """
    link, current = opened.link, context.load_account()
    wrong_account = _is_wrong_account(opened)
    if link.needs_session and current is not None and not wrong_account:
        current.require_terms()
    body = {
        "purpose": link.purpose,
        "email": mask_email(opened.subject.email) if opened.subject.id else "",
        "expires_at": opened.expires_at,
        **link.context(uow(), opened),
    }
    values = forms.redisplayed_values(opened.form) if problem else link.values(uow(), opened)
    asked = () if context.state().format == "html" else _asked_fields(opened.form)
    terms = TermsLinkOut(**errors.describe_terms()) if TERMS_FIELD in asked else None
    return Reply(
        template=link.template,
        json=LinkOut(**body, asks=asked, terms=terms),
        context={
            "link": link,
            "link_id": opened.link_id,
            "fields": forms.form_fields(opened.form, values, problem.fields if problem else ()),
            "problem": problem,
            "current": current,
            "username": opened.subject.email,
            "wrong_account": wrong_account,
            "must_sign_in": current is None and (link.needs_session or body.get("member") is True),
            "must_confirm": current is not None and link.needs_session and not current.session.fresh,
        },
    )


def _asked_fields(form: type[BaseModel]) -> tuple[str, ...]:
    has_terms = runtime().site.settings.terms_version is not None
    return tuple(sorted(name for name in form.model_fields if name != TERMS_FIELD or has_terms))


def _drop_ended_session() -> None:
    # An act may have ended this browser's own session: the next page must not speak to somebody signed in.
    session = context.load_session()
    if session is not None and session.account_id:
        context.forget_account()
        if context.load_account() is None:
            context.set_session(None)


def _session_names_account() -> bool:
    # What the cookie says is enough to choose the next button, and needs no store.
    session = context.load_session()
    return session is not None and bool(session.account_id)


def _is_wrong_account(opened: OpenedLink) -> bool:
    try:
        check_account(opened, context.load_account())
    except WrongAccount:
        return True
    return False


def _done_reply(used: UsedLink) -> Reply:
    opened, done = used.opened, used.result
    next_path = getattr(opened.carried, "next", "")
    if context.state().format == "html":
        used_cookie = cookies.link_cookie_name(opened.link.purpose)
        told = done.outcome
        notice = make_notice(told.text, **told.values) if told is not None else None
        # Where an app or a page was wanted, it says itself who is signed in.
        if done.sign_in_as and next_path:
            location, notice = next_path, None
        elif done.sign_in_as and opened.link.goes_on:
            location = page_url("change_account_form")
        else:
            location = link_url(opened.link.purpose, "done", next=next_path or None)
        location = go_on(location, terms_accepted=used.terms_accepted)
        return Reply(location=location, deleted_cookie=used_cookie, notice=notice)
    body = UsedLinkOut(
        purpose=opened.link.purpose,
        account=done.account_id,
        signed_in=True if done.sign_in_as is not None else None,
        next=next_path or None,
    )
    return Reply(json=body, status=201 if done.created else 200)
