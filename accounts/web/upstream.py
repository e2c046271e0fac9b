"""Signing in by way of another service, and the list of those that somebody has connected."""

from __future__ import annotations

import functools
from typing import Any, Literal

from flask import Response, after_this_request, request

from accounts.core.errors import CsrfFailed, InvalidInput, NotFound, OtherLinkOpened
from accounts.core.messages import N_, make_message
from accounts.core.security import throttle
from accounts.flows.invites.join import JoinForm, sign_in_attempt
from accounts.flows.sessions.notice import make_notice
from accounts.flows.shared import terms
from accounts.flows.shared.accounts import get_account
from accounts.flows.shared.fields import AcceptedTerms, Form, Next
from accounts.flows.upstream import identities, joining, waiting
from accounts.flows.upstream.provider import UpstreamProvider, UpstreamProviders, UpstreamUser
from accounts.flows.upstream.waiting import PENDING_SIGN_IN_TTL, PendingSignIn
from accounts.web.account_notices import IDENTITY_CONNECTED, IDENTITY_DISCONNECTED
from accounts.web.admin.account_questions import name_identity
from accounts.web.admin.notices import ACCOUNT_IDENTITY_DISCONNECTED
from accounts.web.answers.upstream import IdentitiesOut, UpstreamStartOut
from accounts.web.join import join_context, open_shared_link, read_cookie_token
from accounts.web.kit import context, cookies, errors, forms
from accounts.web.kit.context import site, uow
from accounts.web.kit.cookies import cookie_name
from accounts.web.kit.questions import ask
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import page_url
from accounts.web.links import build_link_reply
from accounts.web.terms import go_on

COOKIE_NAME = "upstream"
IDENTITY_RULE = "/admin/accounts/<account_id>/identities/<identity_id>"


class JoinWithForm(Form):
    """Which link that is open in this browser is used: the purpose of a mailed one, or of one for several people.

    ``terms`` counts for a mailed one, which makes an account.
    """

    purpose: Literal["invite", "join-shared", "shared-invite"] = "invite"
    terms: AcceptedTerms = ""


class UpstreamSignInForm(Form):
    """Where to go after signing in."""

    next: Next = ""


def sign_in_with(upstream_id: str, form: UpstreamSignInForm) -> Reply:
    """Sign in by way of another service."""
    return _start(upstream_id, action="sign-in", next=form.next)


def connect_with(upstream_id: str, form: Form) -> Reply:
    """Connect a sign-in of another service to this account."""
    return _start(upstream_id, action="connect", session_id=context.require_account().session.id)


def join_with(upstream_id: str, form: JoinWithForm) -> Reply:
    """Join by the link that is open in this browser, by way of another service."""
    _check_upstream_exists(upstream_id)
    action = joining.ACTIONS[form.purpose]
    if action == joining.ASK_TO_JOIN:
        link_id = open_shared_link(read_cookie_token(form.purpose)).id
        _check_link_id(link_id)
        return _start(upstream_id, action=action, link_id=link_id)
    current = context.load_account()
    opened = joining.open_join_link(uow(), joining.JOIN_LINKS[action], read_cookie_token(form.purpose), current)
    _check_link_id(opened.link_id)
    try:
        accepted = terms.check_accepted(site().settings, form.terms)
    except InvalidInput as problem:
        return errors.redisplay_form(problem, functools.partial(build_link_reply, opened, problem))
    return _start(upstream_id, action=action, link_id=opened.link_id, terms=accepted)


def _check_link_id(link_id: str) -> None:
    """Check that the form was made for the link that is open in this browser.

    :raises OtherLinkOpened: it was made for another.
    """
    if request.form.get(forms.LINK_FIELD, link_id) != link_id:
        raise OtherLinkOpened("the form shows another link")


def onward(upstream_id: str) -> Reply:
    """Leave for the other service. A page of its own: the form that led here may lead to no other origin."""
    _check_upstream_exists(upstream_id)
    pending, provider = _read_pending(upstream_id), _get_provider(upstream_id)
    return Reply(
        template="onward.html",
        context={"onward": provider.authorization_url(pending), "label": provider.upstream.label},
    )


def upstream_callback(upstream_id: str) -> Reply:
    """Back from the other service, with its answer."""
    _check_upstream_exists(upstream_id)
    # One visit, one answer, whatever comes of it.
    after_this_request(_delete_cookie)
    pending = _read_pending(upstream_id)
    # The address of this answer is known there, and names no language: they go on in that of the page they left.
    context.state().prefix = pending.prefix
    _count_visit(pending)
    parameters = {name: values[0] for name, values in request.args.lists() if len(values) == 1}
    if len(parameters) != len(request.args) or not pending.matches_state(parameters.get("state", "")):
        raise CsrfFailed("an answer to nobody of this browser")
    return _complete(pending, _get_provider(upstream_id).fetch_user(pending, parameters))


def _complete(pending: PendingSignIn, user: UpstreamUser) -> Reply:
    """Do what somebody went there for; where they go then."""
    if pending.action == "sign-in":
        session, terms_accepted = identities.sign_in_by_identity(uow(), user)
        context.set_session(session)
        return Reply(location=go_on(pending.next, terms_accepted=terms_accepted))
    if pending.action == joining.ASK_TO_JOIN:
        return _ask_to_join(pending, user)
    if pending.action in joining.JOIN_LINKS:
        link, current = joining.JOIN_LINKS[pending.action], context.load_account()
        token = read_cookie_token(link.purpose)
        used = joining.join_by_identity(uow(), link, token, pending.link_id, user, current, terms=pending.terms)
        context.set_session(used.session)
        location = go_on(used.opened.carried.next, terms_accepted=used.terms_accepted)
        return Reply(location=location, deleted_cookie=cookies.link_cookie_name(link.purpose))
    account = context.require_account()
    if account.session.id != pending.session_id:
        raise CsrfFailed("another session than the one that asked to connect")
    context.set_session(identities.connect_identity(uow(), account, user))
    label = _get_provider(pending.upstream).upstream.label
    return Reply(location=page_url("list_identities"), notice=make_notice(IDENTITY_CONNECTED, service=label))


def _ask_to_join(pending: PendingSignIn, user: UpstreamUser) -> Reply:
    """Have the link to join mailed to the address from there; where none will do, the form asks for another."""
    token = read_cookie_token()
    try:
        joining.request_join(uow(), token, pending.link_id, user)
    except InvalidInput as problem:
        fields = forms.form_fields(JoinForm, {"email": user.email}, problem.fields)
        shown = {"fields": fields, "problem": problem}
        return errors.redisplay_form(
            problem, lambda: Reply(template="join.html", context={**join_context(), **shown})
        )
    return Reply(location=page_url("join_requested"))


def list_identities() -> Reply:
    """List the sign-ins with other providers that are connected to this account."""
    rows = identities.list_identities(uow(), context.require_account().id)
    return Reply(
        template="identities.html",
        json=IdentitiesOut.from_rows(rows, site().settings.upstreams),
    )


def disconnect_identity_context(identity_id: str) -> dict[str, Any]:
    """Return the question before a sign-in of another service is disconnected."""
    label = identities.get_own_identity(uow(), context.require_account().id, identity_id).label
    return ask(
        make_message(N_("Disconnect %(service)s?"), service=label),
        make_message(
            N_("You can no longer sign in with %(service)s, and all other devices are signed out."), service=label
        ),
        button=make_message(N_("Disconnect")),
        action=page_url("disconnect_identity_form", identity_id=identity_id),
        back=page_url("list_identities"),
        is_admin=False,
    )


def disconnect_identity(identity_id: str) -> Reply:
    """Disconnect a sign-in of another service."""
    current = context.require_account()
    label = identities.get_own_identity(uow(), current.id, identity_id).label
    context.set_session(identities.disconnect_identity(uow(), current, identity_id))
    notice = make_notice(IDENTITY_DISCONNECTED, service=label)
    return Reply(status=204, location=page_url("list_identities"), notice=notice)


def disconnect_account_identity(account_id: str, identity_id: str) -> Reply:
    """Disconnect a sign-in of another service from somebody's account, and tell them so."""
    email, service = get_account(uow(), account_id).email, name_identity(account_id, identity_id)
    uow().release()
    identities.disconnect_identity_as_admin(uow(), account_id, identity_id)
    notice = make_notice(ACCOUNT_IDENTITY_DISCONNECTED, service=service, email=email)
    return Reply(status=204, location=page_url("show_account", account_id=account_id), notice=notice)


def _start(upstream_id: str, **pending: Any) -> Reply:
    _check_upstream_exists(upstream_id)
    begun = PendingSignIn(upstream_id, prefix=context.state().prefix, **pending)
    _count_visit(begun)
    signed = site().signer.sign(waiting.PENDING_SIGN_IN, begun)

    @after_this_request
    def set_cookie(response: Response) -> Response:
        cookies.set_cookie(response, cookie_name(COOKIE_NAME), signed, int(PENDING_SIGN_IN_TTL.total_seconds()))
        return response

    location = page_url("onward", upstream_id=upstream_id)
    return Reply(json=UpstreamStartOut(next=location), location=location)


def _count_visit(pending: PendingSignIn) -> None:
    """Count that somebody sets out, or comes back: where they join by a link for several people, by that link.

    :raises TooManyRequests: too many have.
    """
    purpose = joining.PURPOSES.get(pending.action)
    terms = joining.read_terms(uow(), pending.action, read_cookie_token(purpose)) if purpose else None
    network = uow().request_info.network
    site().throttle.reserve(sign_in_attempt(uow(), terms) if terms else throttle.SIGN_IN_NETWORK.by(network))


def _read_pending(upstream_id: str) -> PendingSignIn:
    pending = site().signer.read(waiting.PENDING_SIGN_IN, request.cookies.get(cookie_name(COOKIE_NAME), ""))
    if pending is None or pending.upstream != upstream_id:
        raise CsrfFailed("no visit there was begun in this browser, or too long ago")
    return pending


def _get_provider(upstream_id: str) -> UpstreamProvider:
    return site().get(UpstreamProviders).get(upstream_id)


def _check_upstream_exists(upstream_id: str) -> None:
    if upstream_id not in site().settings.upstreams:
        raise NotFound("no such upstream")


def _delete_cookie(response: Response) -> Response:
    cookies.delete_cookie(response, cookie_name(COOKIE_NAME))
    return response
