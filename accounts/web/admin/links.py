"""The link doctor for admins: paste what somebody sent in, and read why it does not work."""

from __future__ import annotations

from typing import Any

from accounts.flows.audit import labels as audit_labels
from accounts.flows.helpdesk.links import advice as link_advice
from accounts.flows.helpdesk.links import explain as link_explanation
from accounts.flows.helpdesk.links.explain import ExplainLinkForm
from accounts.flows.helpdesk.mail_labels import MAIL_LABELS
from accounts.web.answers.link_doctor import LinkExplanationOut
from accounts.web.kit import errors, forms
from accounts.web.kit.context import uow
from accounts.web.kit.reply import Reply

LINK_DOCTOR_TEMPLATE = "admin/link_doctor.html"


def empty_context() -> dict[str, Any]:
    """Return what the page shows before anything was asked."""
    return {
        "found": None,
        "happened": audit_labels.EVENT_LABELS,
        "part_names": link_advice.PART_LABELS,
        "mail_names": MAIL_LABELS,
    }


def explain_link(form: ExplainLinkForm) -> Reply:
    """Explain why a link does or does not work."""
    explanation = link_explanation.explain_link(uow(), form.link)
    page_context = {
        **empty_context(),
        "found": explanation,
        "fields": forms.form_fields(ExplainLinkForm),
        "problem": None,
    }
    # No redirect to the answer: it would need the link in an address, or kept somewhere.
    body = LinkExplanationOut.from_explanation(explanation, errors.translate)
    return Reply(template=LINK_DOCTOR_TEMPLATE, json=body, context=page_context)
