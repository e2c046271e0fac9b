"""Declare the addresses of invitations."""

from __future__ import annotations

from accounts.core.messages import N_, nN_
from accounts.web.kit.questions import ASK_TEMPLATE
from accounts.web.kit.routes import ADMINS, HTML, JSON, Onward, Routes

INVITE_RULE = "/admin/invites/<invite_id>"
QUESTIONS = "accounts.web.admin.invite_questions"
INVITED = N_("Invitation sent to %(email)s. You can invite someone else below.")
RESENT, EXTENDED = N_("Invitation sent to %(email)s again."), N_("Invitation to %(email)s extended and sent again.")
REVOKED = N_("The invitation to %(email)s was revoked.")
SOME_RESENT = nN_("%(count)s invitation was sent again.", "%(count)s invitations were sent again.")
SOME_EXTENDED = nN_(
    "%(count)s invitation was extended and sent again.", "%(count)s invitations were extended and sent again."
)
SOME_REVOKED = nN_("%(count)s invitation was revoked.", "%(count)s invitations were revoked.")
NONE_TICKED = N_("Select at least one invitation.")
NONE_OPEN = N_("None of the selected invitations is still open. You can extend those that have expired.")
NONE_CHANGED = N_("Nothing was changed. None of the selected invitations is still open.")

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
    notice=INVITED,
)
routes.post(
    "/admin/invites/preview",
    view="preview_invite",
    formats=HTML,
    form="InviteForm",
    template="admin/invites.html",
    page_query="InviteSearchForm",
    context="invites_context",
    notice=Onward("a page of its own shows the email, and nothing is done"),
)
routes.post(f"{INVITE_RULE}/resend", view="resend_invite", answers="InviteOut", statuses=(202,), notice=RESENT)
routes.post(
    f"{INVITE_RULE}/extend",
    view="extend_invite",
    step_up=True,
    form="ExtendInviteForm",
    answers="InviteOut",
    template=ASK_TEMPLATE,
    context=f"{QUESTIONS}:extending_context",
    statuses=(202,),
    notice=EXTENDED,
)
routes.post(
    f"{INVITE_RULE}/revoke",
    view="revoke_invite",
    step_up=True,
    answers="InviteOut",
    template=ASK_TEMPLATE,
    context=f"{QUESTIONS}:revoking_context",
    notice=REVOKED,
)
routes.post(
    "/admin/invites/some",
    view="change_some_invites",
    form="ChangeInvitesForm",
    answers="CountOut",
    template=ASK_TEMPLATE,
    page_query="accounts.flows.invites.manage:ChosenInvitesForm",
    context=f"{QUESTIONS}:choice_context",
    notice=(SOME_RESENT, SOME_EXTENDED, SOME_REVOKED, NONE_CHANGED),
)
routes.post(
    "/admin/invites/choose",
    view="choose_invites",
    formats=HTML,
    form="ChooseInvitesForm",
    notice=(NONE_TICKED, NONE_OPEN),
)
