"""Declare the addresses of lists of people to invite."""

from __future__ import annotations

from accounts.web.kit.routes import ADMINS, HTML, JSON, Routes
from accounts.web.kit.streams import NDJSON

BATCH_RULE = "/admin/invites/batches/<batch_id>"

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
)
routes.get(BATCH_RULE, view="show_batch", query="BatchRowsForm", answers="BatchDetailsOut")
routes.post(
    f"{BATCH_RULE}/send",
    view="send_batch",
    step_up=True,
    media_types=(NDJSON,),
    line="accounts.web.answers.base:ProgressOut",
)
routes.post(f"{BATCH_RULE}/discard", view="discard_batch", answers="DiscardedBatchOut")
routes.post(f"{BATCH_RULE}/resend", view="resend_batch", answers="CountOut")
routes.post(f"{BATCH_RULE}/extend", view="extend_batch", step_up=True, form="ExtendInviteForm", answers="CountOut")
routes.post(f"{BATCH_RULE}/revoke", view="revoke_batch", step_up=True, answers="CountOut")
routes.post(
    f"{BATCH_RULE}/links",
    view="export_links",
    step_up=True,
    media_types=(NDJSON,),
    form="ExportInvitesForm",
    line="accounts.web.answers.invites:ExportedInviteOut",
)
routes.post(f"{BATCH_RULE}/letters", view="print_letters", step_up=True, form="PrintInvitesForm", formats=HTML)
routes.get(
    f"{BATCH_RULE}/report",
    view="report_batch",
    media_types=("text/csv", NDJSON),
    line="accounts.web.answers.invites:ReportLineOut",
)
