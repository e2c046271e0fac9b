"""The helpdesk's screen: what became of the mail to an address, why a link does not work, and what was given up."""

from __future__ import annotations

from typing import Any

from flask import request

from accounts.core import outbox
from accounts.flows.audit import labels as audit_labels
from accounts.flows.helpdesk import dead_letters, mail_lanes, mail_trace
from accounts.flows.helpdesk.links import advice as link_advice
from accounts.flows.helpdesk.mail_trace import TraceMailForm
from accounts.flows.shared.fields import PageForm
from accounts.web.admin.filters import query_filters
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
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import page_url

MAIL_TEMPLATE = "admin/mail.html"


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
        "done": request.args.get("done", ""),
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
    dead_letters.retry_dead_letter(uow(), mail_id)
    return Reply(json=MAIL_REQUESTED, status=202, location=page_url("trace_mail_form", done="again"))


def pause_mail(batch_id: str) -> Reply:
    """Send nothing more of a list, or of a lane, until somebody resumes it."""
    mail_lanes.pause_mail(uow(), batch_id)
    return _show_waiting("paused")


def resume_mail(batch_id: str) -> Reply:
    """Go on with a list or a lane at once."""
    mail_lanes.resume_mail(uow(), batch_id)
    return _show_waiting("resumed")


def cancel_mail(batch_id: str) -> Reply:
    """Drop the letters of a list that have not gone out; its invitations stay open."""
    count = mail_lanes.cancel_mail(uow(), batch_id)
    location = page_url("trace_mail_form", done="cancelled")
    return Reply(json=CancelledMailOut(letters=count), location=location)


def _show_waiting(done: str) -> Reply:
    body = WaitingMailOut.model_validate(mail_lanes.get_overview(uow()))
    return Reply(json=body, location=page_url("trace_mail_form", done=done))
