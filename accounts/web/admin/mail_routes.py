"""Declare the addresses of mail: what waits, what became of it, and addresses from which it came back."""

from __future__ import annotations

from accounts.web.kit.routes import ADMINS, JSON, Routes

mail = Routes("accounts.web.admin.mail", access=ADMINS)
mail.get("/admin/mail", view="list_mail", formats=JSON, query="PageForm", answers="DeadLetterPageOut")
mail.post(
    "/admin/mail",
    view="trace_mail",
    form="TraceMailForm",
    answers="HelpdeskOut",
    template="admin/mail.html",
    page_query="PageForm",
    context="empty_context",
)
mail.post(
    "/admin/mail/<mail_id>/again",
    view="send_mail_again",
    answers="accounts.web.answers.base:MailRequestedOut",
    statuses=(202,),
)
mail.post("/admin/mail/<batch_id>/pause", view="pause_mail", step_up=True, answers="WaitingMailOut")
mail.post("/admin/mail/<batch_id>/resume", view="resume_mail", step_up=True, answers="WaitingMailOut")
mail.post("/admin/mail/<batch_id>/cancel", view="cancel_mail", step_up=True, answers="CancelledMailOut")

unreachable = Routes("accounts.web.admin.unreachable", access=ADMINS)
unreachable.get(
    "/admin/mail/bounced",
    view="list_unreachable",
    query="UnreachableSearchForm",
    answers="UnreachablePageOut",
    template="admin/unreachable.html",
    context="unreachable_context",
)
unreachable.post("/admin/mail/bounced/lift", view="count_as_reachable", form="ReachableForm", answers="CountOut")
