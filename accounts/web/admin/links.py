"""The link doctor for admins: paste what somebody sent in, and read why it does not work."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from accounts.flows.audit import labels as audit_labels
from accounts.flows.helpdesk.links import advice as link_advice
from accounts.flows.helpdesk.links import explain as link_explanation
from accounts.flows.helpdesk.links.advice import DoctorLine
from accounts.flows.helpdesk.links.explain import ExplainLinkForm, LinkExplanation
from accounts.web.kit import errors, forms
from accounts.web.kit.context import uow
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import ADMINS, Routes

routes: Routes = Routes()
LINK_DOCTOR_TEMPLATE = "admin/link_doctor.html"


def _empty_context() -> dict[str, Any]:
    return {"found": None, "happened": audit_labels.EVENT_LABELS, "part_names": link_advice.PART_LABELS}


@routes.post(
    "/admin/links/explain",
    access=ADMINS,
    form=ExplainLinkForm,
    template=LINK_DOCTOR_TEMPLATE,
    context=_empty_context,
)
def explain_link(form: ExplainLinkForm) -> Reply:
    """Explain why a link does or does not work."""
    explanation = link_explanation.explain_link(uow(), form.link)
    page_context = {
        **_empty_context(),
        "found": explanation,
        "fields": forms.form_fields(ExplainLinkForm),
        "problem": None,
    }
    # No redirect to the answer: it would need the link in an address, or kept somewhere.
    return Reply(template=LINK_DOCTOR_TEMPLATE, json=explanation_json(explanation), context=page_context)


def explanation_json(explanation: LinkExplanation) -> dict[str, Any]:
    """An explanation as JSON says it."""
    body = asdict(explanation)
    body["cause"] = _line_json(explanation.cause)
    for name in ("remarks", "advice"):
        body[name] = [_line_json(line) for line in getattr(explanation, name)]
    return body


def _line_json(line: DoctorLine) -> dict[str, str]:
    return {"code": line.code, "text": errors.translate(line.text, **line.values)}
