"""Declare the addresses of links for several people."""

from __future__ import annotations

from accounts.core.messages import N_
from accounts.web.kit.questions import ASK_TEMPLATE
from accounts.web.kit.routes import ADMINS, Onward, Routes

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
    notice=N_("The link was created. Show it, and share the link or its QR code."),
)
routes.get(
    SHARED_INVITE_RULE,
    view="show_shared_invite",
    query="accounts.flows.shared.fields:PageForm",
    answers="SharedInviteDetailsOut",
)
routes.post(
    f"{SHARED_INVITE_RULE}/link",
    view="show_shared_invite_link",
    step_up=True,
    answers="SharedInviteWithLinkOut",
    notice=Onward("the page that follows is the link and its code"),
)
routes.post(
    f"{SHARED_INVITE_RULE}/extend",
    view="extend_shared_invite",
    step_up=True,
    form="ExtendSharedInviteForm",
    answers="SharedInviteOut",
    notice=N_("Extended. Show the link again and share the new one. Links already shared keep their expiry date."),
)
routes.post(
    f"{SHARED_INVITE_RULE}/revoke",
    view="revoke_shared_invite",
    step_up=True,
    answers="SharedInviteOut",
    template=ASK_TEMPLATE,
    context="accounts.web.admin.invite_questions:shared_revoking_context",
    notice=N_("Revoked. No one can join with this link any more."),
)
