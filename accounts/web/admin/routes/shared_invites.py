"""Declare the addresses of links for several people."""

from __future__ import annotations

from accounts.web.kit.routes import ADMINS, Routes

SHARED_INVITE_RULE = "/admin/invites/shared/<shared_id>"

routes = Routes("accounts.web.admin.shared_invites", access=ADMINS)
routes.get(
    "/admin/invites/shared", view="list_shared_invites", query="SharedInvitePageForm", answers="SharedInvitePageOut"
)
routes.post(
    "/admin/invites/shared",
    view="make_shared_invite",
    html_rule="/new",
    step_up=True,
    form="SharedInviteForm",
    answers="SharedInviteWithLinkOut",
    template="admin/shared_invite_form.html",
    statuses=(201,),
)
routes.get(
    SHARED_INVITE_RULE,
    view="show_shared_invite",
    query="accounts.flows.shared.fields:PageForm",
    answers="SharedInviteDetailsOut",
)
routes.post(
    f"{SHARED_INVITE_RULE}/link", view="show_shared_invite_link", step_up=True, answers="SharedInviteWithLinkOut"
)
routes.post(
    f"{SHARED_INVITE_RULE}/extend",
    view="extend_shared_invite",
    step_up=True,
    form="ExtendSharedInviteForm",
    answers="SharedInviteOut",
)
routes.post(f"{SHARED_INVITE_RULE}/revoke", view="revoke_shared_invite", step_up=True, answers="SharedInviteOut")
