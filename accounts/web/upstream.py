"""Signing in by way of another service, and the list of those that somebody has connected."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from flask import Response, after_this_request, request

from accounts.core.errors import CsrfFailed, Forbidden, NotFound
from accounts.core.links.opening import open_link
from accounts.core.models.account import ADMIN_GROUP
from accounts.core.security import throttle
from accounts.flows.invites import link as invite_link
from accounts.flows.shared.fields import Asks, Next
from accounts.web.kit import context, cookies
from accounts.web.kit.context import house, runtime, uow
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import BOTH, JSON, PAGE, Room, page_url

if TYPE_CHECKING:
    from accounts.flows.upstream.provider import UpstreamProvider, UpstreamUser
    from accounts.flows.upstream.waiting import PendingSignIn

room: Room = Room()
SECONDS = 10 * 60
"""As long as ``waiting.LIVES``."""


class SignInWith(Asks):
    """Where to go after signing in."""

    next: Next = ""


@room.post("/upstream/<upstream_id>/sign-in", asks=SignInWith)
def sign_in_with(upstream_id: str, said: SignInWith) -> Reply:
    """Sign in by way of another service."""
    return _begin(upstream_id, action="sign-in", next=said.next)


@room.post("/upstream/<upstream_id>/connect", needs="account", fresh=True, asks=Asks)
def connect_with(upstream_id: str, said: Asks) -> Reply:
    """Connect a sign-in of another service to this account."""
    return _begin(upstream_id, action="connect", session_id=context.signed_in().session.id)


@room.post("/upstream/<upstream_id>/join", asks=Asks, speaks=PAGE)
def join_with(upstream_id: str, said: Asks) -> Reply:
    """Accept the invitation that is open in this browser by way of another service."""
    _known(upstream_id)
    opened = open_link(uow(), house().links[invite_link.PURPOSE], _invitation())
    uow().release()
    if not opened.subject.id or opened.subject.account is not None:
        raise Forbidden("the first admin chooses a password, and who has an account signs in to it")
    return _begin(upstream_id, action="join", link_id=opened.link_id)


@room.get("/upstream/<upstream_id>/onward", speaks=PAGE)
def onward(upstream_id: str) -> Reply:
    """Leave for the other service. A page of its own: the form that led here may lead to no other origin."""
    _known(upstream_id)
    waiting, provider = _waiting(upstream_id), _provider(upstream_id)
    return Reply(
        page="onward.html", shows={"onward": provider.authorization_url(waiting), "label": provider.upstream.label}
    )


@room.get("/upstream/<upstream_id>/callback", speaks=PAGE)
def upstream_callback(upstream_id: str) -> Reply:
    """Back from the other service, with its answer."""
    _known(upstream_id)
    # One visit, one answer, whatever comes of it.
    after_this_request(_drop)
    house().throttle.hit(throttle.SIGN_IN_NETWORK, uow().request_info.network)
    waiting = _waiting(upstream_id)
    said = {name: values[0] for name, values in request.args.lists() if len(values) == 1}
    if len(said) != len(request.args) or not waiting.matches_state(said.get("state", "")):
        raise CsrfFailed("an answer to nobody of this browser")
    return Reply(then=_settle(waiting, _provider(upstream_id).fetch_user(waiting, said)))


def _settle(waiting: PendingSignIn, person: UpstreamUser) -> str:
    """Do what somebody went there for; where they go then."""
    from accounts.flows.upstream import identities

    if waiting.action == "sign-in":
        context.set_session(identities.sign_in_by_identity(uow(), person))
        return waiting.next or page_url("change_account_form")
    if waiting.action == "join":
        link = house().links[invite_link.PURPOSE]
        context.set_session(identities.accept_invitation(uow(), link, _invitation(), waiting.link_id, person))
        return page_url("change_account_form")
    who = context.signed_in()
    if who.session.id != waiting.session_id:
        raise CsrfFailed("another session than the one that asked to connect")
    context.set_session(identities.connect_identity(uow(), who, person))
    return page_url("list_identities", done="connected")


@room.get("/account/identities", needs="account", speaks=BOTH)
def list_identities() -> Reply:
    """The sign-ins of other services that are connected to this account."""
    from accounts.flows.upstream import identities

    found = identities.list_identities(uow(), context.signed_in().id)
    return Reply(
        page="identities.html",
        says={"identities": [asdict(each) for each in found], "upstreams": _shown()},
        shows={"done": request.args.get("done", "")},
    )


@room.delete("/account/identities/<identity_id>", needs="account", fresh=True, speaks=JSON, statuses=(204,))
def disconnect_identity(identity_id: str) -> Reply:
    """Disconnect a sign-in of another service."""
    _disconnect(identity_id)
    return Reply(status=204)


@room.post("/account/identities/<identity_id>/disconnect", needs="account", fresh=True, speaks=PAGE)
def disconnect_identity_page(identity_id: str) -> Reply:
    """Disconnect a sign-in of another service."""
    _disconnect(identity_id)
    return Reply(then=page_url("list_identities", done="disconnected"))


ONE = "/admin/accounts/<account_id>/identities/<identity_id>"


@room.delete(ONE, needs=ADMIN_GROUP, fresh=True, speaks=JSON, statuses=(204,))
def disconnect_account_identity(account_id: str, identity_id: str) -> Reply:
    """Disconnect a sign-in of another service from somebody's account, and tell them so."""
    _take_away(account_id, identity_id)
    return Reply(status=204)


@room.post(f"{ONE}/disconnect", needs=ADMIN_GROUP, fresh=True, speaks=PAGE)
def disconnect_account_identity_page(account_id: str, identity_id: str) -> Reply:
    """Disconnect a sign-in of another service from somebody's account, and tell them so."""
    _take_away(account_id, identity_id)
    return Reply(then=page_url("show_account", account_id=account_id, done="disconnected"))


def _take_away(account_id: str, identity_id: str) -> None:
    from accounts.flows.upstream import identities

    identities.disconnect_identity_as_admin(uow(), account_id, identity_id)


def _disconnect(identity_id: str) -> None:
    from accounts.flows.upstream import identities

    context.set_session(identities.disconnect_identity(uow(), context.signed_in(), identity_id))


def _begin(upstream_id: str, **pending: Any) -> Reply:
    from accounts.flows.upstream import waiting

    _known(upstream_id)
    house().throttle.hit(throttle.SIGN_IN_NETWORK, uow().request_info.network)
    sealed = waiting.sign_pending_sign_in(house(), waiting.PendingSignIn(upstream_id, **pending))

    @after_this_request
    def keep(response: Response) -> Response:
        cookies.put(response, _cookie(), sealed, SECONDS)
        return response

    then = page_url("onward", upstream_id=upstream_id)
    return Reply(says={"next": then}, then=then)


def _waiting(upstream_id: str) -> PendingSignIn:
    from accounts.flows.upstream import waiting

    found = waiting.verify_pending_sign_in(house(), request.cookies.get(_cookie(), ""))
    if found is None or found.upstream != upstream_id:
        raise CsrfFailed("no visit there was begun in this browser, or too long ago")
    return found


def _provider(upstream_id: str) -> UpstreamProvider:
    from accounts.flows.upstream.provider import UpstreamProviders

    return house().get(UpstreamProviders).get(upstream_id)


def _known(upstream_id: str) -> None:
    if upstream_id not in house().settings.upstreams:
        raise NotFound("no such upstream")


def _shown() -> list[dict[str, str]]:
    return [{"id": name, "label": each.label} for name, each in house().settings.upstreams.items()]


def _invitation() -> str:
    return request.cookies.get(runtime().link_cookie(invite_link.PURPOSE), "")


def _drop(response: Response) -> Response:
    cookies.drop(response, _cookie())
    return response


def _cookie() -> str:
    return f"{'__Host-' if house().settings.secure else ''}upstream"
