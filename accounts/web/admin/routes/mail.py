"""Declare the addresses of mail: what waits, and what became of it."""

from __future__ import annotations

from accounts.core.messages import N_, nN_
from accounts.web.kit.questions import ASK_TEMPLATE
from accounts.web.kit.routes import ADMINS, JSON, Onward, Routes

SENT_AGAIN = N_("We'll try again to send the email to %(email)s, with a new link.")
LANE_PAUSED = N_("Paused: %(queue)s. These emails stay queued until you resume.")
LIST_PAUSED = N_("Sending of “%(list)s” is paused. Its emails stay queued until you resume.")
LANE_RESUMED = N_("Resumed: %(queue)s.")
LIST_RESUMED = N_("Sending of “%(list)s” has resumed.")
DISCARDED = nN_(
    "%(count)s unsent email of “%(list)s” was discarded.", "%(count)s unsent emails of “%(list)s” were discarded."
)

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
    notice=Onward("the page that answers shows what was found"),
)
routes.post(
    "/admin/mail/<mail_id>/again",
    view="send_mail_again",
    answers="accounts.web.answers.base:MailRequestedOut",
    statuses=(202,),
    notice=SENT_AGAIN,
)
routes.post(
    "/admin/mail/<batch_id>/pause",
    view="pause_mail",
    step_up=True,
    answers="WaitingMailOut",
    notice=(LANE_PAUSED, LIST_PAUSED),
)
routes.post(
    "/admin/mail/<batch_id>/resume",
    view="resume_mail",
    step_up=True,
    answers="WaitingMailOut",
    notice=(LANE_RESUMED, LIST_RESUMED),
)
routes.post(
    "/admin/mail/<batch_id>/cancel",
    view="cancel_mail",
    step_up=True,
    answers="CancelledMailOut",
    template=ASK_TEMPLATE,
    context="ask_to_cancel",
    notice=DISCARDED,
)
