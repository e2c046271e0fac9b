"""Serve the pages where clients send users: to sign in, to consent, to sign out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode

from flask import Response, request

from accounts.core.errors import AppNotAllowed, BadAppRequest
from accounts.core.security.private_use_uris import form_target
from accounts.core.security.redirects import local_path
from accounts.flows.oidc import authorize as flow
from accounts.flows.oidc import backchannel, consent
from accounts.flows.oidc import logout as oidc_logout
from accounts.flows.oidc import request as authorization_request
from accounts.flows.oidc.authorize import Interaction
from accounts.flows.oidc.logout import LogoutRequest
from accounts.flows.oidc.note import ReauthenticationNote
from accounts.flows.oidc.request import ID_TOKEN_HINT, AuthorizationRequest
from accounts.flows.oidc.responses import FORM_POST, AuthorizationRefused, AuthorizationResponse
from accounts.flows.sessions import session as sessions
from accounts.flows.shared import admission, app_targets
from accounts.flows.shared.fields import Form
from accounts.web import app_refusals
from accounts.web.kit import context, headers
from accounts.web.kit.context import site, uow
from accounts.web.kit.reply import LANGUAGE_PARAMETER, Reply
from accounts.web.kit.routes import page_url

Parameters = list[tuple[str, str]]
PAGE_OF_INTERACTION = {
    Interaction.SIGN_IN: "sign_in_form",
    Interaction.SIGN_UP: "sign_up_form",
    Interaction.REAUTHENTICATE: "confirm_form",
    Interaction.TERMS: "accept_terms_form",
}
"""The pages of our own that lead back to the request."""


class ConsentForm(Form):
    """What somebody says who was asked about an app, the request that it is about, and what they were shown."""

    request: str
    scope: str = ""
    decision: Literal["yes", "no"]


class LogoutForm(Form):
    """That somebody wants to sign out, and the request of the app that it is about."""

    request: str


def authorize() -> Reply | Response:
    """Sign in for another app."""
    return _handle_authorization(list(request.args.items(multi=True)))


def authorize_by_post() -> Response:
    """Redirect a request by form to GET: a browser sends no cookie with the POST of another site."""
    return _redirect_to_get("authorize")


def start_app(app_id: str) -> Reply | Response:
    """Send a browser to where an app begins a sign-in: what an invitation to use the app leads to."""
    return _redirect_to_client(app_targets.start_url(uow(), app_id))


def decide(form: ConsentForm) -> Reply | Response:
    """Agree to what an app may know, or do not."""
    parameters = parse_qsl(form.request, keep_blank_values=True)
    if form.decision == "yes":
        return _handle_authorization(parameters, form.scope.split())
    try:
        return _send_response(
            flow.deny_authorization(
                uow(), authorization_request.parse_authorization_request(uow(), parameters), context.load_account()
            )
        )
    except AuthorizationRefused as refusal:
        return _send_response(refusal.response)


def logout() -> Reply | Response:
    """Sign out for another app."""
    logout_request, account = (
        oidc_logout.parse_logout_request(uow(), request.args.items(multi=True)),
        context.load_account(),
    )
    _apply_ui_locales(logout_request.params)
    # What only looks (HEAD) ends nothing.
    if request.method != "GET" or oidc_logout.must_confirm_logout(uow(), logout_request, account):
        extra_headers = (
            headers.csp_with_form_target(form_target(logout_request.post_logout_uri))
            if logout_request.post_logout_uri
            else {}
        )
        page_context = {
            "app": logout_request.app,
            "request": urlencode(logout_request.params),
            "email": account.email if account else "",
            "refused": logout_request.is_uri_refused,
        }
        status = 400 if logout_request.is_uri_refused else 200
        return Reply(status=status, template="oidc/sign_out.html", context=page_context, headers=extra_headers)
    return _finish_logout(logout_request, confirmed=logout_request.hint is not None)


def logout_by_post() -> Response:
    """Redirect a request by form to GET."""
    return _redirect_to_get("logout")


def confirm_logout(form: LogoutForm) -> Reply | Response:
    """Sign out, confirmed by the user."""
    return _finish_logout(
        oidc_logout.parse_logout_request(uow(), parse_qsl(form.request, keep_blank_values=True)), confirmed=True
    )


def _handle_authorization(parameters: Parameters, agreed_scopes: list[str] | None = None) -> Reply | Response:
    try:
        auth_request = authorization_request.parse_authorization_request(uow(), parameters)
    except AuthorizationRefused as refusal:
        return _refusal_reply(refusal, parameters)
    account = context.load_account()
    _apply_ui_locales({**auth_request.params, **_chosen_language(parameters)})
    note = flow.read_note(site(), auth_request, dict(parameters).get(flow.NOTE_PARAMETER, ""))
    outcome = flow.decide_authorization(uow(), auth_request, account, note, consented_scopes=agreed_scopes)
    if not isinstance(outcome, AuthorizationResponse):
        return _interaction_reply(outcome, auth_request, note)
    if agreed_scopes and account is not None:
        consent.record_consent(uow(), auth_request, account.id)
    return _send_response(outcome)


def _refusal_reply(refusal: AuthorizationRefused, parameters: Parameters) -> Reply | Response:
    # RFC 9700 4.11.2: nobody is sent on to an app by a mistake in the address before they have signed in, unless the
    # app wants it that way.
    if context.load_account() is not None or ("prompt", "none") in parameters:
        return _send_response(refusal.response)
    next_path = local_path(f"{site().url_prefix}/oauth/authorize?{urlencode(parameters)}")
    if next_path is None:
        raise BadAppRequest("too long to be carried through signing in")
    return Reply(location=page_url("sign_in_form", next=next_path))


def _interaction_reply(
    interaction: Interaction, auth_request: AuthorizationRequest, note: ReauthenticationNote | None
) -> Reply | Response:
    session = context.load_session()
    if endpoint := PAGE_OF_INTERACTION.get(interaction):
        # The terms are asked for last: a proof that was given by now counts when they come back.
        kept_note = note if interaction is Interaction.TERMS else None
        next_path = _return_path(auth_request, kept_note or flow.make_note(session))
        if next_path is None:
            return _send_response(auth_request.build_error_response(site(), flow.request_too_long_error()))
        is_unknown = interaction in (Interaction.SIGN_IN, Interaction.SIGN_UP)
        login_hint = auth_request.params.get("login_hint")
        hint = {"email": login_hint} if login_hint is not None and is_unknown else {}
        return Reply(location=page_url(endpoint, next=next_path, **hint))
    if interaction is Interaction.NOT_ALLOWED:
        return _not_allowed_reply(auth_request)
    continue_target = flow.authorization_path(site(), auth_request, note or flow.make_note(session))
    other_account_target = local_path(flow.authorization_path(site(), auth_request, flow.make_note(session))) or ""
    page_context = {
        "app": auth_request.app,
        "need": interaction.value,
        "scope": auth_request.consent_scopes,
        "request": continue_target.partition("?")[2],
        "other": other_account_target,
        "who": context.load_account(),
    }
    template = "oidc/sign_up_closed.html" if interaction is Interaction.SIGN_UP_CLOSED else "oidc/authorize.html"
    return Reply(template=template, context=page_context, headers=_client_form_headers(auth_request))


def _not_allowed_reply(auth_request: AuthorizationRequest) -> Reply:
    account = context.require_account()
    unmet_rule = admission.find_unmet_rule(auth_request.app, account)
    target = flow.authorization_path(site(), auth_request, flow.make_note(context.load_session()))
    problem = AppNotAllowed(app=auth_request.app, rule=unmet_rule.name if unmet_rule else "")
    reply = app_refusals.build_refusal_page(
        problem, account, other=local_path(target) or "", request=target.partition("?")[2]
    )
    reply.headers = _client_form_headers(auth_request)
    return reply


def _client_form_headers(auth_request: AuthorizationRequest) -> Mapping[str, str]:
    return headers.csp_with_form_target(form_target(auth_request.redirect_uri))


def _return_path(auth_request: AuthorizationRequest, note: ReauthenticationNote) -> str | None:
    path = local_path(flow.authorization_path(site(), auth_request, note))
    # A long hint is left behind: whose ID token it was, the app finds out itself.
    return path or local_path(flow.authorization_path(site(), auth_request.without_parameter(ID_TOKEN_HINT), note))


def _send_response(response: AuthorizationResponse) -> Reply | Response:
    if response.response_mode == FORM_POST:
        page_context = {"action": response.redirect_uri, "says": response.params}
        return Reply(template="oidc/form_post.html", context=page_context, headers=headers.CSP_WITH_ANY_FORM_TARGET)
    return _redirect_to_client(response.location)


def _redirect_to_client(url: str, extra_headers: Mapping[str, str] | None = None) -> Reply | Response:
    """To an address of the app, and wherever that leads on."""
    if request.headers.get("Sec-Fetch-Site") == "same-origin":
        # Come from a form of ours, whose page lets forms lead to few origins; Chromium holds that against every
        # redirect that follows, of the app's own, too. A page that goes on by itself is none.
        return Reply(template="onward.html", context={"onward": url, "label": ""}, headers=extra_headers or {})
    return Response(status=303, headers={"Location": url, **(extra_headers or {})})


def _finish_logout(logout_request: LogoutRequest, *, confirmed: bool) -> Reply | Response:
    account = context.load_account()
    if account is not None:
        sessions.sign_out(uow(), account.session)
        context.set_session(None)
    extra_headers = {"Clear-Site-Data": '"cache"'}
    if logout_request.post_logout_uri and confirmed:
        return _redirect_to_client(logout_request.post_logout_uri, extra_headers)
    page_context = {
        "app": logout_request.app,
        "back": logout_request.post_logout_uri,
        "about": backchannel.sign_logout_status(uow()),
    }
    return Reply(template="oidc/signed_out.html", context=page_context, headers=extra_headers)


def _redirect_to_get(endpoint: str) -> Response:
    """Redirect to the same address by GET, with the fields of the form in the query."""
    parameters = [*request.args.items(multi=True), *request.form.items(multi=True)]
    return Response(status=303, headers={"Location": f"{page_url(endpoint)}?{urlencode(parameters)}"})


def _chosen_language(parameters: Parameters) -> dict[str, str]:
    """Return the language that was chosen on a page on the way, in the place of what the client asks for."""
    chosen = dict(parameters).get(LANGUAGE_PARAMETER, "")
    return {"ui_locales": chosen} if context.runtime().languages.supports(chosen) else {}


def _apply_ui_locales(parameters: Any) -> None:
    """Apply the language that the client asks for (OpenID Connect Core 3.1.2.1), whoever is signed in.

    Here, and on the pages that we redirect to, which have the language in their address: it stays the same for all of
    the walk.
    """
    languages = (tag.partition("-")[0].lower() for tag in str(parameters.get("ui_locales", "")).split())
    if language := next(filter(context.runtime().languages.supports, languages), ""):
        context.set_language(language)
        context.state().prefix = language
