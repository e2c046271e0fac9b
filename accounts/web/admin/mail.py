"""The helpdesk's screen: what became of the mail to an address, why a link does not work, and what was given up."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import request

from accounts.core import outbox
from accounts.flows.audit import labels as audit_labels
from accounts.flows.helpdesk import dead_letters, mail_trace
from accounts.flows.helpdesk.dead_letters import DeadLetterPageForm
from accounts.flows.helpdesk.links import advice as link_advice
from accounts.flows.helpdesk.mail_trace import TraceMailForm
from accounts.web.admin import links
from accounts.web.kit import forms
from accounts.web.kit.context import site, uow
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import ADMINS, JSON, Routes, page_url

routes: Routes = Routes()
MAIL_TEMPLATE = "admin/mail.html"


def _dead_letters_json(query: DeadLetterPageForm) -> dict[str, Any]:
    waiting, dead = outbox.count_items(site().store.engine)
    letters, cursor = dead_letters.list_dead_letters(uow(), query)
    return {"waiting": waiting, "dead": dead, "letters": [asdict(each) for each in letters], "next": cursor}


def _empty_context() -> dict[str, Any]:
    query = forms.validate(DeadLetterPageForm, {"after": request.args.get("after", "")})
    return {**_mail_context(query), "trace": None}


def _mail_context(query: DeadLetterPageForm) -> dict[str, Any]:
    """What stands on the page beside an answer."""
    return {
        **_dead_letters_json(query),
        "found": None,
        "happened": audit_labels.EVENT_LABELS,
        "part_names": link_advice.PART_LABELS,
        "done": request.args.get("done", ""),
    }


@routes.get("/admin/mail", access=ADMINS, formats=JSON, query=DeadLetterPageForm)
def list_mail(query: DeadLetterPageForm) -> Reply:
    """How many letters wait, and those that were given up."""
    return Reply(json=_dead_letters_json(query))


@routes.post("/admin/mail", access=ADMINS, form=TraceMailForm, template=MAIL_TEMPLATE, context=_empty_context)
def trace_mail(form: TraceMailForm) -> Reply:
    """What became of the mail to an address, and why a link does or does not work."""
    trace, explanation = mail_trace.trace_mail(uow(), form)
    email = form.email.email if form.email else trace.email if trace else ""
    page_context = {
        **_mail_context(DeadLetterPageForm()),
        "found": explanation,
        "fields": forms.form_fields(TraceMailForm, {"email": email}),
        "problem": None,
    }
    body = {
        "trace": asdict(trace) if trace else None,
        "link": links.explanation_json(explanation) if explanation else None,
    }
    # No redirect to the answer: it would need the address or the link in an address, or kept somewhere.
    return Reply(template=MAIL_TEMPLATE, json=body, context=page_context)


@routes.post("/admin/mail/<mail_id>/again", access=ADMINS, statuses=(202,))
def send_mail_again(mail_id: str) -> Reply:
    """Try a letter that was given up once more; its link is signed then."""
    dead_letters.retry_dead_letter(uow(), mail_id)
    return Reply(json={"sent": True}, status=202, location=page_url("trace_mail_form", done="again"))
