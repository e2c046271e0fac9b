"""The one link door: registered once per purpose, it shows on GET and acts on POST.

Nothing in here knows any kind of link; the purpose is a hidden value of the registration.
"""

from __future__ import annotations

import hmac
from typing import Any

from flask import Response, request
from pydantic import BaseModel

from accounts.core.errors import DeadLink, LinkExpired, LinkInvalid, OtherLinkOpened, Problem, WrongAccount
from accounts.core.links.link import ActResult, Link, LinkClaims, OpenedLink
from accounts.core.links.opening import open_link
from accounts.core.security import throttle
from accounts.core.security.addresses import mask_email
from accounts.core.security.redirects import local_path
from accounts.core.signing import key_usage
from accounts.flows.sessions import session as sessions
from accounts.flows.shared import mail_limits
from accounts.flows.sign_in import step_up
from accounts.web.kit import context, cookies, forms
from accounts.web.kit.context import runtime, uow
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import BOTH, PAGE, Room, link_url, page_url

room: Room = Room()
TOKEN = "token"  # noqa: S105 - the name of a field


def _link() -> Link:
    return runtime().house.links[context.bound().purpose]


def _token() -> object:
    """The token of this request: from the cookie for a page, from query or body for JSON."""
    if context.bound().speaks == "page":
        return request.cookies.get(runtime().link_cookie(_link().purpose), "")
    if request.method in ("GET", "HEAD"):
        given = request.args.getlist(TOKEN)
        return given[0] if len(given) == 1 else None
    return forms.json_body().get(TOKEN)


@room.get("/<path:token>/go", speaks=PAGE)
def go(token: str) -> Response:
    """Where mailed links lead: takes the token out of the address. Changes nothing, looks nothing up."""
    # Read, not opened: junk is turned away at the door, and the genuine one is judged on the page.
    runtime().house.link_signer.verify(_link(), token)
    response = Response(status=303, headers={"Location": link_url(_link().purpose)})
    cookies.put(response, runtime().link_cookie(_link().purpose), token, cookies.LINK_SECONDS)
    return response


@room.get("/go", speaks=PAGE)
def go_nowhere() -> Response:
    """A link whose token was cut away altogether."""
    raise LinkInvalid("no token")


@room.get("/done", speaks=PAGE)
def done() -> Reply:
    """What comes after the act."""
    wanted = local_path(request.args.get("next", "")) or ""
    return Reply(page="link_done.html", shows={"link": _link(), "signed_in": _states_an_account(), "next": wanted})


@room.post("/again", speaks=BOTH, uses_session=True, statuses=(202,))
def again() -> Reply:
    """Have a fresh link of the same kind sent to the address on file, for one that is genuine but dead."""
    link = _link()
    sentence = _genuine(link)
    mail_limits.again(uow(), sentence)
    with uow():
        if link.can_resend is None or not link.can_resend(uow(), sentence):
            raise LinkExpired("no fresh one is to be had")
        uow().record_event(
            "link.again",
            link_id=sentence.link_id,
            **mail_limits.whose(sentence),
            facts={"purpose": link.purpose},
        )
    then = page_url("look_into_mail")
    return Reply(says={"sent": True}, status=202, then=then, drops=runtime().link_cookie(link.purpose))


def _genuine(link: Link) -> LinkClaims:
    """What the link says, if it died in a way that a fresh one helps against (or is alive still)."""
    try:
        return open_link(uow(), link, _token()).claims
    except DeadLink as dead:
        if dead.claims is None or not isinstance(dead, link.resend_after):
            raise
        found: LinkClaims = dead.claims
        return found
    finally:
        uow().release()


@room.get("", speaks=BOTH)
def show() -> Reply:
    """What a link will do, and to whom. Consumes nothing, however often it is asked."""
    context.account()
    return _shown(_open(), None)


@room.post("", speaks=BOTH, uses_session=True, statuses=(200, 201))
def act() -> Reply:
    """Do what the link says."""
    house = runtime().house
    house.throttle.hit(throttle.LINK_NETWORK, uow().request_info.network)
    link, token = _link(), _token()
    # Asked before the store is opened for more: nobody may hold one connection while waiting for a second.
    context.account()
    opened = _open()
    context.bound().refill = lambda problem: _shown(opened, problem)
    _is_the_one_shown(opened)
    said = _said(opened)
    # Hashing and the like, before anything is written; what was read until here is read again afterwards.
    prepared = link.prepare(uow(), opened, said)
    uow().release()
    done, session = uow().attempt(lambda: _act(link, token, prepared))
    if session is not None:
        context.set_session(session)
    else:
        _forget_a_dead_session()
    return _done(opened, done)


def _open() -> OpenedLink:
    opened = open_link(uow(), _link(), _token())
    context.speak(_locale_of(opened))
    return opened


def _locale_of(opened: OpenedLink) -> str:
    account = opened.subject.account
    return account.locale if account else str(getattr(opened.carried, "locale", ""))


def _act(link: Link, token: object, prepared: Any) -> tuple[ActResult, sessions.Session | None]:
    # Opened once more inside the transaction: whoever lost a race is told what has become of the link.
    opened = open_link(uow(), link, token)
    _check_account(opened)
    current = context.account()
    if link.needs_session:
        _check_session(opened)
    done = link.act(uow(), opened, prepared)
    key_usage.count_opened(uow().session, opened.claims.signed_token.key, link.purpose)
    if done.sign_in_as is None:
        return done, None
    if current is not None and current.id == done.account_id:
        return done, sessions.renew(uow(), done.sign_in_as, current.session)
    return done, sessions.open_for(uow(), done.sign_in_as, done.amr)


def _check_session(opened: OpenedLink) -> None:
    """:raises NotSignedIn, ConfirmationRequired: no session of the account itself, or not a fresh one."""
    step_up.require(context.signed_in())


def _check_account(opened: OpenedLink) -> None:
    """:raises WrongAccount: another account is signed in than the one the link is about."""
    current = context.account()
    if current is None or not opened.subject.id:
        return
    held = opened.subject.account
    if held is None or held.id != current.id:
        raise WrongAccount("another account is signed in")


def _is_the_one_shown(opened: OpenedLink) -> None:
    """:raises OtherFormShown: the form was made for another link than the one this browser holds now."""
    if context.bound().speaks == "page":
        shown = request.form.get(forms.LINK_FIELD, "")
        if not hmac.compare_digest(shown.encode(), opened.link_id.encode()):
            context.bound().refill = None
            raise OtherLinkOpened("the form shows another link")


def _said(opened: OpenedLink) -> BaseModel:
    if context.bound().speaks == "page":
        return forms.read(opened.form)
    body = dict(forms.json_body())
    body.pop(TOKEN, None)
    return forms.checked(opened.form, body)


def _shown(opened: OpenedLink, problem: Problem | None) -> Reply:
    link, current = opened.link, context.account()
    says = {
        "purpose": link.purpose,
        "email": mask_email(opened.subject.email) if opened.subject.id else "",
        "expires_at": opened.expires_at,
        **link.context(opened),
    }
    given = forms.typed() if problem else {}
    return Reply(
        page="link.html",
        says={**says, "asks": [] if context.bound().speaks == "page" else sorted(opened.form.model_fields)},
        shows={
            "link": link,
            "link_id": opened.link_id,
            "fields": forms.fields_of(opened.form, given, problem.fields if problem else ()),
            "problem": problem,
            "current": current,
            "wrong_account": _is_wrong(opened),
            "must_sign_in": current is None and (link.needs_session or says.get("member") is True),
            "must_confirm": current is not None and link.needs_session and not current.session.fresh,
        },
    )


def _forget_a_dead_session() -> None:
    # An act may have ended this browser's own session: the next page must not speak to somebody signed in.
    stated = context.session()
    if stated is not None and stated.account_id:
        context.forget_account()
        if context.account() is None:
            context.set_session(None)


def _states_an_account() -> bool:
    # What the cookie says is enough to choose the next button, and needs no store.
    stated = context.session()
    return stated is not None and bool(stated.account_id)


def _is_wrong(opened: OpenedLink) -> bool:
    try:
        _check_account(opened)
    except WrongAccount:
        return True
    return False


def _done(opened: OpenedLink, done: ActResult) -> Reply:
    wanted = getattr(opened.carried, "next", "")
    if context.bound().speaks == "page":
        then = wanted if wanted and done.sign_in_as else link_url(opened.link.purpose, "done", next=wanted or None)
        return Reply(then=then, drops=runtime().link_cookie(opened.link.purpose))
    says: dict[str, Any] = {"purpose": opened.link.purpose, "account": done.account_id}
    if done.sign_in_as is not None:
        says["signed_in"] = True
    if wanted:
        says["next"] = wanted
    return Reply(says=says, status=201 if done.created else 200)
