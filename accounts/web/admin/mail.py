"""The helpdesk's screen: what became of the mail to an address, why a link does not work, and what was given up."""

from __future__ import annotations

from typing import Any

from accounts.core import outbox
from accounts.core.clock import now
from accounts.core.errors import NotFound
from accounts.core.messages import N_, make_message, nN_
from accounts.flows.audit import labels as audit_labels
from accounts.flows.helpdesk import dead_letters, mail_lanes, mail_trace
from accounts.flows.helpdesk.limits import LIMIT_LABELS
from accounts.flows.helpdesk.links import advice as link_advice
from accounts.flows.helpdesk.mail_labels import MAIL_LABELS
from accounts.flows.helpdesk.mail_lanes import LANE_LABELS, WaitingBatch
from accounts.flows.helpdesk.mail_trace import TraceMailForm
from accounts.flows.sessions.notice import Notice, make_notice
from accounts.flows.shared.fields import PageForm
from accounts.web.admin.filters import query_filters
from accounts.web.admin.routes.mail import (
    DISCARDED,
    LANE_PAUSED,
    LANE_RESUMED,
    LIST_PAUSED,
    LIST_RESUMED,
    SENT_AGAIN,
)
from accounts.web.answers.base import MAIL_REQUESTED
from accounts.web.answers.link_doctor import LinkExplanationOut
from accounts.web.answers.mail import (
    CancelledMailOut,
    DeadLetterPageOut,
    HelpdeskOut,
    MailCountsOut,
    MailTraceOut,
    WaitingMailOut,
)
from accounts.web.kit import errors, forms
from accounts.web.kit.context import site, uow
from accounts.web.kit.questions import ask
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import page_url

MAIL_TEMPLATE = "admin/mail.html"
NAMELESS_LIST, NAMELESS_ACT = N_("Discarded list"), N_("Password reset links")
"""What a batch is called that has no name of its own."""
DISCARD_TITLE = N_("Discard the unsent emails of “%(list)s”?")
UNSENT = nN_(
    "%(count)s email has not gone out yet. It won't be sent.",
    "%(count)s emails have not gone out yet. They won't be sent.",
)
INVITATIONS_STAY = N_("Invitations among them stay open. You can send or revoke them from their list.")


def _dead_letters_body(query: PageForm) -> DeadLetterPageOut:
    waiting, dead = outbox.count_items(site().store.engine)
    counts = MailCountsOut(waiting=waiting, dead=dead)
    overview = mail_lanes.get_overview(uow())
    return DeadLetterPageOut.from_page(dead_letters.list_dead_letters(uow(), query), counts, overview)


def empty_context(query: PageForm) -> dict[str, Any]:
    """Return what the page shows before anything was asked."""
    return {**_mail_context(query), "trace": None}


def _mail_context(query: PageForm) -> dict[str, Any]:
    """Return what the page shows beside an answer: what waits, and the letters that were given up."""
    return {
        **dict(_dead_letters_body(query)),
        "filters": query_filters(PageForm),
        "found": None,
        "happened": audit_labels.EVENT_LABELS,
        "part_names": link_advice.PART_LABELS,
        "lane_names": LANE_LABELS,
        "mail_names": MAIL_LABELS,
        "limit_names": LIMIT_LABELS,
        "now": now(),
    }


def list_mail(query: PageForm) -> Reply:
    """Return how many emails wait, and list those that were given up."""
    return Reply(json=_dead_letters_body(query))


def trace_mail(form: TraceMailForm) -> Reply:
    """Show what became of the emails to an address, and why a link does or does not work."""
    trace, explanation = mail_trace.trace_mail(uow(), form)
    email = form.email.email if form.email else trace.email if trace else ""
    page_context = {
        **_mail_context(PageForm()),
        "found": explanation,
        "fields": forms.form_fields(TraceMailForm, {"email": email}),
        "problem": None,
    }
    body = HelpdeskOut(
        trace=MailTraceOut.model_validate(trace) if trace else None,
        link=LinkExplanationOut.from_explanation(explanation, errors.translate) if explanation else None,
    )
    # No redirect to the answer: it would need the address or the link in an address, or kept somewhere.
    return Reply(template=MAIL_TEMPLATE, json=body, context=page_context)


def send_mail_again(mail_id: str) -> Reply:
    """Send an email that was given up once more; its link is signed then."""
    email = dead_letters.retry_dead_letter(uow(), mail_id)
    notice = make_notice(SENT_AGAIN, email=email)
    return Reply(json=MAIL_REQUESTED, status=202, location=page_url("trace_mail_form"), notice=notice)


def pause_mail(batch_id: str) -> Reply:
    """Send nothing more of a list, or of a lane, until somebody resumes it."""
    mail_lanes.pause_mail(uow(), batch_id)
    return _show_waiting(batch_id, LANE_PAUSED, LIST_PAUSED)


def resume_mail(batch_id: str) -> Reply:
    """Go on with a list or a lane at once."""
    mail_lanes.resume_mail(uow(), batch_id)
    return _show_waiting(batch_id, LANE_RESUMED, LIST_RESUMED)


def ask_to_cancel(batch_id: str) -> dict[str, Any]:
    """Return the question before emails of a list are discarded."""
    batch = mail_lanes.find_waiting_batch(uow(), batch_id)
    return ask(
        make_message(DISCARD_TITLE, list=_name_of(batch)),
        make_message(UNSENT, count=batch.waiting),
        *([] if batch.act else [make_message(INVITATIONS_STAY)]),
        button=make_message(N_("Discard emails")),
        action=page_url("cancel_mail", batch_id=batch_id),
        back=page_url("trace_mail_form"),
    )


def cancel_mail(batch_id: str) -> Reply:
    """Drop the letters of a list that have not gone out; its invitations stay open."""
    name = _find_name(batch_id)
    count = mail_lanes.cancel_mail(uow(), batch_id)
    notice = make_notice(DISCARDED, count=count, list=name)
    return Reply(json=CancelledMailOut(letters=count), location=page_url("trace_mail_form"), notice=notice)


def _show_waiting(batch_id: str, lane_text: str, list_text: str) -> Reply:
    body = WaitingMailOut.model_validate(mail_lanes.get_overview(uow()))
    notice = _make_notice(batch_id, lane_text, list_text)
    return Reply(json=body, location=page_url("trace_mail_form"), notice=notice)


def _make_notice(name: str, lane_text: str, list_text: str) -> Notice:
    if name in LANE_LABELS:
        return make_notice(lane_text, queue=errors.translate(LANE_LABELS[name]))
    return make_notice(list_text, list=_find_name(name))


def _find_name(batch_id: str) -> str:
    """Return what a batch is called; one of which nothing waits any more is a list without a name."""
    try:
        return _name_of(mail_lanes.find_waiting_batch(uow(), batch_id))
    except NotFound:
        return errors.translate(NAMELESS_LIST)


def _name_of(batch: WaitingBatch) -> str:
    return batch.name or errors.translate(NAMELESS_ACT if batch.act else NAMELESS_LIST)
