"""Where other apps send people: to sign in, to agree to what the app may know, to sign out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qsl, urlencode

from flask import Response, request

from accounts.core.errors import BadAppRequest
from accounts.core.security.client_uris import parse_origin
from accounts.core.security.redirects import local_path
from accounts.flows.sessions import session as sessions
from accounts.flows.shared.fields import Asks
from accounts.web.connected_apps import said_goodbye
from accounts.web.kit import context, headers
from accounts.web.kit.context import house, uow
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import PAGE, Room, page_url

if TYPE_CHECKING:
    from accounts.flows.oidc.authorize import Interaction, ReauthenticationNote
    from accounts.flows.oidc.logout import LogoutRequest
    from accounts.flows.oidc.request import AuthorizationRequest
    from accounts.flows.oidc.responses import AuthorizationRefused, AuthorizationResponse

room: Room = Room()
HERE: dict[str, Any] = {"speaks": PAGE, "one_address": True}
PLAIN: dict[str, Any] = {**HERE, "foreign": True}
Pairs = list[tuple[str, str]]


class Decision(Asks):
    """What somebody says who was asked about an app, the request that it is about, and what they were shown."""

    request: str
    scope: str = ""
    decision: Literal["yes", "no"]


class SignOutDecision(Asks):
    """That somebody wants to sign out, and the wish of the app that it is about."""

    request: str


@room.get("/oauth/authorize", **PLAIN)
def authorize() -> Reply | Response:
    """Sign in for another app."""
    return _judge(list(request.args.items(multi=True)))


@room.post("/oauth/authorize", **PLAIN)
def authorize_by_post() -> Response:
    """The same, asked by a form. Goes round by GET: a browser sends no cookie with the POST of another site."""
    return _round("authorize")


@room.post("/oauth/consent", **HERE, asks=Decision)
def decide(said: Decision) -> Reply | Response:
    """Agree to what an app may know, or do not."""
    pairs = parse_qsl(said.request, keep_blank_values=True)
    if said.decision == "yes":
        return _judge(pairs, said.scope.split())
    from accounts.flows.oidc import authorize as flow
    from accounts.flows.oidc import request as authorization_request
    from accounts.flows.oidc.responses import AuthorizationRefused

    try:
        return _deliver(
            flow.deny_authorization(
                uow(), authorization_request.parse_authorization_request(uow(), pairs), context.account()
            )
        )
    except AuthorizationRefused as refused:
        return _deliver(refused.response)


@room.get("/oauth/logout", **PLAIN)
def logout() -> Reply | Response:
    """Sign out for another app."""
    from accounts.flows.oidc import logout as oidc_logout

    wish, who = oidc_logout.parse_logout_request(uow(), request.args.items(multi=True)), context.account()
    _speak(wish.params)
    # What only looks (HEAD) ends nothing.
    if request.method != "GET" or oidc_logout.must_confirm_logout(uow(), wish, who):
        more = headers.policy_with_forms_to(parse_origin(wish.post_logout_uri) or "") if wish.post_logout_uri else {}
        shows = {"app": wish.app, "request": urlencode(wish.params), "email": who.email if who else ""}
        return Reply(page="oidc/sign_out.html", shows=shows, headers=more)
    return _sign_out(wish, sure=wish.hint is not None)


@room.post("/oauth/logout", **PLAIN)
def logout_by_post() -> Response:
    """The same, asked by a form."""
    return _round("logout")


@room.post("/oauth/logout/confirm", **HERE, asks=SignOutDecision)
def confirm_logout(said: SignOutDecision) -> Reply | Response:
    """Sign out, said by the person."""
    from accounts.flows.oidc import logout as oidc_logout

    return _sign_out(
        oidc_logout.parse_logout_request(uow(), parse_qsl(said.request, keep_blank_values=True)), sure=True
    )


def _judge(pairs: Pairs, agreed: list[str] | None = None) -> Reply | Response:
    from accounts.flows.oidc import authorize as flow
    from accounts.flows.oidc import request as authorization_request
    from accounts.flows.oidc.responses import AuthorizationRefused, AuthorizationResponse

    try:
        asked = authorization_request.parse_authorization_request(uow(), pairs)
    except AuthorizationRefused as refused:
        return _refuse(refused, pairs)
    who = context.account()
    _speak(asked.params)
    note = flow.read_note(house(), asked, dict(pairs).get(flow.NOTE_PARAMETER, ""))
    step = flow.decide_authorization(uow(), asked, who, note, consented_scopes=agreed)
    if not isinstance(step, AuthorizationResponse):
        return _lead(step, asked, note)
    if agreed and who is not None:
        flow.grant_consent(uow(), asked, who)
    return _deliver(step)


def _refuse(refused: AuthorizationRefused, pairs: Pairs) -> Reply | Response:
    # RFC 9700 4.11.2: nobody is sent on to an app by a mistake in the address before they have signed in, unless the
    # app wants it that way.
    if context.account() is not None or ("prompt", "none") in pairs:
        return _deliver(refused.response)
    wanted = local_path(f"{house().url_prefix}/oauth/authorize?{urlencode(pairs)}")
    if wanted is None:
        raise BadAppRequest("too long to be carried through signing in")
    return Reply(then=page_url("sign_in_form", next=wanted))


def _lead(need: Interaction, asked: AuthorizationRequest, note: ReauthenticationNote | None) -> Reply | Response:
    from accounts.flows.oidc import authorize as flow
    from accounts.flows.oidc.authorize import Interaction

    session = context.session()
    if need in (Interaction.SIGN_IN, Interaction.SIGN_UP, Interaction.REAUTHENTICATE):
        wanted = _way_back(asked, flow.make_note(session))
        if wanted is None:
            return _deliver(asked.build_error_response(house(), flow.request_too_long_error()))
        page = {
            Interaction.SIGN_IN: "sign_in_form",
            Interaction.SIGN_UP: "sign_up_form",
            Interaction.REAUTHENTICATE: "confirm_form",
        }[need]
        hint = (
            {"email": asked.params["login_hint"]}
            if "login_hint" in asked.params and need is not Interaction.REAUTHENTICATE
            else {}
        )
        return Reply(then=page_url(page, next=wanted, **hint))
    again = flow.authorization_path(house(), asked, note or flow.make_note(session))
    other = local_path(flow.authorization_path(house(), asked, flow.make_note(session))) or ""
    shows = {
        "app": asked.app,
        "need": need.value,
        "scope": asked.consent_scopes,
        "request": again.partition("?")[2],
        "other": other,
        "who": context.account(),
    }
    more = headers.policy_with_forms_to(parse_origin(asked.redirect_uri) or "")
    return Reply(page="oidc/authorize.html", shows=shows, headers=more)


def _way_back(asked: AuthorizationRequest, note: ReauthenticationNote) -> str | None:
    from accounts.flows.oidc import authorize as flow
    from accounts.flows.oidc.request import ID_TOKEN_HINT

    found = local_path(flow.authorization_path(house(), asked, note))
    # A long hint is left behind: whose ID token it was, the app finds out itself.
    return found or local_path(flow.authorization_path(house(), asked.without_parameter(ID_TOKEN_HINT), note))


def _deliver(answer: AuthorizationResponse) -> Reply | Response:
    from accounts.flows.oidc.responses import FORM_POST

    if answer.response_mode == FORM_POST:
        shows = {"action": answer.redirect_uri, "says": answer.params}
        return Reply(page="oidc/form_post.html", shows=shows, headers=headers.FORMS_LEAD_ANYWHERE)
    return _onward(answer.location)


def _onward(where: str, more: Mapping[str, str] | None = None) -> Reply | Response:
    """To an address of the app, and wherever that leads on."""
    if request.headers.get("Sec-Fetch-Site") == "same-origin":
        # Come from a form of ours, whose page lets forms lead to few origins; Chromium holds that against every
        # redirect that follows, of the app's own, too. A page that goes on by itself is none.
        return Reply(page="onward.html", shows={"onward": where, "label": ""}, headers=more or {})
    return Response(status=303, headers={"Location": where, **(more or {})})


def _sign_out(wish: LogoutRequest, *, sure: bool) -> Reply | Response:
    who = context.account()
    if who is not None:
        sessions.end(uow(), who.session)
        context.set_session(None)
    more = {"Clear-Site-Data": '"cache"'}
    if wish.post_logout_uri and sure:
        return _onward(wish.post_logout_uri, more)
    shows = {"app": wish.app, "back": wish.post_logout_uri, "about": said_goodbye()}
    return Reply(page="oidc/signed_out.html", shows=shows, headers=more)


def _round(name: str) -> Response:
    """To the same address by GET, with what the form said in the query."""
    pairs = [*request.args.items(multi=True), *request.form.items(multi=True)]
    return Response(status=303, headers={"Location": f"{page_url(name)}?{urlencode(pairs)}"})


def _speak(said: Any) -> None:
    """The language that the app asks for, if nobody is signed in who has chosen one: here, and on the pages that we
    lead to, which have the language in their address."""
    if context.account() is None:
        spoken = (tag.partition("-")[0].lower() for tag in str(said.get("ui_locales", "")).split())
        if language := next(filter(context.runtime().languages.speaks, spoken), ""):
            context.speak(language)
            context.bound().prefix = language
