"""Serve invitations to admins: invite, list, resend, extend, revoke."""

from __future__ import annotations

from typing import Any

from flask import request

from accounts.core.models.invites import SentInvite
from accounts.flows.invites import manage as manage_invites
from accounts.flows.invites import search
from accounts.flows.invites import send as send_invites
from accounts.flows.invites.batches import BATCHES
from accounts.flows.invites.manage import ChangeInvitesForm, ExtendInviteForm
from accounts.flows.invites.search import InviteSearchForm
from accounts.flows.invites.send import InviteForm
from accounts.flows.shared import app_targets
from accounts.flows.sign_in import step_up
from accounts.web.admin.filters import query_filters
from accounts.web.answers.base import CountOut
from accounts.web.answers.invites import InviteOut, InvitePageOut
from accounts.web.kit.context import require_account, uow
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import page_url

INVITES_PER_PAGE = 50


def invites_context(query: InviteSearchForm) -> dict[str, Any]:
    """Return what the page of invitations shows."""
    if "limit" not in query.model_fields_set:
        query = query.model_copy(update={"limit": INVITES_PER_PAGE})
    body = InvitePageOut.from_page(search.search_invites(uow(), query))
    return {
        **dict(body),
        "search": query,
        "filters": query_filters(InviteSearchForm),
        "states": search.INVITE_STATES,
        "apps": app_targets.list_startable_apps(uow()),
        "batches": {batch.id: batch.name for batch in BATCHES.fetch_page(uow()).rows},
        "done": request.args.get("done", ""),
        "count": request.args.get("count", 0, int),
    }


def list_invites(query: InviteSearchForm) -> Reply:
    """Invitations, newest first."""
    return Reply(json=InvitePageOut.from_page(search.search_invites(uow(), query)))


def send_invite(form: InviteForm) -> Reply:
    """Invite one address. Groups need a fresh proof, as do the groups of an account, and so do words of one's own."""
    # Any group: apps, pages behind forward-auth and views of a host app may be open to it. Words of one's own go to
    # somebody outside under our sender.
    if form.groups or form.message:
        step_up.require_step_up(require_account())
    return _invite_reply(send_invites.send_invite(uow(), form), 202, "send")


def resend_invite(invite_id: str) -> Reply:
    """Mail an open invitation once more; links that are out stay valid."""
    return _invite_reply(manage_invites.resend_invite(uow(), invite_id), 202, "resend")


def extend_invite(invite_id: str, form: ExtendInviteForm) -> Reply:
    """Mail a link that expires later; links that are out stay valid until their own end."""
    return _invite_reply(manage_invites.extend_invite(uow(), invite_id, form), 202, "extend")


def revoke_invite(invite_id: str) -> Reply:
    """Revoke an invitation; every link of it is invalid."""
    return _invite_reply(manage_invites.revoke_invite(uow(), invite_id), 200, "revoke")


def change_some_invites(form: ChangeInvitesForm) -> Reply:
    """Resend, extend or revoke some; how many were still open. Only sending them again needs no fresh proof."""
    if form.act != "resend":
        step_up.require_step_up(require_account())
    count = manage_invites.change_invites(uow(), form)
    return Reply(json=CountOut(count=count), location=page_url("send_invite_form", done=form.act, count=count))


def _invite_reply(invite: SentInvite, status: int, done: str) -> Reply:
    location = page_url("send_invite_form", done=done, count=1)
    return Reply(json=InviteOut.from_invite(invite), status=status, location=location)
