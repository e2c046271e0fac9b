"""Serve invitations for several people to admins: make, look at, take the link along, extend, revoke."""

from __future__ import annotations

from accounts.config_sign_up import describe_domains
from accounts.core.models.shared_invites import SharedInvite
from accounts.flows.invites import shared
from accounts.flows.invites.shared import ExtendSharedInviteForm, SharedInviteForm, SharedInvitePageForm
from accounts.flows.shared.accounts import find_addresses
from accounts.flows.shared.fields import PageForm
from accounts.web.admin.filters import query_filters
from accounts.web.admin.poster import poster_context
from accounts.web.answers.shared_invites import (
    SharedInviteDetailsOut,
    SharedInviteOut,
    SharedInvitePageOut,
    SharedInviteWithLinkOut,
)
from accounts.web.kit.context import uow
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import page_url


def list_shared_invites(query: SharedInvitePageForm) -> Reply:
    """Invitations for several people, newest first."""
    body = SharedInvitePageOut.from_page(shared.list_shared_invites(uow(), query))
    context = {"filters": query_filters(SharedInvitePageForm)}
    return Reply(template="admin/shared_invites.html", json=body, context=context)


def make_shared_invite(form: SharedInviteForm) -> Reply:
    """Make an invitation for several people, with its link."""
    row, url = shared.create_shared_invite(uow(), form)
    body = SharedInviteWithLinkOut.from_link(row, url)
    return Reply(json=body, status=201, location=page_url("show_shared_invite", shared_id=row.id))


def show_shared_invite(shared_id: str, query: PageForm) -> Reply:
    """One invitation for several people, and who has joined by it."""
    row = shared.get_shared_invite(uow(), shared_id)
    holds = shared.is_inviter_active(uow(), row)
    body = SharedInviteDetailsOut.from_joined(row, shared.list_joined(uow(), row, query), holds=holds)
    context = {
        "filters": query_filters(PageForm),
        "domain_text": describe_domains((row.domain,)),
        "addresses": find_addresses(uow(), [row.inviter_id]),
    }
    return Reply(template="admin/shared_invite.html", json=body, context=context)


def show_shared_invite_link(shared_id: str) -> Reply:
    """Sign a fresh link: a poster with its QR code to show or to print. Links that are out stay valid."""
    row, url = shared.take_shared_link(uow(), shared_id)
    body = SharedInviteWithLinkOut.from_link(row, url)
    return Reply(json=body, template="admin/poster.html", context=poster_context(row, url))


def extend_shared_invite(shared_id: str, form: ExtendSharedInviteForm) -> Reply:
    """Let links that are taken along from now on end later; those that are out keep their own end."""
    return _invite_reply(shared.extend_shared_invite(uow(), shared_id, form))


def revoke_shared_invite(shared_id: str) -> Reply:
    """Revoke an invitation for several people: its links are dead, and those that were mailed by them."""
    return _invite_reply(shared.revoke_shared_invite(uow(), shared_id))


def _invite_reply(row: SharedInvite) -> Reply:
    body = SharedInviteOut.from_row(row, holds=shared.is_inviter_active(uow(), row))
    return Reply(json=body, location=page_url("show_shared_invite", shared_id=row.id))
