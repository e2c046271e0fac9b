"""Serve invitations to admins: invite, list, resend, extend, revoke."""

from __future__ import annotations

from typing import Any

from flask import redirect
from werkzeug.wrappers import Response as BaseResponse

from accounts.core.models.invites import SentInvite
from accounts.flows.invites import manage as manage_invites
from accounts.flows.invites import search
from accounts.flows.invites import send as send_invites
from accounts.flows.invites.batches import BATCHES
from accounts.flows.invites.link import INVITE
from accounts.flows.invites.manage import (
    ChangeInvitesForm,
    ChooseInvitesForm,
    ExtendInviteForm,
)
from accounts.flows.invites.search import InviteSearchForm
from accounts.flows.invites.send import InviteForm
from accounts.flows.sessions.notice import make_notice
from accounts.flows.shared import app_targets
from accounts.flows.shared.groups import list_known_groups
from accounts.flows.sign_in import step_up
from accounts.web.admin.filters import query_filters
from accounts.web.admin.invite_questions import here, list_url
from accounts.web.admin.routes import invites as notices
from accounts.web.answers.base import CountOut
from accounts.web.answers.invites import InviteOut, InvitePageOut
from accounts.web.kit import context
from accounts.web.kit.context import require_account, runtime, site, uow
from accounts.web.kit.headers import LETTER_POLICY
from accounts.web.kit.plain_response import PlainResponse
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import page_url

INVITES_PER_PAGE = 20
NOTICE_OF_ACTION = {
    "resend": notices.SOME_RESENT,
    "extend": notices.SOME_EXTENDED,
    "revoke": notices.SOME_REVOKED,
}


def invites_context(query: InviteSearchForm) -> dict[str, Any]:
    """Return what the page of invitations shows."""
    if "limit" not in query.model_fields_set:
        query = query.model_copy(update={"limit": INVITES_PER_PAGE})
    body = InvitePageOut.from_page(search.search_invites(uow(), query))
    filters = query_filters(InviteSearchForm)
    place = {**filters, **({"after": query.after} if query.after else {})}
    return {
        **dict(body),
        "given": {"days": site().link_signer.lifetime(INVITE).days, "locale": context.get_language()},
        "search": query,
        "filters": filters,
        # Where an act on this list leads back to: nobody types a search again.
        "onward": {"next": page_url("send_invite_form", **place)} if place else {},
        "states": search.INVITE_STATES,
        "counts": {} if query.q or query.batch else search.count_invite_states(uow()),
        "known_groups": list_known_groups(uow()),
        "apps": app_targets.list_startable_apps(uow()),
        "batches": {batch.id: batch.name for batch in BATCHES.fetch_page(uow()).rows},
    }


def list_invites(query: InviteSearchForm) -> Reply:
    """Invitations, newest first unless the query says otherwise."""
    return Reply(json=InvitePageOut.from_page(search.search_invites(uow(), query)))


def send_invite(form: InviteForm) -> Reply:
    """Invite one address. Groups need a fresh proof, as do the groups of an account, and so do words of one's own."""
    # Any group: apps, pages behind forward-auth and views of a host app may be open to it. Words of one's own go to
    # somebody outside under our sender.
    if form.groups or form.message:
        step_up.require_step_up(require_account())
    return _invite_reply(send_invites.send_invite(uow(), form), 202, notices.INVITED)


def preview_invite(form: InviteForm) -> PlainResponse:
    """Show the email as whoever is invited gets it; its link leads nowhere. Nothing is sent."""
    letter = send_invites.preview_letter(uow(), form)
    sender = site().settings.mail_sender
    message = runtime().letters.compose(letter, sender=sender, message_id="<preview@localhost>")
    headers = [("Content-Type", "text/html; charset=utf-8"), *LETTER_POLICY.items()]
    return PlainResponse(str(message.html).encode(), 200, headers)


def resend_invite(invite_id: str) -> Reply:
    """Mail an open invitation once more; links that are out stay valid."""
    return _invite_reply(manage_invites.resend_invite(uow(), invite_id), 202, notices.RESENT)


def extend_invite(invite_id: str, form: ExtendInviteForm) -> Reply:
    """Mail a link that expires later; links that are out stay valid until their own end."""
    return _invite_reply(manage_invites.extend_invite(uow(), invite_id, form), 202, notices.EXTENDED)


def revoke_invite(invite_id: str) -> Reply:
    """Revoke an invitation; every link of it is invalid."""
    return _invite_reply(manage_invites.revoke_invite(uow(), invite_id), 200, notices.REVOKED)


def change_some_invites(form: ChangeInvitesForm) -> Reply:
    """Resend, extend or revoke some; how many were still open. Only sending them again needs no fresh proof."""
    if form.act != "resend":
        step_up.require_step_up(require_account())
    count = manage_invites.change_invites(uow(), form)
    notice = (
        make_notice(NOTICE_OF_ACTION[form.act], count=count)
        if count
        else make_notice(notices.NONE_CHANGED, is_warning=True)
    )
    return Reply(json=CountOut(count=count), location=list_url(), notice=notice)


def choose_invites(form: ChooseInvitesForm) -> Reply | BaseResponse:
    """Lead from the list to the page that asks about what was ticked in it; with nothing ticked back to the list."""
    if not form.ids:
        return Reply(location=list_url(), notice=make_notice(notices.NONE_TICKED, is_warning=True))
    if not manage_invites.list_changeable(uow(), form.ids, form.act):
        return Reply(location=list_url(), notice=make_notice(notices.NONE_OPEN, is_warning=True))
    # A page of its own with an address: whoever has to confirm a password first comes back to it. Nothing is done
    # so far, and nothing to be told.
    return redirect(here("change_some_invites_form", act=form.act, ids=",".join(form.ids)), 303)


def _invite_reply(invite: SentInvite, status: int, notice: str) -> Reply:
    return Reply(
        json=InviteOut.from_invite(invite),
        status=status,
        location=list_url(),
        notice=make_notice(notice, email=invite.email),
    )
