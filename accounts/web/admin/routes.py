"""Declare the addresses of admins. Their views, and the models of these, are imported on first use."""

from __future__ import annotations

from accounts.web.admin.bulk_routes import bulk
from accounts.web.admin.mail_routes import mail, unreachable
from accounts.web.admin.shared_invite_routes import shared_invites
from accounts.web.kit.routes import ADMINS, HTML, JSON, Routes
from accounts.web.kit.streams import NDJSON

ACCOUNT_RULE = "/admin/accounts/<account_id>"
INVITE_RULE = "/admin/invites/<invite_id>"
BATCH_RULE = "/admin/invites/batches/<batch_id>"
APP_RULE = "/admin/apps/<app_id>"
APP_TEMPLATE = "admin/app_form.html"

invites = Routes("accounts.web.admin.invites", access=ADMINS)
invites.get("/admin/invites", view="list_invites", formats=JSON, query="InviteSearchForm", answers="InvitePageOut")
invites.post(
    "/admin/invites",
    view="send_invite",
    form="InviteForm",
    answers="InviteOut",
    template="admin/invites.html",
    page_query="InviteSearchForm",
    context="invites_context",
    statuses=(202,),
)
invites.post(f"{INVITE_RULE}/resend", view="resend_invite", answers="InviteOut", statuses=(202,))
invites.post(
    f"{INVITE_RULE}/extend",
    view="extend_invite",
    step_up=True,
    form="ExtendInviteForm",
    answers="InviteOut",
    statuses=(202,),
)
invites.post(f"{INVITE_RULE}/revoke", view="revoke_invite", step_up=True, answers="InviteOut")
invites.post("/admin/invites/some", view="change_some_invites", form="ChangeInvitesForm", answers="CountOut")

accounts = Routes("accounts.web.admin.accounts", access=ADMINS)
accounts.get("/admin", view="administration", answers="AdministrationOut")
accounts.get(
    "/admin/accounts",
    view="list_accounts",
    query="AccountSearchForm",
    answers="AccountPageOut",
    template="admin/accounts.html",
    context="accounts_context",
)
accounts.get(ACCOUNT_RULE, view="show_account", answers="AccountDetailsOut")
accounts.post(f"{ACCOUNT_RULE}/disable", view="disable_account", step_up=True, answers="AccountDetailsOut")
accounts.post(
    f"{ACCOUNT_RULE}/enable",
    view="enable_account",
    step_up=True,
    form="RecoveryForm",
    answers="AccountDetailsOut",
    template="admin/account_enable.html",
    context="enabling_context",
)
accounts.post(
    f"{ACCOUNT_RULE}/groups",
    view="change_groups",
    step_up=True,
    form="GroupsForm",
    answers="AccountDetailsOut",
    template="admin/account_groups.html",
    context="groups_context",
)
accounts.post(
    f"{ACCOUNT_RULE}/invited",
    view="accounts.web.admin.app_access:change_invited",
    step_up=True,
    form="accounts.web.admin.app_access:InvitedForm",
    answers="AccountDetailsOut",
)
accounts.get(
    f"{ACCOUNT_RULE}/access",
    view="accounts.web.admin.app_access:list_access",
    answers="accounts.web.answers.app_access:AccountAccessOut",
)
accounts.post(
    f"{ACCOUNT_RULE}/reset", view="send_reset", answers="accounts.web.answers.base:MailRequestedOut", statuses=(202,)
)
accounts.post(f"{ACCOUNT_RULE}/unlock", view="unlock_account", step_up=True, answers="AccountDetailsOut")
accounts.post(f"{ACCOUNT_RULE}/sign-out", view="sign_out_account", step_up=True, statuses=(204,))
accounts.delete(
    f"{ACCOUNT_RULE}/sessions/<session_id>",
    view="end_account_session",
    html_rule="/end",
    step_up=True,
    statuses=(204,),
)
accounts.post(
    f"{ACCOUNT_RULE}/delete",
    view="delete_account",
    step_up=True,
    form="DeleteAccountForm",
    template="admin/account_delete.html",
    context="deletion_context",
    statuses=(204,),
)
accounts.delete(
    f"{ACCOUNT_RULE}/identities/<identity_id>",
    view="accounts.web.upstream:disconnect_account_identity",
    html_rule="/disconnect",
    step_up=True,
    statuses=(204,),
)

links = Routes("accounts.web.admin.links", access=ADMINS)
links.post(
    "/admin/links/explain",
    view="explain_link",
    form="ExplainLinkForm",
    answers="LinkExplanationOut",
    template="admin/link_doctor.html",
    context="empty_context",
)

batches = Routes("accounts.web.admin.batches", access=ADMINS)
batches.get("/admin/invites/batches", view="list_batches", formats=JSON, query="ListPageForm", answers="BatchPageOut")
batches.post(
    "/admin/invites/batches",
    view="make_batch",
    form="NewBatchForm",
    answers="BatchOut",
    template="admin/batches.html",
    page_query="ListPageForm",
    context="batches_context",
    max_bytes="MAX_UPLOAD_BYTES",
    statuses=(201,),
)
batches.get(BATCH_RULE, view="show_batch", query="BatchRowsForm", answers="BatchDetailsOut")
batches.post(
    f"{BATCH_RULE}/send",
    view="send_batch",
    step_up=True,
    media_types=(NDJSON,),
    line="accounts.web.answers.base:ProgressOut",
)
batches.post(f"{BATCH_RULE}/discard", view="discard_batch", answers="DiscardedBatchOut")
batches.post(f"{BATCH_RULE}/resend", view="resend_batch", answers="CountOut")
batches.post(f"{BATCH_RULE}/extend", view="extend_batch", step_up=True, form="ExtendInviteForm", answers="CountOut")
batches.post(f"{BATCH_RULE}/revoke", view="revoke_batch", step_up=True, answers="CountOut")
batches.post(
    f"{BATCH_RULE}/links",
    view="export_links",
    step_up=True,
    media_types=(NDJSON,),
    form="ExportInvitesForm",
    line="accounts.web.answers.invites:ExportedInviteOut",
)
batches.post(f"{BATCH_RULE}/letters", view="print_letters", step_up=True, form="PrintInvitesForm", formats=HTML)
batches.get(
    f"{BATCH_RULE}/report",
    view="report_batch",
    media_types=("text/csv", NDJSON),
    line="accounts.web.answers.invites:ReportLineOut",
)

apps = Routes("accounts.web.admin.apps", access=ADMINS)
apps.get("/admin/apps", view="list_apps", answers="AppsOut")
apps.post(
    "/admin/apps",
    view="add_app",
    html_rule="/new",
    step_up=True,
    form="RegisterAppForm",
    answers="AppWithSecretOut",
    template=APP_TEMPLATE,
    statuses=(201,),
)
apps.get(APP_RULE, view="show_app", answers="AppDetailsOut")
apps.patch(
    APP_RULE,
    view="change_app",
    html_rule="/change",
    step_up=True,
    form="ChangeAppForm",
    answers="ChangedAppOut",
    template=APP_TEMPLATE,
    context="app_context",
)
apps.post(
    f"{APP_RULE}/secret", view="renew_app_secret", step_up=True, form="RenewSecretForm", answers="AppWithSecretOut"
)
apps.delete(f"{APP_RULE}/old-secret", view="end_old_app_secret", html_rule="/end", step_up=True, statuses=(204,))
apps.post(f"{APP_RULE}/disable", view="disable_app", step_up=True, answers="AppOut")
apps.post(f"{APP_RULE}/enable", view="enable_app", step_up=True, answers="AppOut")
apps.delete(APP_RULE, view="remove_app", html_rule="/remove", step_up=True, statuses=(204,))
apps.post(
    f"{APP_RULE}/access",
    view="accounts.web.admin.app_access:explain_access",
    form="accounts.web.admin.app_access:AppAccessForm",
    answers="accounts.web.admin.app_access:AppAccessOut",
    template="admin/app_access.html",
    context="accounts.web.admin.app_access:access_context",
)
apps.post(f"{APP_RULE}/try", view="accounts.web.admin.app_trial:try_app", formats=HTML)
apps.get("/admin/apps/tried", view="accounts.web.admin.app_trial:app_tried", formats=HTML, any_query=True)

audit = Routes("accounts.web.admin.audit", access=ADMINS)
audit.get(
    "/admin/audit",
    view="list_audit",
    query="AuditSearchForm",
    answers="AuditPageOut",
    template="admin/audit.html",
    context="empty_context",
)
audit.post(
    "/admin/audit/export",
    view="export_audit",
    step_up=True,
    form="AuditExportForm",
    template="admin/audit_export.html",
    page_query="AuditFilterForm",
    context="export_context",
    media_types=("text/csv", NDJSON),
)

limits = Routes("accounts.web.admin.limits", access=ADMINS)
limits.post(
    "/admin/limits",
    view="see_limits",
    form="LimitsForm",
    answers="LimitsOut",
    template="admin/limits.html",
    context="empty_context",
)
limits.post("/admin/limits/lift", view="lift_limits", step_up=True, form="LimitsForm", answers="LiftedLimitsOut")
limits.get("/admin/keys", view="list_keys", answers="KeysOut")

ADMIN_ROUTES = (invites, shared_invites, accounts, bulk, mail, unreachable, links, batches, apps, audit, limits)
