"""Declare the addresses of lists of people to invite."""

from __future__ import annotations

from accounts.core.messages import N_, nN_
from accounts.web.kit.questions import ASK_TEMPLATE
from accounts.web.kit.routes import ADMINS, HTML, JSON, Onward, Routes
from accounts.web.kit.streams import NDJSON

BATCH_RULE = "/admin/invites/batches/<batch_id>"
QUESTIONS = "accounts.web.admin.invite_questions"
READ = nN_(
    "%(count)s row of “%(name)s” was read. Nothing has been sent yet.",
    "%(count)s rows of “%(name)s” were read. Nothing has been sent yet.",
)
DISCARDED = N_("The list “%(name)s” was discarded.")
LIST_RESENT = nN_(
    "%(count)s invitation of this list was sent again.", "%(count)s invitations of this list were sent again."
)
LIST_EXTENDED = nN_(
    "%(count)s invitation of this list was extended and sent again.",
    "%(count)s invitations of this list were extended and sent again.",
)
LIST_REVOKED = nN_(
    "The list was revoked: %(count)s open invitation no longer works.",
    "The list was revoked: %(count)s open invitations no longer work.",
)

routes = Routes("accounts.web.admin.batches", access=ADMINS)
routes.get("/admin/invites/batches", view="list_batches", formats=JSON, query="ListPageForm", answers="BatchPageOut")
routes.post(
    "/admin/invites/batches",
    view="make_batch",
    form="NewBatchForm",
    answers="BatchOut",
    template="admin/batches.html",
    page_query="ListPageForm",
    context="batches_context",
    max_bytes="MAX_UPLOAD_BYTES",
    statuses=(201,),
    notice=READ,
)
routes.get(BATCH_RULE, view="show_batch", query="BatchRowsForm", answers="BatchDetailsOut")
routes.post(
    f"{BATCH_RULE}/send",
    view="send_batch",
    step_up=True,
    media_types=(NDJSON,),
    line="accounts.web.answers.base:ProgressOut",
    template="admin/batch_send.html",
    context="sending_context",
    notice=Onward("the page that grows says how far it is, and the page of the list what was sent"),
)
routes.post(
    f"{BATCH_RULE}/discard",
    view="discard_batch",
    answers="DiscardedBatchOut",
    template=ASK_TEMPLATE,
    context=f"{QUESTIONS}:discarding_context",
    notice=DISCARDED,
)
routes.post(
    f"{BATCH_RULE}/resend",
    view="resend_batch",
    answers="CountOut",
    template=ASK_TEMPLATE,
    context=f"{QUESTIONS}:list_resending_context",
    notice=LIST_RESENT,
)
routes.post(
    f"{BATCH_RULE}/extend",
    view="extend_batch",
    step_up=True,
    form="ExtendInviteForm",
    answers="CountOut",
    template=ASK_TEMPLATE,
    context=f"{QUESTIONS}:list_extending_context",
    notice=LIST_EXTENDED,
)
routes.post(
    f"{BATCH_RULE}/revoke",
    view="revoke_batch",
    step_up=True,
    answers="CountOut",
    template=ASK_TEMPLATE,
    context=f"{QUESTIONS}:list_revoking_context",
    notice=LIST_REVOKED,
)
routes.post(
    f"{BATCH_RULE}/links",
    view="export_links",
    step_up=True,
    media_types=(NDJSON,),
    form="ExportInvitesForm",
    line="accounts.web.answers.invites:ExportedInviteOut",
    notice=Onward("the browser gets a file, and stays on the page"),
)
routes.post(
    f"{BATCH_RULE}/letters",
    view="print_letters",
    step_up=True,
    form="PrintInvitesForm",
    formats=HTML,
    notice=Onward("the page that follows is what is printed"),
)
routes.get(
    f"{BATCH_RULE}/report",
    view="report_batch",
    media_types=("text/csv", NDJSON),
    line="accounts.web.answers.invites:ReportLineOut",
)
