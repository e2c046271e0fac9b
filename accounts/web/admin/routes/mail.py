"""Declare the addresses of mail: what waits, and what became of it."""

from __future__ import annotations

from accounts.web.kit.routes import ADMINS, JSON, Routes

routes = Routes("accounts.web.admin.mail", access=ADMINS)
routes.get("/admin/mail", view="list_mail", formats=JSON, query="PageForm", answers="DeadLetterPageOut")
routes.post(
    "/admin/mail",
    view="trace_mail",
    form="TraceMailForm",
    answers="HelpdeskOut",
    template="admin/mail.html",
    page_query="PageForm",
    context="empty_context",
)
routes.post(
    "/admin/mail/<mail_id>/again",
    view="send_mail_again",
    answers="accounts.web.answers.base:MailRequestedOut",
    statuses=(202,),
)
routes.post("/admin/mail/<batch_id>/pause", view="pause_mail", step_up=True, answers="WaitingMailOut")
routes.post("/admin/mail/<batch_id>/resume", view="resume_mail", step_up=True, answers="WaitingMailOut")
routes.post("/admin/mail/<batch_id>/cancel", view="cancel_mail", step_up=True, answers="CancelledMailOut")
