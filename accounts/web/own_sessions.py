"""Where an account is signed in, and what happened to it: for its owner."""

from __future__ import annotations

from typing import Any

from flask import request

from accounts.core.messages import N_, make_message, nN_
from accounts.flows.audit import own_activity
from accounts.flows.audit.own_activity import ActivityForm
from accounts.flows.sessions import session_list
from accounts.flows.sessions.names import SessionNameForm
from accounts.flows.sessions.notice import Notice, make_notice
from accounts.flows.sessions.session_list import OpenSession
from accounts.web.account_notices import BROWSER_ENDED, DEVICE_ENDED, NO_OTHERS, OTHERS_ENDED, UNKNOWN_ENDED
from accounts.web.answers.account import ActivityPageOut, SessionsOut
from accounts.web.answers.base import CountOut
from accounts.web.kit import context
from accounts.web.kit.context import uow
from accounts.web.kit.questions import ask
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import page_url


def list_sessions() -> Reply:
    """Where this account is signed in."""
    listed = session_list.list_own_sessions(uow(), context.require_account())
    return Reply(template="sessions.html", json=SessionsOut.model_validate({"sessions": listed}))


def end_session_context(session_id: str) -> dict[str, Any]:
    """Return the question before a device is signed out."""
    session = _get_session(session_id)
    if session.name:
        title = make_message(N_("Sign out %(device)s?"), device=session.name)
    elif _names_both(session):
        title = make_message(N_("Sign out %(browser)s on %(system)s?"), **_split_agent(session))
    else:
        title = make_message(N_("Sign out this device?"))
    return ask(
        title,
        make_message(N_("Whoever uses this device has to sign in again. Apps that were opened there sign out, too.")),
        button=make_message(N_("Sign out device")),
        action=page_url("end_session_form", session_id=session_id),
        back=page_url("list_sessions"),
        is_admin=False,
    )


def end_session(session_id: str) -> Reply:
    """End one session of this account."""
    session = session_list.end_own_session(uow(), context.require_account(), session_id)
    return Reply(status=204, location=page_url("list_sessions"), notice=_ended_notice(session))


def end_others_context() -> dict[str, Any]:
    """Return the question before all other devices are signed out."""
    count = sum(not each.current for each in session_list.list_own_sessions(uow(), context.require_account()))
    effect = nN_(
        "You stay signed in here. %(count)s other device is signed out and has to sign in again.",
        "You stay signed in here. %(count)s other devices are signed out and have to sign in again.",
    )
    return ask(
        make_message(N_("Sign out of other devices?")),
        make_message(effect, count=count),
        button=make_message(N_("Sign out of other devices")),
        action=page_url("end_other_sessions_form"),
        back=page_url("list_sessions"),
        is_admin=False,
    )


def end_other_sessions() -> Reply:
    """Sign out of all other devices; this session goes on."""
    session, count = session_list.end_other_sessions(uow(), context.require_account())
    context.set_session(session)
    notice = make_notice(OTHERS_ENDED, count=count) if count else make_notice(NO_OTHERS)
    return Reply(json=CountOut(count=count), location=page_url("list_sessions"), notice=notice)


def name_session_context(session_id: str) -> dict[str, Any]:
    """Return what the form for the name of a device begins with."""
    session = _get_session(session_id)
    return {"session": session, "given": {"name": session.name}}


def name_session(session_id: str, form: SessionNameForm) -> Reply:
    """Give the device of a session a name."""
    session_list.name_session(uow(), context.require_account(), session_id, form)
    return Reply(status=204, location=page_url("list_sessions"))


def list_activity(query: ActivityForm) -> Reply:
    """List what happened to this account, newest first."""
    page = own_activity.list_activity(uow(), context.require_account().id, query)
    page_context = {
        "events": page.rows,
        "next": page.next,
        "groups": own_activity.GROUP_LABELS,
        "group": query.group,
        "is_first": not request.args.get("after"),
    }
    return Reply(template="activity.html", json=ActivityPageOut.from_page(page), context=page_context)


def activity_context() -> dict[str, Any]:
    """Return what the page shows when its query was refused."""
    return {"events": [], "next": None, "groups": own_activity.GROUP_LABELS, "group": "", "is_first": True}


def _get_session(session_id: str) -> OpenSession:
    current = context.require_account()
    return session_list.get_session(uow(), current.id, session_id, current_session_id=current.session.id)


def _ended_notice(session: OpenSession) -> Notice:
    if session.name:
        return make_notice(DEVICE_ENDED, device=session.name)
    return make_notice(BROWSER_ENDED, **_split_agent(session)) if _names_both(session) else make_notice(UNKNOWN_ENDED)


def _names_both(session: OpenSession) -> bool:
    return " on " in session.agent


def _split_agent(session: OpenSession) -> dict[str, Any]:
    browser, _, system = session.agent.partition(" on ")
    return {"browser": browser, "system": system}
