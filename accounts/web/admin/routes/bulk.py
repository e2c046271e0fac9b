"""Declare the addresses of acts on many accounts."""

from __future__ import annotations

from accounts.web.admin import notices
from accounts.web.kit.questions import ASK_TEMPLATE
from accounts.web.kit.routes import ADMINS, Onward, Routes
from accounts.web.kit.streams import NDJSON

BULK_RULE = "/admin/accounts/bulk"
BULK_ACT_RULE = f"{BULK_RULE}/<act_id>"

routes = Routes("accounts.web.admin.bulk", access=ADMINS)
routes.get(BULK_RULE, view="list_bulk_acts", html_rule="/acts", query="ListPageForm", answers="BulkActPageOut")
routes.post(
    BULK_RULE,
    view="make_bulk_act",
    form="BulkActForm",
    answers="NewBulkActOut",
    template="admin/accounts.html",
    page_query="ChooseAccountsForm",
    context="bulk_act_context",
    max_bytes="MAX_BULK_BODY_BYTES",
    statuses=(201,),
    notice=(notices.PREVIEWED, notices.NOTHING_TICKED),
)
routes.get(BULK_ACT_RULE, view="show_bulk_act", query="BulkRowsForm", answers="BulkActDetailsOut")
routes.post(
    f"{BULK_ACT_RULE}/run",
    view="run_bulk_act",
    step_up=True,
    media_types=(NDJSON,),
    line="accounts.web.answers.base:ProgressOut",
    notice=Onward("the page of results says how many were done and skipped"),
)
routes.post(
    f"{BULK_ACT_RULE}/discard",
    view="discard_bulk_act",
    answers="DiscardedBulkActOut",
    template=ASK_TEMPLATE,
    context="ask_discard",
    notice=(notices.ACT_DISCARDED, notices.ACT_DISCARDED_WITH_LETTERS),
)
routes.get(
    f"{BULK_ACT_RULE}/report",
    view="export_bulk_act",
    media_types=(NDJSON,),
    line="accounts.web.answers.bulk:BulkReportRowOut",
)
