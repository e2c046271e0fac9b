"""Declare the addresses of invitations."""

from __future__ import annotations

from accounts.web.kit.routes import ADMINS, JSON, Routes

INVITE_RULE = "/admin/invites/<invite_id>"

routes = Routes("accounts.web.admin.invites", access=ADMINS)
routes.get("/admin/invites", view="list_invites", formats=JSON, query="InviteSearchForm", answers="InvitePageOut")
routes.post(
    "/admin/invites",
    view="send_invite",
    form="InviteForm",
    answers="InviteOut",
    template="admin/invites.html",
    page_query="InviteSearchForm",
    context="invites_context",
    statuses=(202,),
)
routes.post(f"{INVITE_RULE}/resend", view="resend_invite", answers="InviteOut", statuses=(202,))
routes.post(
    f"{INVITE_RULE}/extend",
    view="extend_invite",
    step_up=True,
    form="ExtendInviteForm",
    answers="InviteOut",
    statuses=(202,),
)
routes.post(f"{INVITE_RULE}/revoke", view="revoke_invite", step_up=True, answers="InviteOut")
routes.post("/admin/invites/some", view="change_some_invites", form="ChangeInvitesForm", answers="CountOut")
