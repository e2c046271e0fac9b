"""Signing in by way of another service, and the list of those that somebody has connected."""

from __future__ import annotations

from typing import Any

from flask import Response, after_this_request, request

from accounts.core.errors import CsrfFailed, Forbidden, NotFound
from accounts.core.links.opening import open_link
from accounts.core.security import throttle
from accounts.flows.invites import link as invite_link
from accounts.flows.shared.fields import Form, Next
from accounts.flows.upstream import identities, waiting
from accounts.flows.upstream.provider import UpstreamProvider, UpstreamProviders, UpstreamUser
from accounts.flows.upstream.waiting import PENDING_SIGN_IN_TTL, PendingSignIn
from accounts.flows.use_link import check_account
from accounts.web.answers.upstream import IdentitiesOut, UpstreamStartOut
from accounts.web.kit import context, cookies
from accounts.web.kit.context import site, uow
from accounts.web.kit.cookies import cookie_name
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import page_url

COOKIE_NAME = "upstream"
IDENTITY_RULE = "/admin/accounts/<account_id>/identities/<identity_id>"


class UpstreamSignInForm(Form):
    """Where to go after signing in."""

    next: Next = ""


def sign_in_with(upstream_id: str, form: UpstreamSignInForm) -> Reply:
    """Sign in by way of another service."""
    return _start(upstream_id, action="sign-in", next=form.next)


def connect_with(upstream_id: str, form: Form) -> Reply:
    """Connect a sign-in of another service to this account."""
    return _start(upstream_id, action="connect", session_id=context.require_account().session.id)


def join_with(upstream_id: str, form: Form) -> Reply:
    """Accept the invitation that is open in this browser by way of another service."""
    _check_upstream_exists(upstream_id)
    current = context.load_account()
    opened = open_link(uow(), invite_link.INVITE, _invitation_token())
    uow().release()
    check_account(opened, current)
    if not opened.subject.id or opened.subject.account is not None:
        raise Forbidden("the first admin chooses a password, and who has an account signs in to it")
    return _start(upstream_id, action="join", link_id=opened.link_id)


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
    site().throttle.reserve(throttle.SIGN_IN_NETWORK.by(uow().request_info.network))
    pending = _read_pending(upstream_id)
    parameters = {name: values[0] for name, values in request.args.lists() if len(values) == 1}
    if len(parameters) != len(request.args) or not pending.matches_state(parameters.get("state", "")):
        raise CsrfFailed("an answer to nobody of this browser")
    return Reply(location=_complete(pending, _get_provider(upstream_id).fetch_user(pending, parameters)))


def _complete(pending: PendingSignIn, user: UpstreamUser) -> str:
    """Do what somebody went there for; where they go then."""
    if pending.action == "sign-in":
        context.set_session(identities.sign_in_by_identity(uow(), user))
        return pending.next or page_url("change_account_form")
    if pending.action == "join":
        current = context.load_account()
        context.set_session(identities.accept_invitation(uow(), _invitation_token(), pending.link_id, user, current))
        return page_url("change_account_form")
    account = context.require_account()
    if account.session.id != pending.session_id:
        raise CsrfFailed("another session than the one that asked to connect")
    context.set_session(identities.connect_identity(uow(), account, user))
    return page_url("list_identities", done="connected")


def list_identities() -> Reply:
    """List the sign-ins with other providers that are connected to this account."""
    rows = identities.list_identities(uow(), context.require_account().id)
    return Reply(
        template="identities.html",
        json=IdentitiesOut.from_rows(rows, site().settings.upstreams),
        context={"done": request.args.get("done", "")},
    )


def disconnect_identity(identity_id: str) -> Reply:
    """Disconnect a sign-in of another service."""
    context.set_session(identities.disconnect_identity(uow(), context.require_account(), identity_id))
    return Reply(status=204, location=page_url("list_identities", done="disconnected"))


def disconnect_account_identity(account_id: str, identity_id: str) -> Reply:
    """Disconnect a sign-in of another service from somebody's account, and tell them so."""
    identities.disconnect_identity_as_admin(uow(), account_id, identity_id)
    return Reply(status=204, location=page_url("show_account", account_id=account_id, done="disconnected"))


def _start(upstream_id: str, **pending: Any) -> Reply:
    _check_upstream_exists(upstream_id)
    site().throttle.reserve(throttle.SIGN_IN_NETWORK.by(uow().request_info.network))
    signed = site().signer.sign(waiting.PENDING_SIGN_IN, waiting.PendingSignIn(upstream_id, **pending))

    @after_this_request
    def set_cookie(response: Response) -> Response:
        cookies.set_cookie(response, cookie_name(COOKIE_NAME), signed, int(PENDING_SIGN_IN_TTL.total_seconds()))
        return response

    location = page_url("onward", upstream_id=upstream_id)
    return Reply(json=UpstreamStartOut(next=location), location=location)


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


def _invitation_token() -> str:
    return request.cookies.get(cookies.link_cookie_name(invite_link.INVITE_PURPOSE), "")


def _delete_cookie(response: Response) -> Response:
    cookies.delete_cookie(response, cookie_name(COOKIE_NAME))
    return response
