"""Answer proxies (forward-auth), and bring a session to an app's own host by redirects.

A proxy says what was asked for in ``X-Forwarded-Proto``, ``-Host``, ``-Uri`` and ``-Method``. Anybody may say so,
too, and gains nothing: a cookie is valid at the one origin it was made for, and users are redirected to none but
registered origins.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Response, request

from accounts.core.errors import AppNotAllowed, Forbidden, NotSignedIn, Problem, TermsRequired
from accounts.core.link_errors import LinkInvalid
from accounts.core.messages import N_
from accounts.core.security.client_uris import parse_origin
from accounts.core.security.redirects import local_path
from accounts.flows import forward_auth as forward_auth_flow
from accounts.flows.forward_auth import HOST_SESSION, ForwardSession, HostSession
from accounts.web import app_refusals
from accounts.web.kit import context, errors
from accounts.web.kit.context import site, uow
from accounts.web.kit.cookies import host_cookie_name
from accounts.web.kit.plain_response import PlainResponse
from accounts.web.kit.reply import Reply
from accounts.web.kit.request_state import RequestState
from accounts.web.kit.routes import HTML, SIGNED_IN, Routes, page_url
from accounts.web.kit.upgrades import wants_websocket

routes: Routes = Routes()
HOST_SESSION_COOKIE, NONCE_COOKIE = "forward-visit", "forward-start"
NONCE_SECONDS = 600
FORBIDDEN_MESSAGE = N_("Your account doesn't have access to this app.")
NOT_ALLOWED_MESSAGE = N_("The account you're signed in with doesn't have access to %(app)s.")
ASK_MESSAGE = N_("Contact: %(contact)s")
OTHER_ACCOUNT_MESSAGE = N_("To see why, or to use another account, open %(url)s")
RETRY_MESSAGE = N_("Something went wrong. Allow cookies, then open the page you wanted again.")


@dataclass(frozen=True, slots=True)
class ProxiedRequest:
    """What a browser asked the proxy for."""

    origin: str
    path: str

    @property
    def is_secure(self) -> bool:
        """Whether the app is asked by https."""
        return self.origin.startswith("https://")

    def cookie_name(self, name: str) -> str:
        """Return the name of a cookie of that host alone."""
        return host_cookie_name(name, secure=self.is_secure)


def _show_refusal(problem: Problem) -> Response:
    if isinstance(problem, NotSignedIn):
        return _sign_in_response(_proxied_request(context.state()))
    if isinstance(problem, TermsRequired):
        # The way round leads by the page that asks: what it leads to needs a session.
        return _lead_to_start(
            _proxied_request(context.state()), _text_response(errors.translate(problem.message), problem)
        )
    if isinstance(problem, AppNotAllowed):
        return _not_allowed_response(_proxied_request(context.state()), problem)
    if isinstance(problem, Forbidden):
        return _text_response(errors.translate(FORBIDDEN_MESSAGE), problem)
    raise problem


@routes.get("/forward-auth", formats=HTML, hot=True, show_problem=_show_refusal)
def forward_auth(state: RequestState) -> PlainResponse:
    """Tell a proxy who comes: 200 with headers about them, 401 (with where to sign in), or 403."""
    proxied = _proxied_request(state)
    visitor = forward_auth_flow.authorize_forwarded_request(
        state.uow, _read_ticket(state, proxied), proxied.origin, state.args.get("app", "")
    )
    return PlainResponse(b"", 200, [("Content-Type", "text/plain; charset=utf-8"), *visitor.headers().items()])


@routes.get("/forward-auth/start", formats=HTML)
def forward_start() -> Response:
    """At the app's host: bind the way through signing in to this browser."""
    proxied = _proxied_request(context.state())
    name = proxied.cookie_name(NONCE_COOKIE)
    # The same one for all tabs: a second page that is opened meanwhile must not undo the first.
    nonce = request.cookies.get(name, "")[:64] or forward_auth_flow.make_browser_nonce()
    start_token = forward_auth_flow.sign_start_token(site(), proxied.origin, request.args.get("to", ""), nonce)
    response = _redirect(f"{site().settings.public_origin}{page_url('forward_pass', trip=start_token)}")
    _set_cookie(response, proxied, name, nonce, NONCE_SECONDS)
    return response


@routes.get("/forward-auth/pass", access=SIGNED_IN, formats=HTML)
def forward_pass() -> Response | Reply:
    """Issue a handover token for the app's host, at the service itself, where the session is."""
    account, start_token = context.require_account(), request.args.get("trip", "")
    try:
        origin, path, handover_token = forward_auth_flow.issue_handover_token(uow(), account, start_token)
    except AppNotAllowed as problem:
        other = local_path(page_url("forward_pass", trip=start_token)) or ""
        return app_refusals.build_refusal_page(problem, account, other=other)
    if origin == site().settings.public_origin:
        return _redirect(f"{origin}{path}")
    return _redirect(f"{origin}{page_url('forward_enter')}?{urlencode({'pass': handover_token})}")


@routes.get("/forward-auth/enter", formats=HTML)
def forward_enter() -> Response:
    """Redeem the handover token at the app's host: set a cookie of this host, and go on to the page asked for."""
    proxied = _proxied_request(context.state())
    try:
        nonce = request.cookies.get(proxied.cookie_name(NONCE_COOKIE), "")
        ticket, path = forward_auth_flow.redeem_handover_token(
            uow(), request.args.get("pass", ""), proxied.origin, nonce
        )
    except LinkInvalid as problem:
        return _text_response(errors.translate(RETRY_MESSAGE), problem)
    response = _redirect(f"{proxied.origin}{path}")
    value = site().signer.sign(HOST_SESSION, HostSession(ticket, proxied.origin))
    _set_cookie(
        response,
        proxied,
        proxied.cookie_name(HOST_SESSION_COOKIE),
        value,
        forward_auth_flow.host_session_max_age(ticket),
    )
    return response


def _proxied_request(state: RequestState) -> ProxiedRequest:
    environ = state.environ
    # Where no proxy says anything, the request is for the service itself.
    origin = state.site.settings.public_origin
    if "HTTP_X_FORWARDED_HOST" in environ:
        origin = parse_origin(f"{state.header('X_FORWARDED_PROTO')}://{state.header('X_FORWARDED_HOST')}") or ""
    return ProxiedRequest(origin, environ.get("HTTP_X_FORWARDED_URI", "/"))


def _read_ticket(state: RequestState, proxied: ProxiedRequest) -> ForwardSession:
    """Return the session of the request.

    :raises NotSignedIn: no cookie that is valid at that origin.
    """
    # At the origin of the service itself, where its session cookie goes.
    if proxied.origin == state.site.settings.public_origin:
        session = state.load_session()
        ticket = ForwardSession.from_session(session) if session is not None and session.account_id else None
    else:
        ticket = forward_auth_flow.read_host_session(
            state.site, state.cookie(proxied.cookie_name(HOST_SESSION_COOKIE)), proxied.origin
        )
    if ticket is None:
        raise NotSignedIn("no cookie for that origin")
    return ticket


def _sign_in_response(proxied: ProxiedRequest) -> Response:
    return _lead_to_start(proxied, _text_response(errors.translate(NotSignedIn.message), NotSignedIn("forward-auth")))


def _not_allowed_response(proxied: ProxiedRequest, problem: AppNotAllowed) -> Response:
    """Return what is told at the app's host, which leads page loads to the page that says more.

    That page looks at all apps of the origin. Where the proxy says which, it might let in whom this one keeps out,
    and they would be led in a circle.
    """
    lines = [errors.translate(NOT_ALLOWED_MESSAGE, app=problem.app.name)]
    if contact := problem.app.contact or site().settings.support:
        lines.append(errors.translate(ASK_MESSAGE, contact=contact))
    if request.args.get("app"):
        return _text_response("\n".join(lines), problem)
    url = f"{proxied.origin}{page_url('forward_start', to=proxied.path)}"
    lines.append(errors.translate(OTHER_ACCOUNT_MESSAGE, url=url))
    return _lead_to_start(proxied, _text_response("\n".join(lines), problem))


def _lead_to_start(proxied: ProxiedRequest, response: Response) -> Response:
    # nginx lets only 401 and 403 through, and takes the address from the header; others hand the answer on as it is.
    response.headers["Location"] = page_url("forward_start", to=proxied.path)
    if request.args.get("redirect") == "1" and _is_navigation():
        response.status_code = 303
    return response


def _is_navigation() -> bool:
    # What asks for a WebSocket cannot follow a redirect; scripts would never learn why.
    if request.headers.get("X-Forwarded-Method", "GET") not in ("GET", "HEAD") or wants_websocket(request.environ):
        return False
    mode = request.headers.get("Sec-Fetch-Mode")
    return mode == "navigate" if mode else "text/html" in request.headers.get("Accept", "")


def _text_response(text: str, problem: Problem) -> Response:
    # Plain text: the proxy shows it at the app's host, where our style sheet is not.
    return Response(f"{text}\n", problem.status, content_type="text/plain; charset=utf-8")


def _redirect(url: str) -> Response:
    return Response(status=303, headers={"Location": url})


def _set_cookie(response: Response, proxied: ProxiedRequest, name: str, value: str, seconds: int) -> None:
    response.set_cookie(
        name, value, max_age=seconds, secure=proxied.is_secure, httponly=True, samesite="Lax", path="/"
    )
    response.vary.add("Cookie")
