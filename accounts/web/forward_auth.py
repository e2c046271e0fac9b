"""What proxies ask before they let anybody through, and the round trip that brings a session to an app's own host.

A proxy says what was asked for in ``X-Forwarded-Proto``, ``-Host``, ``-Uri`` and ``-Method``. A stranger may say so,
too, and gains nothing: a cookie is worth something at the one origin it was made for, and people are led to none but
registered origins.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Response, request

from accounts.core.errors import N_, Forbidden, LinkInvalid, NotSignedIn, Problem
from accounts.core.security.client_uris import parse_origin
from accounts.flows import forward_auth as forward_auth_flow
from accounts.flows.forward_auth import ForwardSession
from accounts.web.kit import context, errors
from accounts.web.kit.context import house, uow
from accounts.web.kit.routes import PAGE, Room, page_url

room: Room = Room()
VISIT, NONCE = "forward-visit", "forward-start"
NONCE_SECONDS = 600
NOT_FOR_YOU = N_("This app is not for your account.")
ONCE_MORE = N_("That did not work. Please allow cookies, and open the page that you wanted once more.")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a visitor asked the proxy for."""

    origin: str
    path: str

    @property
    def is_ours(self) -> bool:
        """Whether the app stands at the origin of the service itself, where its session cookie goes."""
        return self.origin == house().settings.public_origin

    def cookie(self, name: str) -> str:
        """A cookie of that host alone."""
        return f"__Host-{name}" if self.origin.startswith("https://") else name


@room.get("/forward-auth", speaks=PAGE)
def forward_auth() -> Response:
    """Tell a proxy who comes: 200 with headers about them, 401 (with where to sign in), or 403."""
    asked = _asked()
    try:
        visitor = forward_auth_flow.authorize_forwarded_request(
            uow(), _ticket(asked), asked.origin, request.args.get("app", "")
        )
    except NotSignedIn:
        return _sign_in(asked)
    except Forbidden as problem:
        return _said(NOT_FOR_YOU, problem)
    return Response("", 200, visitor.headers(), content_type="text/plain; charset=utf-8")


@room.get("/forward-auth/start", speaks=PAGE)
def forward_start() -> Response:
    """At the app's host: bind the way through signing in to this browser."""
    asked = _asked()
    name = asked.cookie(NONCE)
    # The same one for all tabs: a second page that is opened meanwhile must not undo the first.
    nonce = request.cookies.get(name, "")[:64] or forward_auth_flow.make_browser_nonce()
    trip = forward_auth_flow.sign_start_token(house(), asked.origin, request.args.get("to", ""), nonce)
    answer = _onward(f"{house().settings.public_origin}{page_url('forward_pass', trip=trip)}")
    _keep(answer, asked, name, nonce, NONCE_SECONDS)
    return answer


@room.get("/forward-auth/pass", needs="account", speaks=PAGE)
def forward_pass() -> Response:
    """At the service itself, where the session is: a pass for the app's host, good once and for a minute."""
    origin, path, token = forward_auth_flow.issue_handover_token(
        uow(), context.signed_in(), request.args.get("trip", "")
    )
    if origin == house().settings.public_origin:
        return _onward(f"{origin}{path}")
    return _onward(f"{origin}{page_url('forward_enter')}?{urlencode({'pass': token})}")


@room.get("/forward-auth/enter", speaks=PAGE)
def forward_enter() -> Response:
    """At the app's host again: take the pass, leave a cookie of this host, and go on to the page asked for."""
    asked = _asked()
    try:
        nonce = request.cookies.get(asked.cookie(NONCE), "")
        ticket, path = forward_auth_flow.redeem_handover_token(
            uow(), request.args.get("pass", ""), asked.origin, nonce
        )
    except LinkInvalid as problem:
        return _said(ONCE_MORE, problem)
    answer = _onward(f"{asked.origin}{path}")
    value = forward_auth_flow.sign_host_session(house(), ticket, asked.origin)
    _keep(answer, asked, asked.cookie(VISIT), value, forward_auth_flow.host_session_max_age(ticket))
    return answer


def _asked() -> Asked:
    stated = f"{request.headers.get('X-Forwarded-Proto', '')}://{request.headers.get('X-Forwarded-Host', '')}"
    own = house().settings.public_origin
    # Where no proxy says anything, the request is for the service itself.
    origin = (parse_origin(stated) or "") if "X-Forwarded-Host" in request.headers else own
    return Asked(origin, request.headers.get("X-Forwarded-Uri", "/"))


def _ticket(asked: Asked) -> ForwardSession:
    """:raises NotSignedIn: no cookie that counts at that origin."""
    if asked.is_ours:
        session = context.session()
        found = ForwardSession.from_session(session) if session is not None and session.account_id else None
    else:
        found = forward_auth_flow.verify_host_session(
            house(), request.cookies.get(asked.cookie(VISIT), ""), asked.origin
        )
    if found is None:
        raise NotSignedIn("no cookie for that origin")
    return found


def _sign_in(asked: Asked) -> Response:
    # nginx lets only 401 and 403 through, and takes the address from the header; others hand the answer on as it is.
    redirects = request.args.get("redirect") == "1" and _is_a_page_load()
    answer = _said(NotSignedIn.message, NotSignedIn("forward-auth"))
    answer.headers["Location"] = page_url("forward_start", to=asked.path)
    answer.status_code = 303 if redirects else 401
    return answer


def _is_a_page_load() -> bool:
    if request.headers.get("X-Forwarded-Method", "GET") not in ("GET", "HEAD"):
        return False
    mode = request.headers.get("Sec-Fetch-Mode")
    return mode == "navigate" if mode else "text/html" in request.headers.get("Accept", "")


def _said(text: str, problem: Problem) -> Response:
    # Plain text: the proxy shows it at the app's host, where our style sheet is not.
    return Response(f"{errors.words(text)}\n", problem.status, content_type="text/plain; charset=utf-8")


def _onward(where: str) -> Response:
    return Response(status=303, headers={"Location": where})


def _keep(answer: Response, asked: Asked, name: str, value: str, seconds: int) -> None:
    secure = asked.origin.startswith("https://")
    answer.set_cookie(name, value, max_age=seconds, secure=secure, httponly=True, samesite="Lax", path="/")
    answer.vary.add("Cookie")
