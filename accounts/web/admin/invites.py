"""What admins do: invite people, and look after the invitations that are out."""

from __future__ import annotations

from typing import Any

from flask import request

from accounts.core.models.account import ADMIN_GROUP
from accounts.core.models.invites import SentInvite
from accounts.flows.invites import batches, search
from accounts.flows.invites import manage as manage_invites
from accounts.flows.invites import send as send_invites
from accounts.flows.invites.manage import Extend, Some
from accounts.flows.invites.search import Search
from accounts.flows.sign_in import step_up
from accounts.web.kit import forms
from accounts.web.kit.context import signed_in, uow
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import JSON, Room, page_url

room: Room = Room()
ON_A_PAGE = 50


def shown(row: SentInvite) -> dict[str, Any]:
    """An invitation as admins see it."""
    return {
        "id": row.id,
        "email": row.email,
        "name": row.name,
        "groups": row.groups,
        "locale": row.locale,
        "state": row.state,
        "sent": row.sent,
        "batch": row.batch_id,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
    }


def _searched(**otherwise: Any) -> tuple[Search, dict[str, Any]]:
    given = {name: value for name, value in request.args.items() if name in Search.model_fields}
    said = forms.checked(Search, {**otherwise, **given})
    found = search.search(uow(), said)
    rows = [{**shown(row), "holds": row.inviter_id in found.inviters} for row in found.rows]
    return said, {"invites": rows, "next": found.next}


def _page() -> dict[str, Any]:
    said, found = _searched(limit=ON_A_PAGE)
    return {
        "invites": found["invites"],
        "more": found["next"],
        "search": said,
        "states": search.STATES,
        "batches": {batch.id: batch.name for batch in batches.listing(uow())},
        "done": request.args.get("done", ""),
        "count": request.args.get("count", 0, int),
    }


@room.get("/admin/invites", needs=ADMIN_GROUP, speaks=JSON)
def list_invites() -> Reply:
    """Invitations, newest first: by q, state, batch; after and limit for the next page."""
    return Reply(says=_searched()[1])


@room.post(
    "/admin/invites",
    needs=ADMIN_GROUP,
    asks=send_invites.Invite,
    page="admin/invites.html",
    fill=_page,
    statuses=(202,),
)
def send_invite(said: send_invites.Invite) -> Reply:
    """Invite one address, with groups if wanted; a new admin needs a fresh proof, as do the groups of an account."""
    if ADMIN_GROUP in said.groups:
        step_up.require(signed_in())
    return _answer(send_invites.send(uow(), said), 202)


@room.post("/admin/invites/<invite_id>/resend", needs=ADMIN_GROUP, statuses=(202,))
def resend_invite(invite_id: str) -> Reply:
    """Mail an open invitation once more; links that are out stay alive."""
    return _answer(manage_invites.resend(uow(), invite_id), 202)


@room.post("/admin/invites/<invite_id>/extend", needs=ADMIN_GROUP, asks=Extend, statuses=(202,))
def extend_invite(invite_id: str, said: Extend) -> Reply:
    """Mail a link that ends later; links that are out stay alive until their own end."""
    return _answer(manage_invites.extend(uow(), invite_id, said), 202)


@room.post("/admin/invites/<invite_id>/revoke", needs=ADMIN_GROUP)
def revoke_invite(invite_id: str) -> Reply:
    """Take an invitation back; every link of it is dead."""
    return _answer(manage_invites.revoke(uow(), invite_id), 200)


@room.post("/admin/invites/some", needs=ADMIN_GROUP, asks=Some)
def change_some_invites(said: Some) -> Reply:
    """Resend, extend or revoke some; how many were still open."""
    count = manage_invites.some(uow(), said)
    return Reply(says={"count": count}, then=page_url("send_invite_form", done=said.act, count=count))


def _answer(row: SentInvite, status: int) -> Reply:
    return Reply(says=shown(row), status=status, then=page_url("send_invite_form"))
