"""Declare the addresses at which admins look after links for several people."""

from __future__ import annotations

from accounts.web.kit.routes import ADMINS, Routes

SHARED_INVITE_RULE = "/admin/invites/shared/<shared_id>"

shared_invites = Routes("accounts.web.admin.shared_invites", access=ADMINS)
shared_invites.get(
    "/admin/invites/shared", view="list_shared_invites", query="SharedInvitePageForm", answers="SharedInvitePageOut"
)
shared_invites.post(
    "/admin/invites/shared",
    view="make_shared_invite",
    html_rule="/new",
    step_up=True,
    form="SharedInviteForm",
    answers="SharedInviteWithLinkOut",
    template="admin/shared_invite_form.html",
    statuses=(201,),
)
shared_invites.get(
    SHARED_INVITE_RULE,
    view="show_shared_invite",
    query="accounts.flows.shared.fields:PageForm",
    answers="SharedInviteDetailsOut",
)
shared_invites.post(
    f"{SHARED_INVITE_RULE}/link", view="show_shared_invite_link", step_up=True, answers="SharedInviteWithLinkOut"
)
shared_invites.post(
    f"{SHARED_INVITE_RULE}/extend",
    view="extend_shared_invite",
    step_up=True,
    form="ExtendSharedInviteForm",
    answers="SharedInviteOut",
)
shared_invites.post(
    f"{SHARED_INVITE_RULE}/revoke", view="revoke_shared_invite", step_up=True, answers="SharedInviteOut"
)
